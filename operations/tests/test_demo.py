"""What a fresh portal is shown with."""

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from c3_integration.models import C3Settings
from c3portal.models import AuditEntry, User, roles
from invoices.models import BillingPeriod, Invoice, TaxOverride
from operations import demo
from xero_integration.models import XeroSettings


@pytest.fixture(autouse=True)
def var(settings: Any, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


def set_up() -> str:
    out = io.StringIO()
    call_command("setup_demo", stdout=out)
    return out.getvalue()


@pytest.mark.both_databases
def test_it_brings_three_periods_once(db: None) -> None:
    assert demo.periods() == 3
    assert demo.periods() == 0
    assert set(BillingPeriod.objects.values_list("billing_id", flat=True)) == {"20260818", "20260918", "20261018"}
    assert Invoice.objects.exists()


def test_the_c3_sandbox_has_the_periods_to_fetch(db: None, c3_sandbox: Any) -> None:
    set_up()
    assert not BillingPeriod.objects.exists()
    assert {"20260818", "20260918", "20261018"} <= {period["billing_id"] for period in c3_sandbox.periods()}


def test_without_a_c3_sandbox_it_brings_them_itself(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    brought: list[None] = []
    monkeypatch.setattr(demo, "periods", lambda: brought.append(None))
    settings.C3_LOGIN_URL = settings.MICROSOFT_LOGIN_URL
    set_up()
    assert len(brought) == 1


def test_it_says_which_sample_is_not_taken(db: None, tmp_path: Path) -> None:
    (tmp_path / "lines-20260918.csv").write_text("InvoiceNumber,Total\nA,1\n")
    with pytest.raises(demo.SampleRefusedError, match=r"lines-20260918\.csv was not imported"):
        demo.periods(tmp_path)


def test_it_makes_a_user_of_each_role_who_can_sign_in(db: None) -> None:
    people = demo.people()
    assert [person.role for person in people] == list(roles.ALL)
    for person in people:
        user = User.objects.get(email=person.email)
        assert user.check_password(person.password)
        assert roles.role_of(user) == person.role


def test_the_passwords_stay_the_same_and_are_for_this_account_alone(db: None, var: Path) -> None:
    assert demo.people() == demo.people()
    assert stat.S_IMODE((var / "sign-ins").stat().st_mode) == 0o600
    assert len({person.password for person in demo.people()}) == 3


def test_two_portals_do_not_share_passwords(db: None, settings: Any, tmp_path: Path) -> None:
    first = demo.people()
    User.objects.all().delete()
    settings.VAR_DIR = tmp_path / "another"
    settings.VAR_DIR.mkdir()
    assert not {person.password for person in first} & {person.password for person in demo.people()}


def test_a_password_that_its_owner_changed_stays_theirs(db: None) -> None:
    demo.people()
    admin = User.objects.get(email="admin@contoso.example")
    admin.set_password("correct horse battery staple")
    admin.save()
    assert demo.people()[0].password == "(the password you chose)"
    admin.refresh_from_db()
    assert admin.check_password("correct horse battery staple")


def test_the_environment_names_the_system_admin(db: None, settings: Any) -> None:
    settings.PORTAL_ADMIN_EMAIL = "Ada@fabrikam.example"
    settings.PORTAL_ADMIN_PASSWORD = "correct horse battery staple"
    person = demo.people()[0]
    assert (person.email, person.password) == ("Ada@fabrikam.example", "(PORTAL_ADMIN_PASSWORD)")
    ada = User.objects.get(email="ada@fabrikam.example")
    assert ada.check_password("correct horse battery staple")
    assert roles.role_of(ada) == roles.SYSTEM_ADMIN


def test_it_makes_the_portal_known_to_the_sandbox(db: None, sandbox: Any) -> None:
    set_up()
    row = XeroSettings.load()
    assert row.missing() == []
    assert (row.license_account_code, row.azure_account_code, row.custom_account_code) == ("4010", "4020", "4030")
    assert row.theme_name == "Cloud services"
    assert sandbox.tokens(row.client_id)["access_token"]


def test_what_a_person_filled_in_stays(db: None, sandbox: Any) -> None:
    own = sandbox.ensure_app("Our own app", ["http://localhost:8000/"])
    XeroSettings.objects.create(pk=1, azure_account_code="200", **own)
    set_up()
    row = XeroSettings.load()
    assert (row.client_id, row.client_secret) == (own["client_id"], own["client_secret"])
    assert (row.license_account_code, row.azure_account_code) == ("4010", "200")


def test_an_app_that_the_sandbox_has_forgotten_is_made_anew(db: None, sandbox: Any) -> None:
    set_up()
    forgotten = XeroSettings.load().client_id
    sandbox.reset()
    set_up()
    assert XeroSettings.load().client_id != forgotten
    assert sandbox.tokens(XeroSettings.load().client_id)["access_token"]


def c3_as_the_sandbox_hands_it_out(c3_sandbox: Any) -> dict[str, str]:
    given = c3_sandbox.credentials()
    return {"api_url": c3_sandbox.url, "tenant_id": given.pop("directory_id"), **given}


def c3_as_set() -> dict[str, str]:
    return {name: getattr(C3Settings.load(), name) for name in (*demo.C3_LABELS, "client_secret")}


def test_it_fills_in_what_the_c3_sandbox_hands_out(db: None, c3_sandbox: Any) -> None:
    set_up()
    assert c3_as_set() == c3_as_the_sandbox_hands_it_out(c3_sandbox)
    assert C3Settings.load().is_complete
    recorded = str(list(AuditEntry.objects.values()))
    assert c3_sandbox.url in recorded
    assert C3Settings.load().client_secret not in recorded


def test_what_is_filled_in_already_is_not_saved_again(db: None, c3_sandbox: Any) -> None:
    """The mornings before settings were saved are not made up for."""
    set_up()
    before = C3Settings.load().updated_at
    set_up()
    assert C3Settings.load().updated_at == before


def test_the_tax_that_c3_does_not_name_is_mapped_once(db: None, c3_sandbox: Any) -> None:
    set_up()
    assert TaxOverride.objects.get().as_text == ("any country  0 %", "EXEMPTOUTPUT")
    TaxOverride.objects.all().delete()
    set_up()
    assert not TaxOverride.objects.exists(), "Who took it away does not get it back"


def test_a_c3_of_ones_own_stays(db: None, c3_sandbox: Any) -> None:
    own = {"api_url": "https://contoso-api.example", "client_id": "own", "client_secret": "of one's own"}
    C3Settings.objects.create(pk=1, **own)
    set_up()
    assert c3_as_set().items() >= own.items()


@pytest.mark.parametrize("changed", [{"client_id": "forgotten"}, {"api_url": "http://localhost:1"}])
def test_a_c3_sandbox_with_another_key_or_port_is_found_again(
    db: None, c3_sandbox: Any, changed: dict[str, str]
) -> None:
    set_up()
    C3Settings.objects.update(client_secret="ended", **changed)
    set_up()
    assert c3_as_set() == c3_as_the_sandbox_hands_it_out(c3_sandbox)


def test_it_goes_on_without_an_answer_from_the_stand_ins(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert "finance@contoso.example" in set_up()
    told = capsys.readouterr().err
    assert "Not acquainted with the stand-in for Xero at http://localhost:9" in told
    assert "Not acquainted with the stand-in for C3 at http://localhost:9" in told


def test_the_first_admin_comes_from_the_environment(db: None, settings: Any) -> None:
    settings.PORTAL_ADMIN_EMAIL = "ada@fabrikam.example"
    settings.PORTAL_ADMIN_PASSWORD = "correct horse battery staple"
    call_command("ensure_admin", stdout=io.StringIO())
    settings.PORTAL_ADMIN_PASSWORD = "another one that changes nothing"
    call_command("ensure_admin", stdout=io.StringIO())
    ada = User.objects.get()
    assert ada.check_password("correct horse battery staple")
    assert roles.role_of(ada) == roles.SYSTEM_ADMIN


def test_it_says_what_the_first_admin_is_missing(db: None) -> None:
    with pytest.raises(CommandError, match="Set PORTAL_ADMIN_EMAIL and PORTAL_ADMIN_PASSWORD"):
        call_command("ensure_admin")
