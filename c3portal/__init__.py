"""The portal's shell: settings, sign-in, roles, the frame of every page."""

from c3portal.celery import app as celery_app

__all__ = ["celery_app"]
