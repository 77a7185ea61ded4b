"""The bell, and the page of what happened lately: each reader has their own of what they have seen."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from c3portal.models import Notice, User
from c3portal.models.notices import Kind
from c3portal.notifications import publish, texts

ClientFor = Callable[[User], Client]
AT = dt.datetime(2026, 11, 25, 23, 30, tzinfo=dt.UTC)


def tell(key: str, *, quietly: bool = False) -> Notice:
    words = texts.Words("Contoso: 3 invoices in Xero", f"It began on {texts.moment(AT)}.")
    notice = publish.create_notice(key, Kind.UPLOAD_FINISHED, words, path="/invoices/logs/1/", quietly=quietly)
    assert notice
    return notice


def bell(client: Client) -> str:
    page = client.get(reverse("notices")).content.decode()
    found = re.search(r"(?s)<a\s+class=\"tool bell\".*?</a>", page)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_each_reader_sees_a_notice_once(client_for: ClientFor, finance_admin: User, system_reader: User) -> None:
    finance, reader = client_for(finance_admin), client_for(system_reader)
    assert bell(finance) == "Notices"
    tell("one")
    newest = tell("two")
    assert (bell(finance), bell(reader)) == ("Notices 2 new", "Notices 2 new")
    assert finance.post(reverse("notices_seen"), {"upto": newest.pk})["Location"] == "/notices/"
    assert (bell(finance), bell(reader)) == ("Notices", "Notices 2 new")
    tell("three")
    assert bell(finance) == "Notices 1 new"


def test_what_came_while_the_page_was_open_stays_unseen(client_for: ClientFor, finance_admin: User) -> None:
    client, shown = client_for(finance_admin), tell("one")
    tell("two")
    client.post(reverse("notices_seen"), {"upto": shown.pk})
    assert bell(client) == "Notices 1 new"
    client.post(reverse("notices_seen"), {"upto": 0})
    assert bell(client) == "Notices 1 new"


@pytest.mark.parametrize("upto", ["", "x", "-1", str(2**63), "1e9"])
def test_what_is_no_notice_marks_nothing(upto: str, client_for: ClientFor, finance_admin: User) -> None:
    tell("one")
    client = client_for(finance_admin)
    client.post(reverse("notices_seen"), {"upto": upto})
    assert bell(client) == "Notices 1 new"


def test_an_id_beyond_the_newest_hides_nothing_of_what_comes(client_for: ClientFor, finance_admin: User) -> None:
    tell("one")
    client = client_for(finance_admin)
    client.post(reverse("notices_seen"), {"upto": 2**62})
    tell("two")
    assert bell(client) == "Notices 1 new"


def test_nothing_quiet_and_nothing_of_before_ones_time_is_new(client_for: ClientFor, finance_admin: User) -> None:
    before = tell("before")
    Notice.objects.filter(pk=before.pk).update(created_at=finance_admin.date_joined - dt.timedelta(days=1))
    tell("quiet", quietly=True)
    client = client_for(finance_admin)
    assert bell(client) == "Notices"
    page = client.get(reverse("notices")).content.decode()
    assert page.count('href="/invoices/logs/1/"') == 1


def test_a_notice_tells_times_as_its_reader_reads_them(client_for: ClientFor, finance_admin: User) -> None:
    User.objects.update(time_zone="Australia/Sydney", date_format="day")
    tell("one")
    page = client_for(finance_admin).get(reverse("notices")).content.decode()
    assert "It began on 26/11/2026, 10:30 (Australia/Sydney)." in page


def test_many_notices_stand_on_pages_and_cost_no_question_more(client_for: ClientFor, finance_admin: User) -> None:
    client, pages = client_for(finance_admin), [reverse(name) for name in ("notices", "home", "invoice_list")]
    tell("the first")

    def asked() -> list[int]:
        counts = []
        for path in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            counts.append(len(queries))
        return counts

    asked()  # A first visit leaves what later ones find.
    one = asked()
    for number in range(120):
        tell(f"number {number}")
    assert asked() == one
    assert bell(client) == "Notices 99+ new"
    last = client.get(reverse("notices"), {"page": 7}).content.decode()
    assert "121 to 121 of 121" in " ".join(last.split())
