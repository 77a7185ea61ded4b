"""The Django app of what knows Xero."""

from django.apps import AppConfig


class XeroIntegrationConfig(AppConfig):
    name = "xero_integration"

    def ready(self) -> None:
        """Import the system checks, which registers them."""
        from xero_integration import checks  # noqa: F401
