"""What knows Xero, as a Django app."""

from django.apps import AppConfig


class XeroIntegrationConfig(AppConfig):
    """Registers the system checks."""

    name = "xero_integration"

    def ready(self) -> None:
        """Import the checks, which registers them."""
        from xero_integration import checks  # noqa: F401
