"""What the portal keeps about C3."""

from c3_integration.models.fetches import C3Fetch
from c3_integration.models.settings import C3Settings, C3Token

__all__ = ["C3Fetch", "C3Settings", "C3Token"]
