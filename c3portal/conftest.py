"""A receiver of webhooks that the portal knows."""

from __future__ import annotations

import pytest

from c3portal.models import Webhook
from c3portal.tests.receivers import Receiver
from invoices.conftest import imports_at_once, no_lookup_delay, woken  # noqa: F401


@pytest.fixture
def webhook(receiver: Receiver, db: None) -> Webhook:
    return Webhook.objects.create(url=f"{receiver.url}/hooks")
