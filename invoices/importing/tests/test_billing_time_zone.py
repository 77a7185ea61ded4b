from __future__ import annotations

from typing import Any

import pytest

from invoices.importing.choices import billing_time_zone
from invoices.models import ImportSettings
from xero_integration.models import XeroConnection

pytestmark = pytest.mark.django_db


def test_the_billing_time_zone_is_that_of_settings_else_the_organisations_else_the_portals(
    connected: XeroConnection, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    XeroConnection.objects.update(time_zone="")
    assert str(billing_time_zone()) == "Europe/Berlin"

    XeroConnection.objects.update(time_zone="Pacific/Auckland")
    assert str(billing_time_zone()) == "Pacific/Auckland"

    ImportSettings.load()
    ImportSettings.objects.update(time_zone="Australia/Perth")
    assert str(billing_time_zone()) == "Australia/Perth"


def test_the_organisations_time_zone_is_read_from_xero(connected: XeroConnection) -> None:
    assert XeroConnection.objects.get().time_zone == "Australia/Sydney"
