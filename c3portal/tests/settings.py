"""The settings under which the tests run: the real ones, cut off from this machine's environment and `.env`."""

import os
import tempfile
from pathlib import Path

from c3portal.tests import network

network.stay_here()
TEMPORARY = Path(tempfile.mkdtemp(prefix="c3portal-test-"))
os.environ.update(
    ENV_FILE=os.devnull,
    DEBUG="0",
    SECRET_KEY=os.environ.get("TEST_SECRET_KEY", "a-secret-key-for-the-tests-which-signs-nothing-of-value"),
    ENCRYPTION_KEYS=os.environ.get("TEST_ENCRYPTION_KEYS", "an-encryption-key-for-the-tests"),
    VAR_DIR=os.environ.get("TEST_VAR_DIR", str(TEMPORARY)),
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", ""),
    CELERY_BROKER_URL="",
    PORTAL_URL=os.environ.get("TEST_PORTAL_URL", "http://localhost:8000"),
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    # Tests of the required second factor switch it on.
    MFA_REQUIRED_FOR="none",
    PORTAL_ADMIN_EMAIL="",
    PORTAL_ADMIN_PASSWORD="",
    LOG_LEVEL=os.environ.get("TEST_LOG_LEVEL", "INFO"),
    SENTRY_DSN=os.environ.get("TEST_SENTRY_DSN", ""),
    # Playwright keeps an event loop in the thread that the tests run in.
    DJANGO_ALLOW_ASYNC_UNSAFE="true",
)
for name in ("XERO_LOGIN_URL", "XERO_IDENTITY_URL", "XERO_API_URL"):
    # Nothing listens there: a test that forgets the sandbox must fail, and never reach the real Xero.
    os.environ[name] = os.environ.get("TEST_XERO_URL", "http://localhost:9")

os.environ["C3_LOGIN_URL"] = os.environ.get("TEST_C3_URL", "http://localhost:9")

from c3portal.settings import *  # noqa: E402, F403
from c3portal.settings import DATABASES, STORAGES, VAR_DIR  # noqa: E402

# A file, not memory: threads and worker processes then share it under the same locks as in production.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    # Tests that commit empty all tables afterwards, the audit record too.
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c c3portal.allow_truncate=on"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Pages are tested without `make run`'s collectstatic, which would make this folder.
WHITENOISE_AUTOREFRESH = True
