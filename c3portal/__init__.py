"""The portal's shell: settings, sign-in, roles, the frame of every page."""

from c3portal.celery import app as celery_app

__all__ = ["__version__", "celery_app"]

# The one place that says it; CHANGELOG.md says what is in it.
__version__ = "1.0.0"
