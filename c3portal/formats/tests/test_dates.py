"""Times in the reader's zone and dates as they read them, on pages alone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from c3portal.audit.record import Action
from c3portal.formats import dates
from c3portal.models import AuditEntry, User
from c3portal.models.people import DateFormat, known_zone

ClientFor = Callable[[User], Client]
LATE = dt.datetime(2026, 11, 25, 23, 30, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("chosen", "whole", "short"),
    [
        (DateFormat.WORDS, "25 Nov 2026", "25 Nov"),
        (DateFormat.DAY, "25/11/2026", "25/11"),
        (DateFormat.MONTH, "11/25/2026", "11/25"),
        (DateFormat.YEAR, "2026-11-25", "2026-11-25"),
        ("of a later release", "25 Nov 2026", "25 Nov"),
    ],
)
def test_a_date_is_written_as_its_reader_chose(chosen: str, whole: str, short: str) -> None:
    with dates.written_as(chosen):
        assert (dates.day(LATE.date()), dates.short_day(LATE.date())) == (whole, short)
        assert (dates.moment(LATE), dates.short_moment(LATE)) == (f"{whole}, 23:30", f"{short}, 23:30")
    assert dates.day(LATE.date()) == "25 Nov 2026"


def test_a_choice_says_how_it_reads() -> None:
    for choice in DateFormat:
        with dates.written_as(choice):
            assert dates.day(LATE.date()) == choice.label


def test_a_moment_names_its_zone_on_hover() -> None:
    with timezone.override(ZoneInfo("Australia/Sydney")):
        shown = Template("{{ at|stamp }} {{ at|day }} {{ none|stamp }}{{ none|day }}").render(
            Context({"at": LATE, "none": None})
        )
    assert shown.strip() == (
        '<time datetime="2026-11-26T10:30:05+11:00" title="26 Nov 2026, 10:30:05 (Australia/Sydney)">'
        "26 Nov 2026, 10:30</time> 26 Nov 2026"
    )


def shown_zone(client: Client) -> str:
    found = re.search(r"times in ([^<]+?)\s*</div>", client.get(reverse("users")).content.decode())
    assert found
    return found[1]


def test_times_are_in_the_browsers_zone_until_one_is_chosen(client_for: ClientFor, system_admin: User) -> None:
    client = client_for(system_admin)
    assert shown_zone(client) == "UTC"
    client.cookies["time_zone"] = "Australia/Sydney"
    assert shown_zone(client) == "Australia/Sydney"
    User.objects.update(time_zone="Europe/Dublin")
    assert shown_zone(client) == "Europe/Dublin"
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    "name",
    ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 4000, "", ".", "Ä", "<script>"],
)
def test_a_zone_that_is_none_is_taken_for_utc(name: str, client_for: ClientFor, system_admin: User) -> None:
    assert known_zone(name) is None
    client = client_for(system_admin)
    client.cookies["time_zone"] = name
    assert shown_zone(client) == "UTC"


def test_zone_and_dates_are_chosen_on_ones_own_page(client_for: ClientFor, system_admin: User) -> None:
    User.objects.update(last_login=LATE)
    client = client_for(system_admin)
    User.objects.update(last_login=LATE)
    assert "25 Nov 2026, 23:30" in client.get(reverse("users")).content.decode()
    form = {"name": "", "time_zone": "Pacific/Auckland", "date_format": DateFormat.DAY}
    assert client.post(reverse("own_account"), form).status_code == 302
    assert "26/11/2026, 12:30" in client.get(reverse("users")).content.decode()
    entry = AuditEntry.objects.filter(action=Action.USER).latest("pk")
    assert entry.after == {"Time zone": "Pacific/Auckland", "Date format": "day"}


def test_a_form_without_them_leaves_zone_and_dates_as_they_are(client_for: ClientFor, system_admin: User) -> None:
    User.objects.update(time_zone="Pacific/Auckland", date_format=DateFormat.YEAR)
    assert client_for(system_admin).post(reverse("own_account"), {"name": "Ann"}).status_code == 302
    system_admin.refresh_from_db()
    kept = (system_admin.name, system_admin.time_zone, system_admin.date_format)
    assert kept == ("Ann", "Pacific/Auckland", "year")
    assert AuditEntry.objects.filter(action=Action.USER).latest("pk").after == {"Name": "Ann"}
