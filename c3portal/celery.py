"""The Celery application: a clock that wakes workers, never the place where an invoice's state is kept."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")

app = Celery("c3portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
