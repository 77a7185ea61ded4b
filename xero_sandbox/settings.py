"""Settings of the sandbox, a Django project of its own (no sessions, no users, no admin)."""

import os
from pathlib import Path

from django.utils.csp import CSP

from xero_sandbox.secret_key import kept_beside

PACKAGE = Path(__file__).resolve().parent
PORT = int(os.environ.get("SANDBOX_PORT", "8100"))
DATABASE = Path(os.environ.get("SANDBOX_DATABASE", "var/sandbox.sqlite3")).resolve()

SECRET_KEY = kept_beside(DATABASE)
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
INSTALLED_APPS = ["xero_sandbox"]
APPEND_SLASH = False
ROOT_URLCONF = "xero_sandbox.urls"
WSGI_APPLICATION = "xero_sandbox.wsgi.application"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Refuses foreign Host headers: no web page can reach its reader's sandbox by a name of its own.
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

# Money is stored whole in cents and documents are unique by number, so what matters here is that
# simultaneous writers wait for each other instead of failing: WAL, IMMEDIATE and a busy timeout.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = None

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-au"
USE_I18N = False

# Cookies do not know ports: the portal on the same host must not overwrite this one.
CSRF_COOKIE_NAME = "xero_sandbox_csrf"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    # Refusals are what a sandbox is for: only its own errors are worth a line.
    "loggers": {"django.request": {"level": "ERROR"}, "django.security": {"level": "CRITICAL"}},
}
