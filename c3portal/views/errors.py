"""The page of an error that nobody foresaw; of a lost encryption key it says what to do."""

from __future__ import annotations

import sys

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.template import loader


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the page, which needs neither the database nor a session. Called while the error is being handled."""
    is_setting = isinstance(sys.exception(), ImproperlyConfigured)
    return HttpResponse(loader.render_to_string("500_settings.html" if is_setting else "500.html"), status=500)
