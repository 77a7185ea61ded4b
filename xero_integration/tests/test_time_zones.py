from __future__ import annotations

import pytest

from xero_integration.time_zones import iana_name


@pytest.mark.parametrize(
    ("xeros", "iana"),
    [
        ("AUSEASTERNSTANDARDTIME", "Australia/Sydney"),
        ("NEWZEALANDSTANDARDTIME", "Pacific/Auckland"),
        ("WEUROPESTANDARDTIME", "Europe/Berlin"),
        ("GMTSTANDARDTIME", "Europe/London"),
        ("UTC", "UTC"),
        ("NOWHERESTANDARDTIME", ""),
        ("", ""),
    ],
)
def test_xeros_names_of_time_zones_are_known(xeros: str, iana: str) -> None:
    assert iana_name(xeros) == iana
