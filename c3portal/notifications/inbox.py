"""Notices as the portal's own pages tell them: which there are, and which of them somebody has seen."""

from __future__ import annotations

import datetime as dt
import re

from django import forms
from django.db.models import Max

from c3portal.formats import dates
from c3portal.models import Notice, User
from c3portal.models.notices import Kind
from c3portal.notifications.texts import MOMENT

# By what it asks of people: all others are news.
COLOURS: dict[str, str] = {
    Kind.NEEDS_RECONNECTING: "bad",
    Kind.POSTED_TWICE: "bad",
    Kind.TOKEN_DIES: "wait",
    Kind.DAY_LIMIT: "wait",
    Kind.CHANGED_IN_XERO: "wait",
    Kind.C3_FETCH: "wait",
    Kind.MAPPING_DRIFT: "wait",
}


class SeenForm(forms.Form):
    """Which notice was the newest one that the page showed."""

    upto = forms.IntegerField(min_value=0, max_value=2**63 - 1)


def in_words(text: str) -> str:
    """Return a notice's text with its moments as the reader's pages write them."""

    def written(found: re.Match[str]) -> str:
        return f"{dates.moment(dt.datetime.fromisoformat(found[1]))} ({dates.zone_name()})"

    return MOMENT.sub(written, text)


def mark_seen(user: User, upto: int) -> None:
    """Count the notices up to the one with this id as seen. What came later, or is not there, stays as it is."""
    newest = Notice.objects.filter(pk__lte=upto).aggregate(newest=Max("pk"))["newest"] or 0
    User.objects.filter(pk=user.pk, notices_seen__lt=newest).update(notices_seen=newest)
