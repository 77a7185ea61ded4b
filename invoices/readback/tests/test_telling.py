"""People are told of what was changed in Xero: each organisation's once a round, and not each document."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from c3portal.models import Delivery, Notice, User
from c3portal.models.notices import Kind
from c3portal.testing import at_once
from invoices import notifications
from invoices.models import DocumentChange, Posting
from invoices.models.changes import ChangeRequest
from invoices.tests import makers
from xero_integration.models import XeroConnection

EDITED = {"total": {"sent": "110.00", "now": "121.00"}}
VOIDED = {"status": {"sent": "", "now": "VOIDED"}}


@pytest.fixture
def posted(system_admin: User) -> list[Posting]:
    connection = makers.connected(system_admin)
    invoices = makers.invoices(makers.a_period(), 4)
    makers.uploaded(connection, system_admin, *invoices, to=Posting.Status.POSTED)
    notifications.find()
    return list(Posting.objects.order_by("pk"))


def edit(*several: Posting, edits: dict[str, dict[str, str]]) -> None:
    fresh = {"edits": edits, "edits_told_at": None, "edits_accepted_at": None}
    Posting.objects.filter(pk__in=[each.pk for each in several]).update(**fresh)


def told() -> list[Notice]:
    return list(Notice.objects.filter(kind=Kind.CHANGED_IN_XERO).order_by("pk"))


@pytest.mark.both_databases
def test_what_was_changed_in_xero_is_told_in_one_notice_and_once(posted: list[Posting], system_admin: User) -> None:
    edit(*posted[:2], edits=EDITED)
    edit(posted[2], edits=VOIDED)
    assert [notifications.find(), notifications.find()] == [1, 0]
    (notice,) = told()
    assert notice.subject == "Contoso Cloud Pty Ltd: 3 invoices were changed in Xero"
    assert "3 invoices, AUD 330.00, of the billing period 20260918" in notice.body
    assert "- Edited: total: 2 invoices\n- Voided: 1 invoice" in notice.body
    assert notice.path == "/analyze/business/invoices/?period=20260918&state=changed"
    assert notice.data["changed"] == {"count": 3, "totals": {"AUD": "330.00"}}
    assert all(each.invoice.number not in notice.body for each in posted)
    assert [each.user for each in Delivery.objects.filter(notice=notice)] == [system_admin]


def test_what_is_changed_soon_after_is_told_together_an_hour_later(posted: list[Posting]) -> None:
    edit(posted[0], edits=EDITED)
    assert notifications.find() == 1
    edit(posted[1], edits=EDITED)
    edit(posted[2], edits=VOIDED)
    assert notifications.find() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61)):
        assert notifications.changed_in_xero() == 1
        assert notifications.changed_in_xero() == 0
    assert [each.data["changed"]["count"] for each in told()] == [1, 2]


def test_another_change_of_the_same_document_is_told_and_what_was_accepted_is_not(posted: list[Posting]) -> None:
    edit(posted[0], edits=EDITED)
    edit(posted[1], edits=EDITED)
    Posting.objects.filter(pk=posted[1].pk).update(edits_accepted_at=timezone.now())
    assert notifications.find() == 1
    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        edit(posted[0], edits=VOIDED)
        assert notifications.changed_in_xero() == 1
    assert [each.data["changed"]["count"] for each in told()] == [1, 1]


def test_what_the_portal_itself_takes_back_is_no_news(posted: list[Posting]) -> None:
    asked = ChangeRequest.objects.create(connection=XeroConnection.objects.get())
    DocumentChange.objects.create(
        request=asked,
        posting=posted[0],
        connection=asked.connection,
        document_type=posted[0].document_type,
        xero_id=posted[0].xero_id,
        kind=DocumentChange.Kind.VOID,
    )
    edit(posted[0], edits=VOIDED)
    assert notifications.find() == 0
    DocumentChange.objects.update(status=DocumentChange.Status.WITHDRAWN)
    assert notifications.find() == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_several_workers_one_tells_it(posted: list[Posting]) -> None:
    edit(*posted, edits=EDITED)
    assert sorted(at_once(3, lambda _: notifications.changed_in_xero())) == [0, 0, 1]
    assert told()[0].data["changed"]["totals"] == {"AUD": str(Decimal("440.00"))}
