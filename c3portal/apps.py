"""The portal's shell as a Django app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the system checks."""

    name = "c3portal"

    def ready(self) -> None:
        """Import them, which registers them."""
        from c3portal import checks  # noqa: F401
        from c3portal.sign_in import checks as sign_in_checks  # noqa: F401
