"""What was checked for an organisation is posted there or not at all, whoever chooses another meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, User
from c3portal.tests.markup import markup
from invoices.conftest import MakeInvoice
from invoices.models import BillingPeriod, Posting, Upload, UploadDraft
from invoices.posting import transitions
from invoices.tests.pages import post_ready, press, ready_form
from xero_integration import connections
from xero_integration.models import XeroConnection, XeroSettings
from xero_integration.testing import consent

Status = Posting.Status
OTHER = "Contoso Cloud (NZ)"
pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def other(sandbox: Any, connected: XeroConnection) -> XeroConnection:
    """A second organisation, connected and not in use."""
    connection = consent(sandbox, XeroSettings.load().client_id, OTHER)
    connections.read_reference(connection)
    return connection


def form_of(page: HttpResponse) -> tuple[str, dict[str, str]]:
    return ready_form(page.content.decode())


def words(response: Any) -> str:
    return markup(response.content.decode())


def test_a_page_that_stands_open_while_another_is_chosen_posts_nothing(
    finance: Client, connected: XeroConnection, other: XeroConnection, make_invoice: MakeInvoice, period: Any
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    connections.choose(other)
    answer = finance.post(action, form, follow=True)
    assert not Posting.objects.exists()
    assert not Upload.objects.exists()
    assert f"Uploads go to {OTHER} now" in words(answer)
    assert f"last checked for {connected.name}" in words(answer)
    assert "Nothing was queued" in words(answer)


def test_once_checked_for_the_other_it_goes_there(
    finance: Client, connected: XeroConnection, other: XeroConnection, make_invoice: MakeInvoice, period: Any
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    connections.choose(other)
    page = finance.post(action, form, follow=True)
    assert f"Goes to {OTHER}" in words(page)
    assert UploadDraft.objects.get().connection == other


def test_a_tab_of_the_first_organisation_does_not_post_what_another_tab_checked_for_the_second(
    finance: Client, connected: XeroConnection, other: XeroConnection, make_invoice: MakeInvoice, period: Any
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    connections.choose(other)
    finance.get(UploadDraft.objects.get().get_absolute_url())
    connections.choose(connected)
    finance.post(action, form)
    assert not Posting.objects.exists()


def test_someone_elses_look_at_the_page_counts_as_much(
    finance: Client,
    admin: Client,
    connected: XeroConnection,
    other: XeroConnection,
    make_invoice: MakeInvoice,
    period: Any,
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    connections.choose(other)
    admin.get(UploadDraft.objects.get().get_absolute_url())
    finance.post(action, form)
    assert not Posting.objects.exists()


def test_a_form_from_before_the_update_is_checked_again(
    finance: Client, connected: XeroConnection, make_invoice: MakeInvoice, period: Any
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    UploadDraft.objects.update(connection=None)
    answer = finance.post(action, {"taken": form["taken"]}, follow=True)
    assert not Posting.objects.exists()
    assert form_of(answer)[1]["organisation"] == str(connected.pk)
    finance.post(action, form_of(answer)[1])
    assert Posting.objects.get().connection == connected


def test_a_disconnect_in_between_posts_nothing_and_the_same_organisation_connected_again_goes_on(
    finance: Client,
    connected: XeroConnection,
    other: XeroConnection,
    sandbox: Any,
    make_invoice: MakeInvoice,
    period: Any,
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    connections.disconnect(connected)
    answer = finance.post(action, form, follow=True)
    assert not Posting.objects.exists()
    assert connections.NOT_CONNECTED in words(answer)
    connections.choose(consent(sandbox, XeroSettings.load().client_id))
    finance.post(action, form)
    assert Posting.objects.get().connection == connected


def test_a_disconnect_and_another_organisation_in_between_posts_nothing(
    finance: Client, connected: XeroConnection, other: XeroConnection, make_invoice: MakeInvoice, period: Any
) -> None:
    make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    connections.disconnect(connected)
    connections.choose(other)
    answer = finance.post(action, form, follow=True)
    assert not Posting.objects.exists()
    assert f"Uploads go to {OTHER} now" in words(answer)


def test_a_reader_who_looks_changes_nothing_for_who_posts(
    finance: Client,
    client_for: Callable[[User], Client],
    system_reader: User,
    connected: XeroConnection,
    other: XeroConnection,
    make_invoice: MakeInvoice,
    period: Any,
) -> None:
    make_invoice()
    press(finance, period, all="1")
    connections.choose(other)
    client_for(system_reader).get(UploadDraft.objects.get().get_absolute_url())
    assert UploadDraft.objects.get().connection == connected


def test_a_list_that_stood_open_says_that_uploads_go_elsewhere_now(
    finance: Client, connected: XeroConnection, other: XeroConnection, make_invoice: MakeInvoice, period: Any
) -> None:
    make_invoice()
    connections.choose(other)
    page = press(finance, period, all="1", organisation=str(connected.pk))
    assert f"Uploads go to {OTHER} now" in words(page)


@pytest.fixture
def refused(upload: Any, make_invoice: MakeInvoice, connected: XeroConnection, other: XeroConnection) -> Upload:
    """An upload to the first organisation with an invoice refused; by now uploads go to the second."""
    make_invoice()
    queued: Upload = upload().upload
    transitions.mark_rejected(
        Posting.objects.filter(upload=queued), dict.fromkeys(Posting.objects.values_list("pk", flat=True), "No.")
    )
    connections.choose(other)
    return queued


def test_upload_again_goes_to_its_own_organisation_and_says_so(
    finance: Client, refused: Upload, connected: XeroConnection
) -> None:
    page = finance.get(refused.get_absolute_url())
    assert f"This upload and its actions go to {connected.name}" in words(page)
    checked = finance.post(reverse("upload_again", args=[refused.pk]), follow=True)
    assert Posting.objects.get().status == Status.REJECTED
    assert f"Goes to {connected.name}" in words(checked)
    assert f"Goes to {connected.name}, like {refused}" in words(checked)
    answer = post_ready(finance, checked)
    assert Posting.objects.get().connection == connected
    assert Upload.objects.latest("pk").connection == connected
    assert f"1 invoice is on the way to {connected.name}" in words(answer)


def test_upload_again_says_so_where_its_organisation_is_no_longer_connected(
    finance: Client, refused: Upload, connected: XeroConnection
) -> None:
    connections.disconnect(connected)
    answer = finance.post(reverse("upload_again", args=[refused.pk]), follow=True)
    assert Posting.objects.get().status == Status.REJECTED
    assert f"The connection to {connected.name} needs reconnecting" in words(answer)


def test_withdraw_is_of_its_own_organisation_and_says_so(
    finance: Client, upload: Any, make_invoice: MakeInvoice, connected: XeroConnection, other: XeroConnection
) -> None:
    make_invoice()
    queued = upload().upload
    connections.choose(other)
    answer = finance.post(reverse("upload_withdraw", args=[queued.pk]), follow=True)
    assert f"before being sent to {connected.name}" in words(answer)
    assert AuditEntry.objects.filter(after__Organisation=connected.name, action="withdraw").exists()


def test_check_now_asks_its_own_organisation_and_says_so(
    finance: Client,
    upload: Any,
    work: Callable[[], None],
    sandbox: Any,
    make_invoice: MakeInvoice,
    connected: XeroConnection,
    other: XeroConnection,
    no_lookup_delay: None,
) -> None:
    make_invoice()
    queued = upload().upload
    sandbox.place_fault("commit_then_500", path="^Invoices$", method="PUT")
    work()
    Posting.objects.filter(status=Status.UNCERTAIN).update(not_before=None)
    connections.choose(other)
    answer = finance.post(reverse("upload_check", args=[queued.pk]), follow=True)
    assert f"Checked with Xero, {connected.name}" in words(answer)


def test_a_period_is_uploaded_to_each_organisation_by_its_own_check_alone(
    finance: Client,
    woken: list[int],
    connected: XeroConnection,
    other: XeroConnection,
    make_invoice: MakeInvoice,
    period: BillingPeriod,
) -> None:
    first = make_invoice()
    action, form = form_of(press(finance, period, all="1"))
    finance.post(action, form)
    assert Posting.objects.get(invoice=first).connection == connected
    connections.choose(other)
    assert "on their way there" in words(press(finance, period, all="1"))
    assert woken == [connected.pk]
