"""The figures for Prometheus."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from c3portal.database import clock
from c3portal.models import Delivery, Notice, User
from c3portal.processes import health, heartbeats, moments
from invoices.models import Posting, Upload
from invoices.tests import makers
from xero_integration import call_metrics
from xero_integration.client.call_log import RESULTS, CallRecord
from xero_integration.models import CallBudget, TokenSet, XeroConnection

TOKEN = "a-token-of-the-tests"


@pytest.fixture(autouse=True)
def switched_on(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape(client: Client, accept: str = "text/plain") -> str:
    """Return what Prometheus would get."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", "Accept": accept})
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def families(client: Client) -> dict[str, Metric]:
    """Return the families by name, as Prometheus' own parser reads them."""
    return {family.name: family for family in parse(scrape(client))}


def values(family: Metric, *labels: str) -> dict[Any, float]:
    """Return the samples' values by these labels (one alone without a tuple)."""
    keys = [tuple(sample.labels[label] for label in labels) for sample in family.samples]
    return {key[0] if len(key) == 1 else key: sample.value for key, sample in zip(keys, family.samples, strict=True)}


@pytest.fixture
def organisation(db: None) -> XeroConnection:
    now = timezone.now()
    tokens = TokenSet.objects.create(access_expires_at=now, refreshed_at=now - dt.timedelta(days=50))
    return XeroConnection.objects.create(tenant_id="tenant-1", name='Contoso "AU"', token_set=tokens)


@pytest.fixture
def rows(organisation: XeroConnection, finance_admin: User) -> list[Posting]:
    """Four invoices on their way since an hour ago."""
    invoices = makers.invoices(makers.a_period(), 4)
    upload = Upload.objects.create(connection=organisation, invoice_status="DRAFT", created_by=finance_admin)
    Upload.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
    return [
        Posting.objects.create(invoice=invoice, connection=organisation, upload=upload, document_type="invoice")
        for invoice in invoices
    ]


@pytest.mark.both_databases
def test_the_queue_is_counted_by_state_with_the_age_of_its_oldest(client: Client, rows: list[Posting]) -> None:
    Posting.objects.filter(pk=rows[0].pk).update(status="posted", xero_id="an-id")
    Posting.objects.filter(pk=rows[1].pk).update(status="rejected")
    found = families(client)
    key = ('Contoso "AU"', "tenant-1")
    assert values(found["c3portal_postings"], "organisation", "tenant", "status") == {
        (*key, "posted"): 1,
        (*key, "rejected"): 1,
        (*key, "queued"): 2,
        **{(*key, status): 0 for status in ("sending", "uncertain", "withdrawn", "undone")},
    }
    assert values(found["c3portal_posted"], "tenant") == {"tenant-1": 1}
    assert values(found["c3portal_uploads"], "tenant") == {"tenant-1": 1}
    oldest = values(found["c3portal_oldest_posting_seconds"], "status")
    assert oldest == {"queued": oldest["queued"], "sending": 0, "uncertain": 0}
    assert 3600 <= oldest["queued"] < 3660


def test_calls_are_a_histogram_by_end(client: Client, organisation: XeroConnection) -> None:
    for seconds in (0.2, 0.3, 0.4, 120):
        call_metrics.count(organisation, CallRecord("PUT", "Invoices", 200, {}, seconds, "ok"))
    call_metrics.count(organisation, CallRecord("GET", "Invoices", 429, {}, 0.05, "limit"))
    family = families(client)["c3portal_xero_call_seconds"]
    mine = [sample for sample in family.samples if sample.labels["result"] == "ok"]
    buckets = {sample.labels["le"]: sample.value for sample in mine if sample.name.endswith("_bucket")}
    assert buckets["0.1"] == 0
    assert buckets["0.25"] == 1
    assert buckets["0.5"] == buckets["100.0"] == 3
    assert buckets["+Inf"] == 4
    totals = {sample.name.rpartition("_")[2]: sample.value for sample in mine if "le" not in sample.labels}
    assert totals == {"count": 4, "sum": pytest.approx(120.9)}
    assert {(sample.labels["method"], sample.labels["endpoint"]) for sample in mine} == {("PUT", "Invoices")}


def test_the_state_of_each_connection_is_told(client: Client, organisation: XeroConnection) -> None:
    CallBudget.objects.create(connection=organisation, day_remaining=4321, minute_limit=60)
    organisation.paused_until = timezone.now() + dt.timedelta(seconds=90)
    organisation.save()
    XeroConnection.objects.create(tenant_id="tenant-2", name="Fabrikam", status="needs_reconnecting")
    XeroConnection.objects.create(tenant_id="tenant-3", name="Gone", status="disconnected")
    found = families(client)
    assert values(found["c3portal_connection_usable"], "tenant") == {"tenant-1": 1, "tenant-2": 0}
    assert values(found["c3portal_calls_left_day"], "tenant") == {"tenant-1": 4321}
    assert values(found["c3portal_calls_left_minute"], "tenant") == {"tenant-1": 60}
    assert values(found["c3portal_token_days_left"], "tenant")["tenant-1"] == pytest.approx(10, abs=0.1)
    assert 80 < values(found["c3portal_connection_paused_seconds"], "tenant")["tenant-1"] <= 90


def test_notices_heartbeats_and_the_build_are_told(client: Client, finance_admin: User, settings: Any) -> None:
    settings.PORTAL_VERSION = "2026.11"
    notice = Notice.objects.create(key="a", kind="test", subject="A test")
    Delivery.objects.create(notice=notice, user=finance_admin, status="failed")
    heartbeats.Heartbeat.objects.create(process="worker", seen_at=clock.now() - dt.timedelta(seconds=30))
    found = families(client)
    assert values(found["c3portal_deliveries"], "status") == {"waiting": 0, "delivered": 0, "failed": 1}
    ages = values(found["c3portal_heartbeat_age_seconds"], "process")
    assert ages == {"worker": pytest.approx(30, abs=5), "scheduler": float("inf")}, "Silence must raise its alarm"
    assert found["c3portal_build_info"].samples[0].labels["version"] == "2026.11"


def test_openmetrics_is_spoken_too(client: Client, rows: list[Posting]) -> None:
    text = scrape(client, "application/openmetrics-text;version=1.0.0")
    assert {family.name for family in parse_openmetrics(text)} >= {"c3portal_postings", "c3portal_posted"}


def test_an_empty_portal_has_figures_too(client: Client, db: None) -> None:
    assert "c3portal_build" in scrape(client)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"])
def test_it_asks_for_its_token(client: Client, db: None, header: str) -> None:
    answer = client.get("/metrics", headers={"Authorization": header})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"c3portal_" not in answer.content


def test_it_is_not_there_without_the_setting(client: Client, db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for header in ("", "Bearer ", f"Bearer {TOKEN}"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_its_cost_does_not_grow_with_the_invoices(client: Client, rows: list[Posting]) -> None:
    with CaptureQueriesContext(database) as few:
        scrape(client)
    more = makers.invoices(rows[0].invoice.period, 20, prefix="MORE")
    Posting.objects.bulk_create(
        Posting(invoice=one, connection=rows[0].connection, upload=rows[0].upload, document_type="invoice")
        for one in more
    )
    with CaptureQueriesContext(database) as many:
        scrape(client)
    assert len(many) == len(few) <= 12


@pytest.mark.both_databases
def test_what_has_not_happened_yet_is_there_as_nothing(client: Client, organisation: XeroConnection) -> None:
    found = families(client)
    for name, label, words in (
        ("c3portal_postings", "status", set(Posting.Status.values)),
        ("c3portal_oldest_posting_seconds", "status", {"queued", "sending", "uncertain"}),
        ("c3portal_posted", "tenant", {"tenant-1"}),
        ("c3portal_uploads", "tenant", {"tenant-1"}),
        ("c3portal_xero_calls", "result", set(RESULTS)),
        ("c3portal_deliveries", "status", set(Delivery.Status.values)),
    ):
        assert values(found[name], label) == dict.fromkeys(words, 0), name


def test_calls_are_counted_by_how_they_ended(client: Client, organisation: XeroConnection) -> None:
    for result in ("ok", "ok", "lost"):
        call_metrics.count(organisation, CallRecord("PUT", "Invoices", None, {}, 0.2, result))
    call_metrics.count(organisation, CallRecord("GET", "Contacts", 200, {}, 7, "ok"))
    found = values(families(client)["c3portal_xero_calls"], "result")
    assert found == {**dict.fromkeys(RESULTS, 0), "ok": 3, "lost": 1}


def test_the_room_on_the_disks_is_told(client: Client, db: None, settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path / "not" / "made yet"
    found = families(client)
    free, size = (values(found[f"c3portal_disk_{which}_bytes"], "place") for which in ("free", "size"))
    assert free.keys() == size.keys() >= {"state", "imports", "temporary"}
    assert all(0 < free[place] <= size[place] for place in free)
    assert size["state"] == shutil.disk_usage(tmp_path).total


@pytest.mark.both_databases
def test_the_age_of_the_last_backup_and_the_end_of_the_certificate_are_told(
    client: Client, db: None, settings: Any
) -> None:
    settings.PORTAL_URL = "https://portal.example.com"
    found = families(client)
    assert found["c3portal_backup_age_seconds"].samples[0].value == float("inf"), "Silence must raise its alarm"
    assert found["c3portal_certificate_days_left"].samples[0].value == 0, "Silence must raise its alarm"
    moments.note(moments.BACKUP, clock.now() - dt.timedelta(hours=3))
    moments.note(moments.CERTIFICATE, clock.now() + dt.timedelta(days=60))
    found = families(client)
    assert found["c3portal_backup_age_seconds"].samples[0].value == pytest.approx(3 * 3600, abs=60)
    assert found["c3portal_certificate_days_left"].samples[0].value == pytest.approx(60, abs=0.1)


def test_a_portal_without_a_certificate_tells_none(client: Client, db: None) -> None:
    assert "c3portal_certificate_days_left" not in families(client)


def test_a_database_that_is_away_is_told_and_not_asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fixture of a database every question to it fails."""
    monkeypatch.setattr(health, "database_answers", _unavailable)
    found = families(client)
    assert found["c3portal_database_up"].samples[0].value == 0
    assert found.keys() >= {"c3portal_build_info", "c3portal_disk_free_bytes"}
    assert "c3portal_postings" not in found


def test_a_database_that_answers_is_told(client: Client, db: None) -> None:
    assert families(client)["c3portal_database_up"].samples[0].value == 1


def _unavailable() -> bool:
    raise OperationalError("away")
