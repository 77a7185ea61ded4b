"""What C3's documentation leaves open, each with both readings: the one taken here first, the other on demand."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from c3_sandbox.models import Partner


@dataclass(frozen=True)
class Readings:
    """The readings in force, and two measures that tests choose."""

    # Errors come with HTTP 4xx instead of 200.
    errors_with_http_codes: bool = False
    # A 401 has no envelope and no body, as ASP.NET answers.
    bare_401: bool = False
    # Data of an error is [] instead of null.
    empty_list_on_error: bool = False
    # The fields from UniqueProviderOfferId to ProviderInvoiceNumber are absent, as in the documentation of 2023.
    older_fields: bool = False
    # Lines carry BillingId, BillingPeriodStartDate and BillingPeriodEndDate.
    period_in_lines: bool = False
    # Numbers of lines are text.
    numbers_as_text: bool = False
    # EmailAddresses and PhoneNumbers are arrays instead of text.
    addresses_as_lists: bool = False
    # How long a token lives.
    token_seconds: int = 3599
    # Every invoice comes so many times, under numbers of its own: 125 make a period of 100 MB.
    multiply: int = 1


def current() -> Readings:
    """Return the readings in force."""
    return Readings(**Partner.objects.get().readings)


def choose(changes: dict[str, Any]) -> Readings:
    """Put other readings in force. Raises ValueError for one that there is not, or of the wrong kind."""
    kinds = {field.name: type(field.default) for field in fields(Readings)}
    for name, value in changes.items():
        if kinds.get(name) is not type(value):
            raise ValueError(f"{name} is no reading that {value!r} can be. Known: {', '.join(kinds)}.")
    partner = Partner.objects.get()
    partner.readings |= changes
    partner.save(update_fields=["readings"])
    return Readings(**partner.readings)


def as_json() -> dict[str, Any]:
    """Return the readings in force by name."""
    return asdict(current())
