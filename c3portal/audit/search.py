"""Reading the audit record, a page at a time or as a file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from c3portal.models import AuditEntry

PAGE = 50
FETCHED_AT_ONCE = 2_000
COLUMNS = ("At", "Who", "UserID", "From", "Action", "What", "Before", "After", "RequestID")


# Within these every day begins and ends at a moment that can be written, in every time zone.
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 2), dt.date(9998, 12, 31)


def day_field(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
    )


class TrailForm(forms.Form):
    """What is asked for; days are in the reader's time zone, both included."""

    action = forms.ChoiceField(label="Action", required=False, choices=[("", "Any"), *AuditEntry.Action.choices])
    who = forms.CharField(
        label="Who",
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    since = day_field("From")
    until = day_field("To")
    q = forms.CharField(label="Search what changed", required=False, max_length=200)

    def entries(self) -> QuerySet[AuditEntry]:
        """Return the entries asked for, newest first; none for an invalid question."""
        found = AuditEntry.objects.order_by("-pk")
        if not self.is_valid():
            return found.none()
        cleaned = self.cleaned_data
        if cleaned["action"]:
            found = found.filter(action=cleaned["action"])
        if cleaned["who"]:
            found = found.filter(actor__icontains=cleaned["who"].strip())
        if cleaned["since"]:
            found = found.filter(at__gte=midnight(cleaned["since"]))
        if cleaned["until"]:
            found = found.filter(at__lt=midnight(cleaned["until"] + dt.timedelta(days=1)))
        return _containing(found, cleaned["q"].strip()) if cleaned["q"] else found


def midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def _containing(found: QuerySet[AuditEntry], words: str) -> QuerySet[AuditEntry]:
    found = found.alias(was=Cast("before", TextField()), is_now=Cast("after", TextField()))
    either = Q(subject__icontains=words) | Q(address__startswith=words) | Q(request_id=words)
    # SQLite keeps JSON with other letters than ASCII escaped.
    for form in {words, json.dumps(words)[1:-1]}:
        either |= Q(was__icontains=form) | Q(is_now__icontains=form)
    return found.filter(either)


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and the ids to go on from, None at either end."""

    entries: list[AuditEntry]
    newer: int | None
    older: int | None


def page(found: QuerySet[AuditEntry], *, before: int | None = None, after: int | None = None) -> Page:
    """Return the newest entries below the id `before`, or the oldest above `after`, else the newest."""
    # By ids, and nothing is counted, so that the hundredth page of a long record costs what the first does.
    if after is not None:
        rows = list(found.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        return Page(rows, rows[0].pk if more else None, rows[-1].pk if rows else None)
    rows = list((found.filter(pk__lt=before) if before is not None else found)[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    newer = rows[0].pk if rows and before is not None else None
    return Page(rows, newer, rows[-1].pk if more else None)


def rows(found: QuerySet[AuditEntry]) -> Iterator[list[str | int | None]]:
    """Yield the entries under COLUMNS; before and after are JSON."""
    for each in found.iterator(FETCHED_AT_ONCE):
        *plain, before, after, request_id = _facts(each)
        yield [*plain, *(json.dumps(values, ensure_ascii=False) for values in (before, after)), request_id]


def json_lines(found: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yield a JSON object a line, with COLUMNS as names."""
    for each in found.iterator(FETCHED_AT_ONCE):
        yield json.dumps(dict(zip(COLUMNS, _facts(each), strict=True)), ensure_ascii=False) + "\n"


def _facts(each: AuditEntry) -> list[Any]:
    return [
        each.at.isoformat(),
        each.actor,
        each.actor_id,
        each.address,
        each.action,
        each.subject,
        each.before,
        each.after,
        each.request_id,
    ]
