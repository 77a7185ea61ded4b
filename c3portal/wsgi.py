"""The WSGI entry point that the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")

application = get_wsgi_application()
