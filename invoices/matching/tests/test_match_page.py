"""Match columns: a person confirms once what the columns of a file mean, and files of them go straight through."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3portal.audit.record import Action
from c3portal.models import AuditEntry, User
from invoices.importing import in_hand, intake
from invoices.matching.profiles import profile_for
from invoices.matching.tests.tables import FILES, TOTALS, as_csv, documented_lines, dressed
from invoices.matching.tests.test_proposal import GERMAN
from invoices.models import BillingPeriod, ImportProfile, ImportRun, Invoice, KindRule
from invoices.views import matching

pytestmark = pytest.mark.django_db
State = ImportRun.State
NEW_PERIOD = {"period": "new", "billing_id": "20260518", "starts_on": "2026-04-16", "ends_on": "2026-05-15"}
JSON = (FILES / "1-documented-c3.json").read_bytes()


@pytest.fixture(autouse=True)
def import_dir(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IMPORT_DIR = tmp_path / "imports"
    settings.IMPORT_DIR.mkdir()
    monkeypatch.setattr(intake, "wake", lambda run_id, state: None)


def received(content: bytes, tmp_path: Path, user: User, name: str = "lines.csv") -> ImportRun:
    """Return the run of a file that a worker has looked through."""
    path = tmp_path / name
    path.write_bytes(content)
    run = intake.receive(path, name, user)
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    return run


def page_of(run: ImportRun) -> str:
    return reverse("match_columns", args=[run.pk])


def form_of(client: Client, run: ImportRun) -> dict[str, Any]:
    """Return what confirming the page as it stands sends."""
    form = client.get(page_of(run)).context["form"]
    return {"action": "confirm"} | {each.html_name: each.value() or "" for each in form}


def imported(run: ImportRun, user: User) -> dict[str, str]:
    """Go on to the end and return the total of each invoice."""
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    assert run.state == State.READY, run.reason
    assert intake.start(run, user)
    in_hand.bring_in(run.pk)
    return {number: str(total) for number, total in Invoice.objects.order_by("number").values_list("number", "total")}


def test_c3s_documented_lines_are_matched_once_and_come_to_the_cents(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(JSON, tmp_path, system_admin, "c3.json")
    assert run.state == State.COLUMNS

    page = " ".join(admin.get(page_of(run)).content.decode().split())
    assert "quantity × unit price = net in 82 of 82 rows" in page
    assert "Trey Airlines" in page
    assert "Not used:" in page
    assert "BillingProfileName" in page

    response = admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | {"name": "C3"})

    assert response.status_code == 302, response.context["form"].errors
    assert imported(run, system_admin) == dict(sorted(TOTALS.items()))
    assert BillingPeriod.objects.get().billing_id == "20260518"
    entry = AuditEntry.objects.get(action=Action.MAPPING)
    assert entry.subject == "Settings → Column profiles: C3"
    assert entry.after["Net amount"] == "AmountBeforeTax"


def test_the_next_file_of_these_columns_asks_for_its_period_alone(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(JSON, tmp_path, system_admin, "c3.json")
    admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD)
    imported(run, system_admin)

    again = received(JSON, tmp_path, system_admin, "c3.json")

    assert again.state == State.COLUMNS
    form = form_of(admin, again)
    assert form["column_SubTotal"] == "AmountBeforeTax"
    assert admin.post(page_of(again), form).context["form"].errors.keys() == {"period"}
    period = BillingPeriod.objects.get()
    assert admin.post(page_of(again), form | {"period": str(period.pk)}).status_code == 302
    in_hand.inspect(again.pk)
    again.refresh_from_db()
    assert again.state == State.READY
    assert ImportProfile.objects.count() == 1


def with_period() -> list[dict[str, str]]:
    rows = dressed(GERMAN)
    return [row | {"BillingId": "20260518", "Periode von": "2026-04-16", "Periode bis": "2026-05-15"} for row in rows]


def test_the_next_file_that_says_its_period_goes_straight_through_with_new_columns_and_asks_when_one_is_missing(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(as_csv(with_period(), ";"), tmp_path, system_admin)
    assert admin.post(page_of(run), form_of(admin, run)).status_code == 302
    assert imported(run, system_admin) == dict(sorted(TOTALS.items()))

    more = received(as_csv([row | {"Neu": "x"} for row in with_period()], ";"), tmp_path, system_admin)
    renamed = [{name.replace("Netto", "Nett"): text for name, text in row.items()} for row in with_period()]
    fewer = received(as_csv(renamed, ";"), tmp_path, system_admin)

    assert more.state == State.READY
    assert fewer.state == State.COLUMNS


def test_kinds_are_mapped_value_by_value_and_others_stay_open(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    rows = documented_lines()
    for line in rows:
        line["Category"] = {"License": "Seats", "OneTime": "Seats"}.get(line["Category"], line["Category"])
    rows[0]["Category"] = "Mystery"
    run = received(as_csv(rows), tmp_path, system_admin)

    form = admin.get(page_of(run)).context["form"]
    asked = {question.label: count for question, count in form.kinds()}
    assert asked.keys() == {"Seats", "Mystery"}
    assert asked["Mystery"] == 1
    sent = form_of(admin, run) | NEW_PERIOD
    names = {question.label: question.html_name for question, _ in form.kinds()}
    admin.post(page_of(run), sent | {names["Seats"]: "license", names["Mystery"]: ""})

    assert dict(KindRule.objects.values_list("category", "kind")) == {"seats": "license"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"column_CurrencyCode": ""}, "Currency is missing"),
        ({"column_SubTotal": "", "column_TaxAmount": "", "column_TaxPercentage": ""}, "Net amount is missing"),
        ({"column_Total": "Netto"}, "is chosen for Net amount and for Gross amount"),
        ({"column_Quantity": "Kunde"}, "does not hold numbers"),
        ({"period": ""}, "Choose the billing period"),
        ({"billing_id": "2026"}, "eight digits"),
        ({"ends_on": "2026-01-01"}, "ends before it starts"),
        ({"name": ""}, "Give the profile a name"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_kept(
    admin: Client, system_admin: User, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    run = received(as_csv(dressed(GERMAN), ";"), tmp_path, system_admin)

    response = admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | changes)

    assert said in " ".join(response.content.decode().split())
    assert not ImportProfile.objects.exists()
    run.refresh_from_db()
    assert run.state == State.COLUMNS


def said_on(response: Any) -> str:
    return " ".join(response.content.decode().split())


def with_a_discount() -> list[dict[str, str]]:
    rows = dressed(GERMAN)
    # Three at 10.00, of which one is a gift.
    rows[12] |= {"Menge": "3", "Einzelpreis": "10,00", "Netto": "20,00", "MwSt.-Satz (%)": "10", "MwSt.": "2,00"}
    return [*rows[:12], rows[12] | {"Brutto": "22,00"}, *rows[13:]]


def test_amounts_that_contradict_one_another_are_taken_only_once_a_person_has_looked_at_it(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(as_csv(with_a_discount(), ";"), tmp_path, system_admin)
    sent = form_of(admin, run) | NEW_PERIOD

    response = admin.post(page_of(run), sent)

    said = said_on(response)
    assert "Quantity × unit price = net fails in 1 of 82 rows, first row 14: 3 × 10.00 is not 20.00" in said
    assert "Net × rate = tax holds in 82 of 82 rows" in said
    assert "Net + tax = gross holds in 82 of 82 rows" in said
    assert not ImportProfile.objects.exists()
    # What was confirmed of other failures does not count.
    assert admin.post(page_of(run), sent | {"looked_at": "0" * 64}).status_code == 200
    looked_at = response.context["agreements"].fingerprint
    assert f'value="{looked_at}"' in said

    assert admin.post(page_of(run), sent | {"looked_at": looked_at}).status_code == 302

    assert "fails in 1 of 82 rows" in AuditEntry.objects.get(action=Action.MAPPING).after["Taken as it is"]
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    assert (
        "Quantity × unit price = net fails in 1 of 82 rows, first row 14: 3 × 10.00 is not 20.00."
        in (run.preview["notes"])
    )
    assert "Net × rate = tax holds in 82 of 82 rows." in run.preview["notes"]


def test_of_a_large_file_the_page_counts_a_part_and_the_worker_all(
    admin: Client, system_admin: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "MOST_ROWS", 12)
    run = received(as_csv(with_a_discount(), ";"), tmp_path, system_admin)

    response = admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD)

    assert response.status_code == 302, "The row that contradicts is the 14th"
    in_hand.inspect(run.pk)
    run.refresh_from_db()
    assert any("fails in 1 of 82 rows, first row 14" in note for note in run.preview["notes"])
    said = said_on(admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | {"action": "show"}))
    assert "First 12 of 82 rows" in said


@pytest.mark.parametrize(
    ("columns", "broken"),
    [
        # An amount with tax in it, taken for net.
        ({"SubTotal": "Brutto", "Total": ""}, "Net × rate = tax fails in"),
        # The total of the invoice, repeated on each of its lines.
        ({"Total": "Rechnungsbetrag"}, "Net + tax = gross fails in"),
        # A discount.
        ({"TaxAmount": "Rabatt"}, "Net × rate = tax fails in"),
        ({"TaxAmount": "Rabatt", "TaxPercentage": ""}, "Net + tax = gross fails in"),
    ],
    ids=["gross for net", "total of the invoice", "discount", "discount without rate"],
)
def test_a_column_that_means_something_else_is_not_taken_in_silence(
    admin: Client, system_admin: User, tmp_path: Path, columns: dict[str, str], broken: str
) -> None:
    rows = [row | {"Rechnungsbetrag": "99.000,00", "Rabatt": "1,23", "MwSt.-Satz (%)": "10"} for row in dressed(GERMAN)]
    run = received(as_csv(rows, ";"), tmp_path, system_admin)
    chosen = {f"column_{name}": column for name, column in columns.items()}

    response = admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | chosen)

    assert broken in said_on(response)
    assert "so nothing was saved" in said_on(response)
    assert not ImportProfile.objects.exists()


def test_a_file_that_is_gone_when_its_columns_are_confirmed_is_said(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(as_csv(dressed(GERMAN), ";"), tmp_path, system_admin)
    sent = form_of(admin, run) | NEW_PERIOD
    intake.path_of(run.stored_as).unlink()

    assert "The file is not there any more" in said_on(admin.post(page_of(run), sent))


def test_what_was_computed_is_not_held_against_what_it_comes_of(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(as_csv(dressed(GERMAN), ";"), tmp_path, system_admin)
    changes = {"action": "show", "column_Total": "", "column_UnitPriceOfProduct": ""}

    response = admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | changes)

    assert [str(each) for each in response.context["agreements"].all] == ["Net × rate = tax holds in 82 of 82 rows"]


def test_a_total_of_the_invoice_on_each_of_its_lines_is_asked_about_where_no_other_amount_tells(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    rows = dressed(GERMAN)
    firsts = {row["Rechnungs-Nr."]: row for row in reversed(rows)}
    # They add up, and are taxed at their rate.
    totals = [firsts[row["Rechnungs-Nr."]] for row in rows]
    amounts = ("MwSt.-Satz (%)", "MwSt.", "Netto", "Brutto")
    rows = [row | {name: total[name] for name in amounts} for row, total in zip(rows, totals, strict=True)]
    run = received(as_csv(rows, ";"), tmp_path, system_admin)
    sent = form_of(admin, run) | NEW_PERIOD | {"column_UnitPriceOfProduct": "", "column_Quantity": ""}

    response = admin.post(page_of(run), sent)

    said = said_on(response)
    assert "Net + tax = gross holds in 82 of 82 rows" in said
    assert "Gross amount is the same on every line in" in said
    assert not ImportProfile.objects.exists()


def lone_amounts(of: str) -> list[dict[str, str]]:
    clothes = {name: made for name, made in GERMAN.items() if name not in ("Netto", "Brutto", "MwSt.", "Menge")}
    made = GERMAN[of]
    assert callable(made)
    return dressed({**clothes, "Betrag": made})


@pytest.mark.parametrize(("of", "answer"), [("Netto", "no"), ("Brutto", "yes")])
def test_whether_tax_is_in_the_only_amount_is_asked_and_never_guessed(
    admin: Client, system_admin: User, tmp_path: Path, of: str, answer: str
) -> None:
    run = received(as_csv(lone_amounts(of), ";"), tmp_path, system_admin)
    form = admin.get(page_of(run)).context["form"]
    asked = next(name for name in form.fields if name.startswith("taxed_"))
    sent = form_of(admin, run) | NEW_PERIOD | {"column_UnitPriceOfProduct": ""}

    assert "say whether tax is in the amounts of “Betrag”" in said_on(admin.post(page_of(run), sent))
    response = admin.post(page_of(run), sent | {asked: answer})

    assert response.status_code == 302, response.context["form"].errors
    assert imported(run, system_admin) == dict(sorted(TOTALS.items()))
    assert ImportProfile.objects.get().columns.get({"no": "SubTotal", "yes": "Total"}[answer]) == "Betrag"


def test_a_currency_that_no_column_has_is_the_same_for_all_lines(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    rows = [{name: text for name, text in row.items() if name != "Währung"} for row in dressed(GERMAN)]
    run = received(as_csv(rows, ";"), tmp_path, system_admin)

    admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | {"currency": "eur"})
    imported(run, system_admin)

    assert set(Invoice.objects.values_list("currency", flat=True)) == {"EUR"}


def test_a_name_is_taken_once(admin: Client, system_admin: User, tmp_path: Path) -> None:
    ImportProfile.objects.create(name="Shop", header=["A"], columns={"InvoiceNumber": "A"})
    run = received(as_csv(dressed(GERMAN), ";"), tmp_path, system_admin)

    response = admin.post(page_of(run), form_of(admin, run) | NEW_PERIOD | {"name": "shop"})

    assert "There is a profile of this name" in response.content.decode()


def test_the_choices_so_far_can_be_looked_at(admin: Client, system_admin: User, tmp_path: Path) -> None:
    run = received(as_csv(dressed(GERMAN), ";"), tmp_path, system_admin)

    response = admin.post(page_of(run), form_of(admin, run) | {"action": "show", "column_ProductSKUId": "Kundennummer"})

    row = next(each for each in response.context["rows"] if each["meaning"].field == "ProductSKUId")
    assert row["samples"] == ["ERP1000", "ERP1001", "ERP1002"]
    assert "Not saved" not in response.content.decode()


def test_what_is_ready_can_be_matched_otherwise_and_what_is_imported_cannot(
    admin: Client, system_admin: User, tmp_path: Path
) -> None:
    run = received(as_csv(with_period(), ";"), tmp_path, system_admin)
    admin.post(page_of(run), form_of(admin, run))
    in_hand.inspect(run.pk)

    assert admin.get(page_of(run)).status_code == 200
    ImportRun.objects.filter(pk=run.pk).update(state=State.IMPORTED)
    assert admin.get(page_of(run)).status_code == 302


# Settings → Column profiles


@pytest.fixture
def profile(admin: Client, system_admin: User, tmp_path: Path) -> ImportProfile:
    run = received(as_csv(with_period(), ";"), tmp_path, system_admin)
    admin.post(page_of(run), form_of(admin, run) | {"name": "Shop"})
    return ImportProfile.objects.get()


def edited(client: Client, profile: ImportProfile, **changes: str) -> Any:
    page = reverse("column_profile", args=[profile.pk])
    form = client.get(page).context["form"]
    return client.post(page, {each.html_name: each.value() or "" for each in form} | changes)


def test_profiles_are_listed_with_the_portals_own(admin: Client, profile: ImportProfile) -> None:
    page = admin.get(reverse("column_profiles")).content.decode()

    assert "Shop" in page
    assert "as the portal downloads them" in page


def test_a_profile_is_renamed_and_edited_and_the_change_audited(admin: Client, profile: ImportProfile) -> None:
    assert edited(admin, profile, name="Market", column_ProductSKUId="").status_code == 302

    profile.refresh_from_db()
    assert profile.name == "Market"
    assert "ProductSKUId" not in profile.columns
    assert profile.formats["numbers"]["SubTotal"] == ","
    entry = AuditEntry.objects.latest("pk")
    assert (entry.before["Name"], entry.after["Name"]) == ("Shop", "Market")


def test_a_profile_that_would_miss_something_is_not_saved(admin: Client, profile: ImportProfile) -> None:
    response = edited(admin, profile, column_InvoiceNumber="")

    assert "Invoice number is missing" in response.content.decode()


def test_a_profile_is_deleted_and_its_columns_ask_again(admin: Client, profile: ImportProfile) -> None:
    header = profile.header
    assert profile_for(header)

    edited(admin, profile, delete="1")

    assert profile_for(header) is None
    assert AuditEntry.objects.latest("pk").subject == "Settings → Column profiles: Shop deleted"


def test_the_amounts_are_decimals_to_the_end(admin: Client, profile: ImportProfile, system_admin: User) -> None:
    imported(ImportRun.objects.get(), system_admin)

    assert sum(Invoice.objects.values_list("total", flat=True)) == sum(map(Decimal, TOTALS.values()))
