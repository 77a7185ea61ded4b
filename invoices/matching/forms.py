"""Forms for kinds of categories and for column profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

from django import forms

from invoices.matching import kind_rules
from invoices.matching.column_profile import Formats, field_of
from invoices.matching.confirming import Choice, answered, asks_for_tax, choice_problems, computed, problems
from invoices.matching.conversion import CUSTOMER, RESELLER
from invoices.matching.kinds import AZURE, CUSTOM, LICENSE, OPEN, kind_of, likely_kind
from invoices.matching.meanings import DATES, MEANINGS, NUMBERS, PERIOD, Meaning
from invoices.matching.proposal import ASKED, ColumnSeen, Proposal
from invoices.matching.written_dates import Order
from invoices.matching.written_numbers import Mark
from invoices.models import BillingPeriod, ImportProfile, InvoiceLine
from invoices.reading.encodings import GUESSES

NOT_YET = ("", "Not yet known")
PERIODS_LISTED = 36
# What C3 calls a line of each kind.
CATEGORIES = {LICENSE: "License", AZURE: "Usage", CUSTOM: "Custom"}
MARKS = [
    ("", "Choose"),
    (Mark.POINT.value, "Decimal point: 1,234.50"),
    (Mark.COMMA.value, "Decimal comma: 1.234,50"),
]
ORDERS = [
    ("", "Choose"),
    (Order.DAY_FIRST.value, "Day first: 31/12/2026"),
    (Order.MONTH_FIRST.value, "Month first: 12/31/2026"),
]
ALL_MARKS = [
    ("", "Only what can be read in one way"),
    (Mark.PLAIN.value, "Decimal point, and nothing between thousands"),
    *MARKS[1:],
]
ALL_ORDERS = [
    ("", "Only what can be read in one way"),
    (Order.ISO.value, "Year first: 2026-12-31"),
    (Order.SERIAL.value, "Days as a spreadsheet counts them: 46387"),
    *ORDERS[1:],
]
BILLED = [
    ("", "The file does not say: hold those lines back"),
    (CUSTOMER, "The customer, on every line"),
    (RESELLER, "The reseller, where a line names one"),
]
FRACTIONS = [("", "Choose"), ("yes", "10 %"), ("no", "0.1 %")]
TAXED = [("", "Choose"), ("no", "Not in them: they are net"), ("yes", "In them: they are gross")]


class KindRuleForm(forms.Form):
    """The kind of a category."""

    category = forms.CharField(
        label="Category",
        max_length=255,
        required=False,
        help_text="As in the file. Empty for lines without one.",
    )
    kind = forms.ChoiceField(
        label="Kind of line",
        choices=[("", "Choose a kind"), *InvoiceLine.Kind.choices],
        error_messages={"required": "Choose the kind."},
    )

    def clean_category(self) -> Any:
        return self.cleaned_data["category"].strip()


class MatchForm(forms.Form):
    """Which column means what in one file, and what its columns do not say.

    Its fields are made from the proposal: `column_…` for each meaning, `mark_…`, `order_…`, `fraction_…` and `taxed_…`
    for each column that can be read in two ways, `kind_…` for each value of the column that is the kind.
    """

    name = forms.CharField(
        label="Name of the profile",
        max_length=100,
        help_text="Files with these columns then go straight through.",
        error_messages={"required": "Give the profile a name."},
    )
    currency = forms.CharField(label="Currency of all lines", required=False, max_length=3, min_length=3)
    all_kind = forms.ChoiceField(
        label="Kind of all lines", required=False, choices=[("", "Choose a kind"), *InvoiceLine.Kind.choices]
    )
    billed_to = forms.ChoiceField(
        label="Who is billed",
        required=False,
        choices=BILLED,
        help_text="Resellers are named; no column says who is billed.",
    )
    period = forms.ChoiceField(label="Billing period", required=False)
    billing_id = forms.RegexField(
        r"^\d{8}$",
        label="BillingId of the new period",
        required=False,
        help_text="The day billed, as 20260518.",
        error_messages={"invalid": "Write the day as eight digits: 20260518."},
    )
    starts_on = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(
        self,
        data: Any = None,
        *,
        proposal: Proposal,
        columns: Mapping[str, str],
        constants: Mapping[str, str],
        fixed: Mapping[str, str] = MappingProxyType({}),
        **more: Any,
    ) -> None:
        super().__init__(data, **more)
        self._begin_with(fixed)
        self.proposal, self.proposed, self.known_constants = proposal, columns, constants
        listed = [("", "No column"), *((each.name, each.name) for each in proposal.columns)]
        for meaning in MEANINGS:
            self.fields[f"column_{meaning.field}"] = forms.ChoiceField(
                label=meaning.label, required=False, choices=listed, initial=columns.get(meaning.field, "")
            )
        for index, column in enumerate(proposal.columns):
            self._ask(index, column)
        periods = [
            (str(each.pk), f"{each} · {each.billing_id}") for each in BillingPeriod.objects.all()[:PERIODS_LISTED]
        ]
        self._choices("period", [("", "Choose the period"), *periods, ("new", "A new one, as below")])
        self._ask_kinds()

    def _begin_with(self, fixed: Mapping[str, str]) -> None:
        """Show what an earlier choice took as the same for all lines."""
        self.initial.setdefault("currency", fixed.get("CurrencyCode", ""))
        self.initial.setdefault("billed_to", fixed.get("InvoiceEntity", ""))
        kinds = {category: kind for kind, category in CATEGORIES.items()}
        self.initial.setdefault("all_kind", kinds.get(fixed.get("Category", ""), ""))

    def _ask(self, index: int, column: ColumnSeen) -> None:
        """Add the questions that the values of a column leave open."""
        if column.mark is None:
            self.fields[f"mark_{index}"] = forms.ChoiceField(
                label="Its numbers have a", required=False, choices=MARKS, initial=column.suggested_mark
            )
        if column.order is None:
            self.fields[f"order_{index}"] = forms.ChoiceField(
                label="Its dates have the", required=False, choices=ORDERS, initial=column.suggested_order
            )
        if column.is_fraction is None:
            self.fields[f"fraction_{index}"] = forms.ChoiceField(
                label="A rate of 0.1 is", required=False, choices=FRACTIONS
            )
        if any(each.sureness == ASKED and each.column == column.name for each in self.proposal.fields.values()):
            self.fields[f"taxed_{index}"] = forms.ChoiceField(label="Tax is", required=False, choices=TAXED)

    def _ask_kinds(self) -> None:
        """Add a question for each value of the column that is the kind, as far as its kind is not known."""
        rules = kind_rules.read_rules()
        self.kind_column = self.proposal.column(self.column_of("Category"))
        values = self.kind_column.values if self.kind_column else None
        self.kind_values = [text for text in values or {} if kind_of(text, "", rules) == OPEN]
        for index, text in enumerate(self.kind_values):
            self.fields[f"kind_{index}"] = forms.ChoiceField(
                label=text,
                required=False,
                choices=[NOT_YET, *InvoiceLine.Kind.choices],
                initial=likely_kind(text),
            )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # for the type checker
        field.choices = choices

    def column_of(self, name: str) -> str:
        """Return the column that is chosen for a field now."""
        return str(self[f"column_{name}"].value() or "")

    def rows(self) -> list[dict[str, Any]]:
        """Return each meaning with its drop-down, and what is known of the column that is chosen."""
        taxed = {
            column.name: self[f"taxed_{index}"].value() == "yes"
            for index, column in enumerate(self.proposal.columns)
            if f"taxed_{index}" in self.fields and self[f"taxed_{index}"].value()
        }
        words = {each.field: each.words for each in computed(Choice(answered(self._chosen_columns(), taxed)))}
        return [self._row(meaning) | {"computed": words.get(meaning.field, "")} for meaning in MEANINGS]

    def _chosen_columns(self) -> dict[str, str]:
        return {meaning.field: self.column_of(meaning.field) for meaning in MEANINGS}

    def _row(self, meaning: Meaning) -> dict[str, Any]:
        name = self.column_of(meaning.field)
        seen, proposed = self.proposal.column(name), self.proposal.fields[meaning.field]
        is_proposed = bool(name) and name == proposed.column
        return {
            "meaning": meaning,
            "bound": self[f"column_{meaning.field}"],
            "samples": seen.samples if seen else [],
            "filled": seen.filled if seen else 0,
            "sureness": proposed.sureness if is_proposed else "",
            "evidence": proposed.evidence if is_proposed else [],
            "elsewhere": meaning.field in (*PERIOD, "CurrencyCode", "Category")
            or (meaning.field == "InvoiceEntity" and self.asks_who),
            "questions": self._questions(meaning.field, name),
        }

    def _questions(self, name: str, column: str) -> list[Any]:
        asked = [
            prefix
            for prefix, fields in (("mark", NUMBERS), ("order", DATES), ("fraction", ("TaxPercentage",)))
            if name in fields
        ]
        if asks_for_tax(self.proposal, self._chosen_columns(), name):
            asked.append("taxed")
        index = next((index for index, each in enumerate(self.proposal.columns) if each.name == column), -1)
        return [self[f"{prefix}_{index}"] for prefix in asked if f"{prefix}_{index}" in self.fields]

    def kinds(self) -> list[tuple[Any, int]]:
        """Return the question for each open value of the kind's column, with how many lines have it."""
        values = (self.kind_column.values if self.kind_column else None) or {}
        return [(self[f"kind_{index}"], values[text]) for index, text in enumerate(self.kind_values)]

    @property
    def asks_period(self) -> bool:
        """Whether the period is neither in the file nor known from where it came."""
        return not all(self.column_of(name) or self.known_constants.get(name) for name in PERIOD)

    @property
    def asks_who(self) -> bool:
        """Whether the file names resellers and does not say which invoices go to them."""
        return bool(self.column_of("ResellerName")) and not self.column_of("InvoiceEntity")

    def unused(self) -> list[str]:
        """Return the columns that mean nothing to the portal."""
        used = {self.column_of(meaning.field) for meaning in MEANINGS}
        return [each.name for each in self.proposal.columns if each.name not in used and not field_of(each.name)]

    def choice(self) -> Choice:
        """Return what is chosen, once the fields are valid."""
        cleaned, columns = self.cleaned_data, self.proposal.columns
        category = CATEGORIES.get(cleaned["all_kind"], "")

        def answers(prefix: str) -> dict[str, str]:
            return {
                each.name: cleaned[f"{prefix}_{index}"]
                for index, each in enumerate(columns)
                if cleaned.get(f"{prefix}_{index}")
            }

        taxed = {name: answer == "yes" for name, answer in answers("taxed").items()}
        return Choice(
            columns=answered({meaning.field: cleaned[f"column_{meaning.field}"] for meaning in MEANINGS}, taxed),
            taxed=taxed,
            marks=answers("mark"),
            orders=answers("order"),
            fractions={name: answer == "yes" for name, answer in answers("fraction").items()},
            fixed={
                "CurrencyCode": cleaned["currency"].upper(),
                "Category": category,
                "InvoiceEntity": cleaned["billed_to"] if self.asks_who else "",
            },
            constants={**self.known_constants, **self._period()},
        )

    def _period(self) -> dict[str, str]:
        """Return the chosen or new period as fields of every line, {} when there is none."""
        cleaned = self.cleaned_data
        if not self.asks_period or not cleaned["period"]:
            return {}
        if cleaned["period"] == "new":
            facts = (cleaned["billing_id"], cleaned["starts_on"], cleaned["ends_on"])
        else:
            chosen = BillingPeriod.objects.get(pk=cleaned["period"])
            facts = (chosen.billing_id, chosen.starts_on, chosen.ends_on)
        return {name: str(fact) for name, fact in zip(PERIOD, facts, strict=True)}

    def chosen_kinds(self) -> dict[str, str]:
        """Return the kind of each value for which one was chosen."""
        chosen = {text: self.cleaned_data.get(f"kind_{index}", "") for index, text in enumerate(self.kind_values)}
        return {text: kind for text, kind in chosen.items() if kind}

    def clean(self) -> dict[str, Any]:
        cleaned = cast("dict[str, Any]", super().clean())
        if self.errors:
            return cleaned
        if self.asks_period:
            self._check_period(cleaned)
        if not self.errors:
            for words in problems(self.proposal, self.choice()):
                self.add_error(None, words)
        return cleaned

    def _check_period(self, cleaned: dict[str, Any]) -> None:
        if not cleaned["period"]:
            self.add_error("period", "Choose the billing period that these lines are of, or make a new one.")
        if cleaned.get("period") != "new":
            return
        for name in ("billing_id", "starts_on", "ends_on"):
            if not cleaned.get(name):
                self.add_error(name, "A new period needs this.")
        if not self.errors and cleaned["ends_on"] < cleaned["starts_on"]:
            self.add_error("ends_on", "It ends before it starts.")
        if not self.errors and BillingPeriod.objects.filter(billing_id=cleaned["billing_id"]).exists():
            self.add_error("billing_id", "There is a period of this BillingId already: choose it above.")


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A profile's name, its columns, and how their numbers and dates are written."""

    class Meta:
        model = ImportProfile
        fields = ("name", "encoding", "sheet")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        profile = self.instance
        known = dict.fromkeys(["", profile.encoding, *GUESSES])
        self.fields["encoding"] = forms.ChoiceField(
            label="Encoding that was confirmed",
            required=False,
            choices=[(name, name or "None: ask each time") for name in known],
            help_text="Files guessed to be so go straight through.",
        )
        listed = [("", "No column"), *((name, name) for name in profile.header)]
        formats = Formats.from_json(profile.formats)
        for meaning in MEANINGS:
            name = meaning.field
            self._add(f"column_{name}", meaning.label, listed, profile.columns.get(name, ""))
            if name in NUMBERS:
                self._add(f"written_{name}", "Its numbers have a", ALL_MARKS, formats.mark(name).value)
            if name in DATES:
                self._add(f"written_{name}", "Its dates have the", ALL_ORDERS, formats.order(name).value)
        self.fields["rate_is_fraction"] = forms.BooleanField(
            label="A rate of 0.1 is 10 %", required=False, initial=formats.rate_is_fraction
        )

    def _add(self, name: str, label: str, choices: list[tuple[str, str]], initial: str) -> None:
        self.fields[name] = forms.ChoiceField(label=label, required=False, choices=choices, initial=initial)

    def rows(self) -> list[dict[str, Any]]:
        """Return the drop-downs of each meaning."""
        return [
            {
                "meaning": meaning,
                "bound": self[f"column_{meaning.field}"],
                "written": self[f"written_{meaning.field}"] if f"written_{meaning.field}" in self.fields else None,
            }
            for meaning in MEANINGS
        ]

    def _columns(self, cleaned: dict[str, Any]) -> dict[str, str]:
        """Return the columns as chosen, and those of fields that nobody is asked about as they were."""
        chosen = {meaning.field: cleaned[f"column_{meaning.field}"] for meaning in MEANINGS}
        kept = {name: column for name, column in self.instance.columns.items() if name not in chosen}
        return {**{name: column for name, column in chosen.items() if column}, **kept}

    def clean(self) -> dict[str, Any]:
        cleaned = cast("dict[str, Any]", super().clean())
        if self.errors:
            return cleaned
        columns = self._columns(cleaned)
        formats = Formats.from_json(self.instance.formats)
        choice = Choice(columns, fixed=formats.fixed, constants=dict.fromkeys(PERIOD, "asked for each file"))
        for words in choice_problems(choice):
            self.add_error(None, words)
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Keep the choices in the instance."""
        cleaned, profile = self.cleaned_data, self.instance
        profile.columns = self._columns(cleaned)
        before = Formats.from_json(profile.formats)
        profile.formats = replace(
            before,
            numbers={name: cleaned[f"written_{name}"] for name in NUMBERS if name in profile.columns},
            dates={name: cleaned[f"written_{name}"] for name in DATES if name in profile.columns},
            rate_is_fraction=cleaned["rate_is_fraction"],
        ).as_json()
        return super().save(commit)
