"""Pressed on the page, done by a real worker of its own process, and found again when that worker dies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from c3_integration.models import C3Fetch, C3Settings
from c3portal.testing import WorkerProcess, wait_until
from invoices.fetching import requests
from invoices.fetching.tests.conftest import CUSTOMERS, PERIODS
from invoices.models import ImportProfile, Invoice

pytestmark = [pytest.mark.django_db(transaction=True)]
State, Problem = C3Fetch.State, C3Fetch.Problem


@pytest.fixture
def start(start_worker: Callable[..., WorkerProcess], c3_sandbox: Any) -> Callable[..., WorkerProcess]:
    """Return a function that starts a worker which signs in at the sandbox."""
    return lambda: start_worker(TEST_C3_URL=c3_sandbox.url)


def test_a_worker_does_what_the_button_asks_for(
    app: C3Settings, profile: ImportProfile, finance: Client, start: Callable[..., WorkerProcess]
) -> None:
    start()
    finance.post(reverse("fetch_from_c3"))
    wait_until(lambda: C3Fetch.objects.get().is_open is None, "The fetch ends", 60)
    assert C3Fetch.objects.get().state == State.DONE
    assert Invoice.objects.count() == CUSTOMERS * PERIODS


def test_of_a_worker_that_dies_nothing_half_stays_and_the_next_fetch_goes_on(
    app: C3Settings, profile: ImportProfile, finance: Client, start: Callable[..., WorkerProcess], c3_sandbox: Any
) -> None:
    c3_sandbox.place_fault("slow", call="invoices", nth=2, seconds=20)
    worker = start()
    finance.post(reverse("fetch_from_c3"))
    wait_until(lambda: bool(C3Fetch.objects.get().outcomes), "The first period is in", 60)
    worker.kill()
    start()
    wait_until(lambda: C3Fetch.objects.get().is_open is None, "The fetch ends", 60)
    assert C3Fetch.objects.get().problem == Problem.STOPPED
    assert Invoice.objects.count() == CUSTOMERS
    c3_sandbox.cancel_faults()
    finance.post(reverse("fetch_from_c3"))
    wait_until(lambda: Invoice.objects.count() == CUSTOMERS * PERIODS, "The rest comes in", 60)
    assert requests.TASK == "invoices.tasks.fetch_from_c3"
