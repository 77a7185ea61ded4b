"""The portal's settings, read from the environment, with `.env` for development.

docs/operations/settings.md explains each variable, `.env.example` lists them, `c3portal/checks.py` checks them.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from c3portal import __version__
from c3portal.processes import embedded_broker, state
from c3portal.telemetry import log_config

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

# What the embedded defaults keep: database, broker, schedule, secrets of `make run`.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).absolute()

DEBUG = env.bool("DEBUG", default=False)


def secret(name: str, development_default: str) -> str:
    """Return the secret `name`; only with DEBUG on may it be left out. Raises ImproperlyConfigured otherwise."""
    value: str = env.str(name, default="")
    if value:
        return value
    if DEBUG:
        return development_default
    raise ImproperlyConfigured(
        f"{name} is not set. With DEBUG off the portal does not start without it: set {name} in the environment "
        f"or in .env (`make secrets` prints fresh values)."
    )


SECRET_KEY = secret("SECRET_KEY", "development-only-key-which-is-refused-when-debug-is-off")
# The first key writes, all of them read: a new key goes in front, the old one stays until everything is rewritten.
ENCRYPTION_KEYS = secret("ENCRYPTION_KEYS", "ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE=").split(",")

PORTAL_URL = env.str("PORTAL_URL", default="http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]

XERO_LOGIN_URL = env.str("XERO_LOGIN_URL", default="https://login.xero.com").rstrip("/")
XERO_IDENTITY_URL = env.str("XERO_IDENTITY_URL", default="https://identity.xero.com").rstrip("/")
XERO_API_URL = env.str("XERO_API_URL", default="https://api.xero.com").rstrip("/")

# Microsoft's sign-in, by which C3 knows the partner; elsewhere for a stand-in.
MICROSOFT_LOGIN_URL = "https://login.microsoftonline.com"
C3_LOGIN_URL = (env.str("C3_LOGIN_URL", default="") or MICROSOFT_LOGIN_URL).rstrip("/")
# Seconds. How long a call to C3 may take, and the wait before it is made again; how long a download may be silent.
C3_CALL_TIMEOUT = env.float("C3_CALL_TIMEOUT", default=60)
C3_RETRY_AFTER = env.float("C3_RETRY_AFTER", default=10)
C3_SILENCE = env.float("C3_SILENCE", default=240)
# For how many days after its BillingId a period that is not wholly in Xero is downloaded again each morning.
C3_KEEP_FRESH_DAYS = env.int("C3_KEEP_FRESH_DAYS", default=14)

# Seconds. How long a call that writes may take; when a worker that holds rows and says nothing counts as dead (longer
# than any call and than a task's hard limit); when after a lost answer Xero is looked at; how long a connection pauses
# when Xero cannot be reached; and when after a call Xero must have finished with it, since only then "not there" means
# that it never will be.
XERO_CALL_TIMEOUT = env.float("XERO_CALL_TIMEOUT", default=100)
XERO_LEASE = env.float("XERO_LEASE", default=240)
XERO_LOOK_AFTER = env.float("XERO_LOOK_AFTER", default=10)
XERO_RETRY_AFTER = env.float("XERO_RETRY_AFTER", default=30)
XERO_SETTLES_AFTER = env.float("XERO_SETTLES_AFTER", default=150)
# Seconds that a call may take to leave; what stalled for longer on its way there sends nothing.
XERO_DEPARTS_WITHIN = env.float("XERO_DEPARTS_WITHIN", default=20)
# How many documents or contacts Xero takes in one call: https://developer.xero.com/documentation/api/accounting/invoices
XERO_MAX_BATCH = 50
# How many the portal sends in one call; never more than Xero takes.
XERO_BATCH = max(1, min(XERO_MAX_BATCH, env.int("XERO_BATCH", default=XERO_MAX_BATCH)))
# The length of the minute in Xero's limit of calls a minute; measurements against a sandbox make it shorter.
XERO_MINUTE = env.float("XERO_MINUTE", default=60)

INSTALLED_APPS = [
    "c3portal",
    "xero_integration",
    "c3_integration",
    "invoices",
    "operations",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "django_tables2",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
]

# What frees what processes held that died; the shell knows by name alone who holds what.
ON_DEAD_PROCESSES = "invoices.changes.leases.release_expired"

MIDDLEWARE = [
    "c3portal.telemetry.tracing.traced",
    # What sets headers stands outside of all that may answer by itself: static files, refused hosts, errors.
    "c3portal.http.security_headers.headers_for_all",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "c3portal.http.middleware.pages_and_forms_alone",
    "c3portal.http.middleware.machines_need_no_session",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the look for the CSRF token, which reads the body.
    "c3portal.http.request_limits.BodyLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "c3portal.http.request_limits.NoNul",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "c3portal.http.security_headers.nothing_is_kept",
    "c3portal.http.middleware.SignInRequired",
    "c3portal.users.sign_in.middleware.SecondFactorRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "c3portal.http.middleware.times_of_the_reader",
    "c3portal.http.middleware.page_for_forms_alone",
]

ROOT_URLCONF = "c3portal.urls"
WSGI_APPLICATION = "c3portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                "c3portal.templatetags.dates",
                "c3portal.templatetags.icons",
                "c3portal.templatetags.money",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "c3portal.context_processors.portal",
                "xero_integration.context_processors.connection",
                "invoices.context_processors.billing_frame",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DJANGO_TABLES2_TEMPLATE = "_table.html"

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL")
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR_DIR / "portal.sqlite3"}
}
if DATABASES["default"]["NAME"] == VAR_DIR / "portal.sqlite3":
    state.private_database(DATABASES["default"]["NAME"])
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured: with Django's defaults a third of concurrent claims died with "database is locked"; with these, none.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A server that does not answer is away after seconds, not when the system gives up after minutes.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }
# Seconds for which web, worker and beat of a new release wait until its migrations are applied
# (c3portal/processes/start.py).
SCHEMA_PATIENCE = env.float("SCHEMA_PATIENCE", default=300)
# Where pg_dump and pg_restore lie when they are not on the PATH: what backups of PostgreSQL are made with.
PG_BIN = env.str("PG_BIN", default="")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared by all processes, since the rate limits of sign-in count in it; not in the broker, without which one can still
# sign in. Large, since a full cache forgets counts before their time.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "c3portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

AUTH_USER_MODEL = "c3portal.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "c3portal.users.sign_in.account_adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "c3portal.users.sign_in.password_forms.LoginForm",
    "reauthenticate": "c3portal.users.sign_in.password_forms.ReauthenticateForm",
    "reset_password": "c3portal.users.sign_in.password_forms.ForgottenForm",
    "reset_password_from_key": "c3portal.users.sign_in.password_forms.NewPasswordForm",
    "change_password": "c3portal.users.sign_in.password_forms.ChangeForm",
    "set_password": "c3portal.users.sign_in.password_forms.FirstForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "c3portal.users.sign_in.reset_links.ResetTokens"  # noqa: S105 - where it is
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
# No mail to strangers: only who has an account hears from the portal, and then of every change in it.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Attempts / time / whose: an address's, an account's ("key": the e-mail address typed, and where it is typed:
# c3portal/users/sign_in/familiar.py), a signed-in user's.
ACCOUNT_RATE_LIMITS = {
    "door": "30/m/ip",
    "login": None,
    "login_failed": "10/m/ip,5/5m/key",
    "factor": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/h/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
# Whether people sign in with passwords kept here; off only where the company's sign-in is set up.
PASSWORD_SIGN_IN = env.bool("PASSWORD_SIGN_IN", default=True)
# How many proxies in front may be believed about the address that a request comes from.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)

MFA_ADAPTER = "c3portal.users.sign_in.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Who has an account was invited to it at their address; what waits to be confirmed says nothing against them.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Counted by the sign-in rate limit, with the other forms of sign-in.
MFA_RATE_LIMITS = {"webauthn_login": None}
MFA_FORMS = {
    "add_webauthn": "c3portal.users.sign_in.passkeys.AddForm",
    "login_webauthn": "c3portal.users.sign_in.passkeys.SignInForm",
    "authenticate_webauthn": "c3portal.users.sign_in.passkeys.SecondForm",
    "reauthenticate_webauthn": "c3portal.users.sign_in.passkeys.AgainForm",
    "activate_totp": "c3portal.users.sign_in.forms.AddAppForm",
    "authenticate": "c3portal.users.sign_in.forms.CodeForm",
    "reauthenticate": "c3portal.users.sign_in.forms.CodeAgainForm",
}
# The roles that must have a second factor; "all", "none".
MFA_REQUIRED_FOR = [role.strip() for role in env.str("MFA_REQUIRED_FOR", default="").split(",") if role.strip()] or [
    "System Admin"
]

# The company's own sign-in, by OpenID Connect; Microsoft's hosts, of its clouds.
MICROSOFT = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
OIDC_ISSUER = env.str("OIDC_ISSUER", default="").rstrip("/")
# Whether an address counts about which the provider does not say that it is verified: Microsoft Entra never says so.
OIDC_TRUST_EMAIL = env.bool("OIDC_TRUST_EMAIL", default=urlsplit(OIDC_ISSUER).hostname in MICROSOFT)
OIDC_IS_TWO_FACTOR = env.bool("OIDC_IS_TWO_FACTOR", default=False)


def openid_provider(issuer: str, client_id: str, secret: str, name: str) -> dict[str, Any]:
    """Return allauth's settings for the provider at `issuer`; its part of the addresses is "company"."""
    app = {
        "provider_id": "company",
        "name": name,
        "client_id": client_id,
        "secret": secret,
        # The ID token is signed and says who it is for; the answer to a further request would not.
        "settings": {"server_url": issuer, "fetch_userinfo": False, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app] if issuer else []}}


SOCIALACCOUNT_ADAPTER = "c3portal.users.sign_in.oidc.CompanyAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = openid_provider(
    OIDC_ISSUER,
    env.str("OIDC_CLIENT_ID", default=""),
    env.str("OIDC_CLIENT_SECRET", default=""),
    env.str("OIDC_NAME", default="Microsoft"),
)
# Encrypted, since it may hold a secret for a moment.
SESSION_ENGINE = "c3portal.encryption.sessions"
# From sign-in; and from what somebody did last (0: however long that is ago).
SESSION_COOKIE_AGE = int(env.float("SESSION_HOURS", default=12) * 3600)
SESSION_IDLE_AGE = int(env.float("SESSION_IDLE_HOURS", default=4) * 3600)
PORTAL_ADMIN_EMAIL = env.str("PORTAL_ADMIN_EMAIL", default="")
PORTAL_ADMIN_PASSWORD = env.str("PORTAL_ADMIN_PASSWORD", default="")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Uploads go to disk, never to memory: a 500 MB file of invoice lines must not grow a web process.
FILE_UPLOAD_HANDLERS = ["c3portal.http.request_limits.ToDisk"]
# Where files wait for a worker to import them: web and worker share it. Uploads come in there, so that to keep one
# takes no copy of it.
IMPORT_DIR = Path(env.str("IMPORT_DIR", default="") or VAR_DIR / "imports").absolute()
FILE_UPLOAD_TEMP_DIR = str(IMPORT_DIR) if state.private_folder(IMPORT_DIR) else None
# What a form may hold beside a file, and what a request may hold where no file is wanted
# (c3portal/http/request_limits.py). Less than the proxy keeps until all of it is there (deploy/Caddyfile), so that no
# form that comes slowly keeps a thread.
# The largest form there is names the 50 rows of a page twice over; a script that names a period's invoices fits too.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
# Of a web process; how many files it takes and sends at a time follows from it (c3portal/http/concurrency.py).
WEB_THREADS = env.int("WEB_THREADS", default=8)
# More than a million lines; `manage.py import_invoices` takes any.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=500 * 1024 * 1024)


def mailer(url: str) -> dict[str, Any]:
    """Return the mail setting for `url`, such as smtp+tls://user:password@host:587 or consolemail://."""
    # Without DEBUG not onto the console: the link to a new password must not end up in a log.
    read = env.email_url_config(url or ("consolemail://" if DEBUG else "dummymail://"))
    if not read["EMAIL_BACKEND"].endswith(".smtp.EmailBackend"):
        return {"BACKEND": read["EMAIL_BACKEND"]}
    options = {
        "host": read["EMAIL_HOST"],
        "port": read["EMAIL_PORT"],
        "username": read["EMAIL_HOST_USER"],
        "password": read["EMAIL_HOST_PASSWORD"],
        "use_tls": read.get("EMAIL_USE_TLS", False),
        "use_ssl": read.get("EMAIL_USE_SSL", False),
        "timeout": 10,
    }
    return {"BACKEND": read["EMAIL_BACKEND"], "OPTIONS": options}


MAILERS = {"default": mailer(env.str("EMAIL_URL", default=""))}
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"portal@{urlsplit(PORTAL_URL).hostname or 'localhost'}")

# Celery on Redis or Valkey. The reasons for each figure are in docs/architecture.md ("Workers and the broker").
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or embedded_broker.url(VAR_DIR)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For as long as it takes: Celery's own hundred tries end a worker after most of an hour.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A broker without memory or disk refuses commands, which would end a worker too.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 150
CELERY_TASK_TIME_LIMIT = 180
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 90
CELERY_BEAT_SCHEDULER = "c3portal.processes.scheduler:Scheduler"
# How often work that a lost message or a dead worker left behind is found again.
SWEEP_EVERY = env.float("SWEEP_EVERY", default=10)
# How often the portal looks for something to tell people, and for notices that are due to be sent again.
NOTICES_EVERY = env.float("NOTICES_EVERY", default=60)
# How often Xero is asked what became of posted documents, while anything is open and something happens.
READ_BACK_EVERY = max(1.0, env.float("READ_BACK_EVERY", default=900))
# Whether webhooks may go into private networks, and by plain HTTP to localhost: for a receiver beside the portal.
WEBHOOK_ALLOW_PRIVATE = env.bool("WEBHOOK_ALLOW_PRIVATE", default=DEBUG)


def good_for(seconds: float) -> dict[str, Any]:
    """Return the options of a task that is dropped after so many seconds (c3portal/celery.py)."""
    # Not Celery's `expires`, which goes by the clocks of sender and worker: one wrong clock ended every sweep.
    return {"headers": {"good_for": seconds}}


CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "invoices.tasks.sweep", "schedule": SWEEP_EVERY, "options": good_for(SWEEP_EVERY)},
    "find-notices": {
        "task": "invoices.tasks.find_notices",
        "schedule": NOTICES_EVERY,
        "options": good_for(NOTICES_EVERY),
    },
    # Whether it is the hour of Settings → Invoices from C3 in its time zone, and what waits meanwhile.
    "fetch-from-c3": {"task": "invoices.tasks.fetch_when_due", "schedule": 60.0, "options": good_for(60.0)},
    "deliver-notices": {
        "task": "c3portal.tasks.deliver_notices",
        "schedule": NOTICES_EVERY,
        "options": good_for(NOTICES_EVERY),
    },
    # Whether a poll is due, and what webhooks named since.
    "read-back": {
        "task": "invoices.tasks.read_back",
        "schedule": min(60.0, READ_BACK_EVERY),
        "options": good_for(min(60.0, READ_BACK_EVERY)),
    },
    # A certificate of an hour ago is known well enough; the alarm is about days.
    "certificate": {
        "task": "c3portal.tasks.look_at_the_certificate",
        "schedule": 3600.0,
        "options": good_for(3600.0),
    },
    # Needs attention; it does nothing where nothing changed.
    "attention": {"task": "invoices.tasks.check_attention", "schedule": 60.0, "options": good_for(60.0)},
    "keep-alive": {"task": "invoices.tasks.keep_connections_alive", "schedule": crontab(hour=3, minute=17)},
    "forget-imports": {"task": "operations.tasks.forget_imports", "schedule": crontab(hour=2, minute=37)},
    "fingerprints": {"task": "invoices.tasks.fill_fingerprints", "schedule": crontab(minute=23)},
    "billed-taxes": {"task": "invoices.tasks.mend_billed_taxes", "schedule": crontab(hour=2, minute=57)},
    "reference": {"task": "invoices.tasks.refresh_reference", "schedule": crontab(hour="*/6", minute=43)},
}
# After how many days what is no fact of the books goes by itself, every night (operations/retention.py); 0: never.
PRUNE_AFTER_DAYS = env.int("PRUNE_AFTER_DAYS", default=0)
if PRUNE_AFTER_DAYS > 0:
    CELERY_BEAT_SCHEDULE["prune"] = {"task": "c3portal.tasks.prune", "schedule": crontab(hour=2, minute=47)}

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    # The consent page is reached by a form post that redirects to it, which browsers hold against form-action.
    "form-action": [CSP.SELF, XERO_LOGIN_URL],
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
FAMILIAR_COOKIE_NAME = "familiar"
SESSION_COOKIE_SECURE = False
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
# Forms carry the CSRF token themselves; no script needs a cookie.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
if PORTAL_URL.startswith("https://"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    # With these names browsers take the cookies from this very host by HTTPS alone, and from no neighbour of it.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    FAMILIAR_COOKIE_NAME = "__Host-familiar"
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # A load balancer asks by plain HTTP, and a redirect is no answer to it.
    SECURE_REDIRECT_EXEMPT = [r"^health/"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

LOGGING = log_config.config(env)

# What monitoring brings to read /metrics; without it there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# What was deployed, as it calls itself: shown to monitoring alone.
PORTAL_VERSION = env.str("PORTAL_VERSION", default="") or __version__

if SENTRY_DSN := env.str("SENTRY_DSN", default=""):
    # Without the setting nothing of the library is even loaded.
    from c3portal.telemetry import sentry

    environment = env.str("SENTRY_ENVIRONMENT", default="") or "production"
    sentry.start(SENTRY_DSN, environment=environment, release=PORTAL_VERSION)
