#!/usr/bin/env python
"""Django's command line for the portal; without settings of its own, for that of `make run`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from c3portal.launch import beside

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "c3portal.settings")
    beside.join(os.environ)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(beside.what_to_do(os.environ, problem))
