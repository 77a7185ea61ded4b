"""Templates can be read line by line (their layout is the formatter's, in `make lint`), and write days, numbers and
amounts as all others do."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.template import Context, Template

from c3portal.testing import BASE_DIR

LONGEST = 160
PAGES = {str(path.relative_to(BASE_DIR)): path.read_text() for path in (BASE_DIR / "templates").rglob("*.html")}
# A month with its year, a time by itself, and what a field for a day or a machine is given: no reader's choice.
FORMS_OF_ALL = {"F Y", "M Y", "c", "Y-m-d", "H:i:s", "H:i"}
DATE = re.compile(r"""(?:\|date:|{% now )["']([^"']*)["']""")
# What a browser reads and nobody sees.
VALUE = re.compile(r"""\b(?:value|max|min|low|high|optimum|maxlength|data-select-filter)="[^"]*\"""")
OWN_FORMS = {
    'a count without separators: |floatformat:"0g"': re.compile(
        r"{{ (?:[\w.]*\.)?(?:count|more|more_\w+|start_index|end_index|calls_\w+|new_contacts|mails_left) }}"
    ),
    'an amount without separators: |money or |floatformat:"2g"': re.compile(r"""\|floatformat(?!:["']\dg["'])"""),
    "a currency in a form of its own: |money": re.compile(
        r"{{ [\w.]*currency }}\s+{{ [^}]*\|floatformat|\|floatformat:[^}]* }}\s+{{ [\w.]*currency }}"
    ),
}


def too_long(path: Path) -> list[int]:
    """Return the numbers of the lines that are longer than LONGEST characters."""
    return [number for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > LONGEST]


@pytest.mark.parametrize("folder", ["templates", "xero_sandbox/templates"])
def test_no_line_of_a_template_is_too_long_to_read(folder: str) -> None:
    templates = list((BASE_DIR / folder).rglob("*.html"))
    assert len(templates) > 10
    found = {str(path.relative_to(BASE_DIR)): lines for path in templates if (lines := too_long(path))}
    assert found == {}


def test_no_page_writes_a_date_in_a_form_of_its_own() -> None:
    found = {(name, form) for name, text in PAGES.items() for form in DATE.findall(text) if form not in FORMS_OF_ALL}
    assert found == set(), "|day, |short_day, |moment and |stamp follow the reader's choice"
    assert len(PAGES) > 100


@pytest.mark.parametrize("what", OWN_FORMS)
def test_no_page_writes_a_number_in_a_form_of_its_own(what: str) -> None:
    found = {(name, own) for name, text in PAGES.items() for own in OWN_FORMS[what].findall(VALUE.sub("", text))}
    assert found == set(), what


@pytest.mark.parametrize(
    "text", ["{{ group.count }}", "{{ x|floatformat:2 }}", '{{ a.currency }} {{ a.total|floatformat:"2g" }}']
)
def test_a_number_in_a_form_of_its_own_is_found(text: str) -> None:
    assert any(form.search(text) for form in OWN_FORMS.values())


def test_an_amount_has_its_currency_and_its_separators() -> None:
    amounts = {"amount": Decimal("-1234567.5"), "code": "AUD", "none": None}
    page = Template("{{ amount|money:code }}|{{ none|money:code }}|{{ missing|money:code }}")
    assert page.render(Context(amounts)) == "AUD -1,234,567.50||"
