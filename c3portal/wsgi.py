"""The WSGI entry point that the web server runs."""

import logging
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")

# What would go to the bare output goes to the log.
logging.captureWarnings(True)
application = get_wsgi_application()
