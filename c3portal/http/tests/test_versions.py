"""Two people, or two pages, fill in one form: the second to save is told, and the audit record says what was there."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, NoticeChoice, User, Webhook, roles
from c3portal.testing import at_once
from invoices.models import AccountOverride, CustomerOverride, TaxOverride
from invoices.tests import makers
from xero_integration.models import Account, XeroSettings

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ClientFor = Callable[[User], Client]


def version_in(page: Any) -> str:
    found = re.findall(r'name="version" value="([^"]+)"', page.content.decode())
    assert found, "The form carries no version"
    return str(found[0])


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("other@contoso.example", "a password of the tests", role=roles.SYSTEM_ADMIN)


@pytest.fixture
def forms(system_admin: User) -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each form: its page, what the first to save sends, and what the second does."""
    xero = makers.connected(system_admin)
    invoices = makers.invoices(makers.a_period(), 2)
    for code in ("200", "260"):
        Account.objects.get_or_create(
            connection=xero, code=code, defaults={"name": code, "type": "REVENUE", "status": "ACTIVE"}
        )
    someone = User.objects.create_user("someone@contoso.example", role=roles.SYSTEM_READER)
    hook = Webhook.objects.create(url="https://hooks.contoso.example/", kinds=["upload_finished"])
    user, webhook = reverse("user", args=[someone.pk]), reverse("webhook", args=[hook.pk])
    general: dict[str, Any] = {"invoice_status": "DRAFT", "difference_policy": "block", "difference_limit": "0.05"}
    # What a live connection needs.
    accounts = dict.fromkeys(("license_account_code", "azure_account_code", "custom_account_code"), "200")
    general |= {"client_id": "AC623E1336882095A30110A337ABC8B9"} | accounts
    rule = {"action": "rule", "rule-sku": "", "rule-customer": invoices[0].customer.tenant_id}
    return {
        "general": (
            reverse("settings_general"),
            {**general, "difference_limit": "0.10"},
            {**general, "difference_limit": "0.20"},
        ),
        "accounts": (
            reverse("account_overrides"),
            {**rule, "rule-account_code": "200"},
            {**rule, "rule-account_code": "260"},
        ),
        "customers": (
            reverse("customer_overrides"),
            {"action": "override", "all": "1", "due_days": "5"},
            {"action": "override", "all": "1", "due_days": "9"},
        ),
        "role": (user, {"role": roles.FINANCE_ADMIN}, {"role": roles.SYSTEM_ADMIN}),
        "webhook": (webhook, {"kinds": ["upload_finished", "day_limit"]}, {"kinds": ["day_limit"]}),
    }


def kept() -> list[Any]:
    return [
        XeroSettings.load().difference_limit,
        sorted(AccountOverride.objects.values_list("customer", "account_code")),
        sorted(CustomerOverride.objects.values_list("customer", "due_days")),
        sorted(TaxOverride.objects.values_list("tax_name", "tax_type")),
        sorted(User.objects.values_list("email", "groups__name")),
        sorted(Webhook.objects.values_list("url", "kinds")),
        sorted(NoticeChoice.objects.values_list("kind", "wanted")),
    ]


@pytest.mark.parametrize("name", ["general", "accounts", "customers", "role", "webhook"])
def test_the_second_to_save_is_told_and_may_save_again(
    name: str, forms: dict[str, Any], client_for: ClientFor, system_admin: User, other: User
) -> None:
    page, first, second = forms[name]
    to = f"{page}role/" if name == "role" else page
    one, two = client_for(system_admin), client_for(other)
    shown_to_one, shown_to_two = version_in(one.get(page)), version_in(two.get(page))
    assert one.post(to, {**first, "version": shown_to_one}).status_code == 302
    after_the_first = kept()

    answer = two.post(to, {**second, "version": shown_to_two}, follow=True)
    assert f"changed meanwhile by {system_admin.email}" in answer.content.decode()
    assert answer.content.decode().lower().count("nothing was saved") == 1
    assert kept() == after_the_first
    assert AuditEntry.objects.exclude(actor=system_admin.email).count() == 0

    assert two.post(to, {**second, "version": version_in(answer)}, follow=True).status_code == 200
    assert kept() != after_the_first
    entry = AuditEntry.objects.latest("pk")
    assert entry.actor == other.email
    assert entry.before.items() <= AuditEntry.objects.filter(actor=system_admin.email).latest("pk").after.items()


def test_ones_own_second_page_is_told_too(client_for: ClientFor, system_admin: User) -> None:
    client, page = client_for(system_admin), reverse("notice_choices")
    old = version_in(client.get(page))
    assert client.post(page, {"kinds": ["upload_finished"], "version": old}).status_code == 302
    before = kept()
    assert "changed meanwhile" in client.post(page, {"kinds": [], "version": old}).content.decode()
    assert kept() == before


def test_nothing_can_be_read_from_a_version(client_for: ClientFor, system_admin: User) -> None:
    XeroSettings.objects.update_or_create(pk=1, defaults={"client_secret": "the secret of the app"})
    first = version_in(client_for(system_admin).get(reverse("settings_general")))
    XeroSettings.objects.update(client_secret="another secret of the app")
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert version_in(client_for(system_admin).get(reverse("settings_general"))) != first


@pytest.mark.django_db(transaction=True)
def test_of_many_who_save_at_once_one_does_and_the_record_says_what_was_there(
    forms: dict[str, Any], client_for: ClientFor, system_admin: User
) -> None:
    page, form, _ = forms["general"]
    version = version_in(client_for(system_admin).get(page))
    clients = [client_for(system_admin) for _ in range(6)]
    limits = [f"0.{number}0" for number in range(1, 7)]

    def save(turn: int) -> int:
        return clients[turn].post(page, {**form, "difference_limit": limits[turn], "version": version}).status_code

    assert sorted(at_once(6, save)) == [200, 200, 200, 200, 200, 302]
    # A script that sends no version: each saves, and the record is a chain without a gap.
    assert set(
        at_once(6, lambda turn: clients[turn].post(page, {**form, "difference_limit": limits[turn]}).status_code)
    ) == {302}
    label = "Up to this difference"
    entries = [each for each in AuditEntry.objects.filter(action="settings").order_by("pk") if label in each.after]
    assert len(entries) > 3
    assert all(one.after[label] == next_one.before[label] for one, next_one in pairwise(entries))


def test_the_page_that_asks_once_more_passes_the_version_on(client_for: ClientFor, system_admin: User) -> None:
    mine, page = client_for(system_admin), f"/settings/users/{system_admin.pk}/"
    seen = version_in(mine.get(page))
    assert version_in(mine.post(f"{page}role/", {"role": roles.FINANCE_ADMIN, "version": seen})) == seen
