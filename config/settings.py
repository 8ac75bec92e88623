"""Every setting of Decklog, and the only place that reads the environment.

`config.environment` says how a variable is read, and `config.checks` judges the result, so that a wrong start ends
with a sentence that says what to do.
"""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kombu import Queue

from config.environment import BROKERS, Environment

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "var"
env = Environment(os.environ)

# --- Where this installation lives ---------------------------------------------------------------------------------

EMBEDDED = env.yes_or_no("DECKLOG_EMBEDDED", default=False)
"""True when `make run` supervises this process: SQLite, a broker on a Unix socket, plain HTTP on loopback."""
INSTANCE = env.text("DECKLOG_INSTANCE")
"""The random id by which a supervisor recognises its own process behind `/healthz`."""
SECRET_KEY = env.text("SECRET_KEY", "unset")
BASE_URL = env.address(
    "BASE_URL", "http://127.0.0.1:8000", schemes=("http", "https"), example="https://decklog.example.com"
).rstrip("/")
_base = urlsplit(BASE_URL)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", [_base.hostname or "127.0.0.1", "127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
IS_HTTPS = _base.scheme == "https"
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)
"""How many reverse proxies stand in front and append to X-Forwarded-For; 0 means the header is not believed."""
SENTRY_DSN = env.address("SENTRY_DSN", schemes=("http", "https"), example="https://key@sentry.example.com/1")
"""Where unexpected errors are reported, besides the log; empty means nowhere."""

# --- Rooms, upper to lower -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "config.apps.StaticFiles",
    "allauth",
    "allauth.account",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "demo",
    "config.apps.ConfigConfig",
    "home",
    "public",
    "incidents",
    "changes",
    "oncall",
    "catalog",
    "accounts",
    "notifications",
    "workflow",
]
if SENTRY_DSN:
    INSTALLED_APPS.append("config.reporting.ReportingConfig")
MIDDLEWARE = [
    "workflow.middleware.RequestLog",
    "workflow.middleware.SecurityHeaders",
    "workflow.middleware.StraightToApi",
    "workflow.middleware.DatabaseAway",
    "public.middleware.StraightToPublic",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.ReaderTimeZone",
    "accounts.middleware.FirstAdministrator",
    "accounts.interrupted.InterruptedForms",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "builtins": ["workflow.templatetags.look"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "home.context.shell",
            ],
        },
    },
]

# --- Data ----------------------------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL", f"sqlite:///{STATE / 'decklog.sqlite3'}")
}
IS_POSTGRES = "postgresql" in DATABASES["default"]["ENGINE"]
# A worker thread keeps its connection: opening one costs more than the query it is for.
DATABASES["default"]["CONN_MAX_AGE"] = None
if IS_POSTGRES:
    # Our statements are short: to compile them takes PostgreSQL longer than to run them.
    # A migration may take as long as a large table needs; only its wait for a lock stays short: others wait behind it.
    _patience = 0 if "migrate" in sys.argv else 30_000
    _limits = f"-c statement_timeout={_patience} -c lock_timeout=10000 -c jit=off"
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = _limits
    # Django switches psycopg's prepared statements off; `workflow.statements` lives from them. The ORM is not affected.
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 5
else:
    # IMMEDIATE takes the write lock at the start, so that a transaction never fails half-way with "database is
    # locked"; FULL makes a commit survive a power cut, because we say yes only after it.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
# Sign-in limits count here. They live in the database because Redis may vanish and a limit must not. When it is full a
# third is forgotten, so it must not be easy to fill: every stranger's address and every e-mail they try takes a place.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "decklog_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- Work ----------------------------------------------------------------------------------------------------------

REDIS_URL = env.address("REDIS_URL", schemes=BROKERS, example="redis://redis.internal:6379/0")
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker outlives its broker: it sends what is due by itself and waits for the broker for as long as it takes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 2, "socket_connect_timeout": 2, "visibility_timeout": 60}
CELERY_WORKER_POOL = "threads"
# Hurry for pages and for other messages travels apart from the rest of the work; a worker reads all three by default.
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("celery", "pages", "mail")]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-the-outbox": {"task": "notifications.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "seal-the-ledger": {"task": "workflow.tasks.seal_ledger", "schedule": 60.0},
    "settle-verdicts": {"task": "changes.tasks.settle_verdicts", "schedule": 60.0},
    "make-evidence-packs": {"task": "changes.tasks.make_packs", "schedule": 5.0, "options": {"expires": 5}},
    "mind-tickets": {"task": "changes.tasks.mind_tickets", "schedule": 60.0},
    "mind-templates": {"task": "changes.tasks.mind_templates", "schedule": 3600.0},
    "remind-of-promises": {"task": "incidents.tasks.remind_of_promises", "schedule": 3600.0},
    "mind-incidents": {"task": "incidents.tasks.mind_incidents", "schedule": 10.0, "options": {"expires": 10}},
    "warn-of-gaps": {"task": "oncall.gaps.tasks.warn_of_gaps", "schedule": 900.0, "options": {"expires": 900}},
    "mind-opsgenie-plans": {"task": "oncall.sync.tasks.mind_plans", "schedule": 10.0, "options": {"expires": 10}},
    "mind-alerts": {"task": "oncall.alerting.tasks.mind_alerts", "schedule": 5.0, "options": {"expires": 5}},
    "look-for-drift": {"task": "oncall.sync.tasks.look_for_drift", "schedule": 600.0, "options": {"expires": 600}},
    "make-digests": {"task": "accounts.tasks.make_digests", "schedule": 60.0, "options": {"expires": 60}},
    "forget-old-asides": {"task": "accounts.tasks.forget_old_asides", "schedule": 3600.0},
    "forget-ended-sessions": {"task": "accounts.tasks.forget_ended_sessions", "schedule": 3600.0},
    "mind-the-change-log": {"task": "public.tasks.mind_change_log", "schedule": 60.0, "options": {"expires": 60}},
    "tell-subscribers": {"task": "public.tasks.tell_subscribers", "schedule": 15.0, "options": {"expires": 15}},
    "export-public-pages": {"task": "public.tasks.export_public", "schedule": 60.0, "options": {"expires": 60}},
    "forget-unconfirmed": {"task": "public.tasks.forget_unconfirmed", "schedule": 3600.0},
    "send-summaries": {"task": "home.tasks.send_summaries", "schedule": 60.0, "options": {"expires": 60}},
    "forget-old-replies": {"task": "workflow.tasks.forget_old_replies", "schedule": 3600.0},
}

SWEEPER_DUTIES = ["oncall.paging.actions.run_due"]
"""What each worker also does every 5 seconds by itself, because it must not wait for a broker or a clock."""

# --- Messages ------------------------------------------------------------------------------------------------------

_email = env.mail("EMAIL_URL", "consolemail://")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL", False))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"decklog@{_base.hostname or 'localhost'}")
_WEB = ("http", "https")
SLACK_BOT_TOKEN = env.text("SLACK_BOT_TOKEN")
SLACK_API_URL = env.address("SLACK_API_URL", "https://slack.com/api/", schemes=_WEB, example="https://slack.com/api/")
SLACK_CHANNEL = env.text("SLACK_CHANNEL")
"""Where the whole organisation reads about customer-impacting changes, as in #changes; a team may have its own."""
SUMMARY_HOUR = int(env.choice("SUMMARY_HOUR", "9", among=[str(hour) for hour in range(24)]))
"""From which hour on, by TIME_ZONE, the organisation's channel gets its summaries; teams have hours of their own."""
SUMMARY_WHEN_QUIET = env.yes_or_no("SUMMARY_WHEN_QUIET", default=True)
"""Whether a day with nothing to tell is told, in one line: silence could also mean that nobody looks."""
OPSGENIE_API_KEY = env.text("OPSGENIE_API_KEY")
OPSGENIE_REGION = env.choice("OPSGENIE_REGION", "US", among=("US", "EU"))
_opsgenie = {"US": "https://api.opsgenie.com", "EU": "https://api.eu.opsgenie.com"}[OPSGENIE_REGION]
OPSGENIE_API_URL = env.address("OPSGENIE_API_URL", _opsgenie, schemes=_WEB, example=_opsgenie).rstrip("/")
OPSGENIE_WEBHOOK_SECRET = env.words("OPSGENIE_WEBHOOK_SECRET", [])
"""What Opsgenie's webhook sends as X-Decklog-Secret; with commas between them several count, to change them."""
_announce = env.address(
    "ANNOUNCE_WEBHOOK_URL", schemes=_WEB, example="https://hooks.slack.com/services/T000/B000/the-secret-part"
)
ANNOUNCE_WEBHOOK_KEY = env.text("ANNOUNCE_WEBHOOK_KEY")
"""Signs what goes to ANNOUNCE_WEBHOOK_URL; a Slack needs none."""
WEBHOOKS: dict[str, dict[str, str]] = (
    {"announcements": {"url": _announce, "key": ANNOUNCE_WEBHOOK_KEY}} if _announce else {}
)
"""The endpoints of the channel `webhook` by the name that messages use, since an address may be a secret itself."""
HEARTBEAT_URL = env.address("HEARTBEAT_URL", schemes=_WEB, example="https://heartbeat.example.com/the-secret-part")
"""A service outside that raises an alarm when no more pings come; called each minute while messages move."""
WEBHOOK_ALLOWED_ADDRESSES = env.words("WEBHOOK_ALLOWED_ADDRESSES", [])
"""Addresses and networks inside which webhooks may call although they are not public, as in 10.1.2.0/24."""

# --- Sign-in -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# A functional unique constraint on lower(email) holds instead of a plain one.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "accounts.adapter.ClosedSignUp"
ACCOUNT_FORMS = {"reset_password": "accounts.adapter.NewPasswordForm"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "10/5m/ip,5/5m/key", "reset_password": "10/h/ip,3/h/key"}
ACCOUNT_RATE_LIMITS["subscribe"] = "10/h/ip"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_NAME = "decklog_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False
CSRF_COOKIE_NAME = "decklog_csrf"
CSRF_FAILURE_VIEW = "home.errors.csrf_failure"
if IS_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
    SECURE_HSTS_SECONDS = 31_536_000
# Larger bodies are refused by the API parser with a 413; this bounds what a form may send.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- The API -------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerToken", "accounts.authentication.BrowserSession"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["workflow.wire.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["workflow.wire.FastJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "workflow.wire.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "workflow.openapi.Documented",
    "EXCEPTION_HANDLER": "workflow.doors.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Decklog",
    "DESCRIPTION": "One record of every change to production.\n\n"
    "Times are RFC 3339 with an offset. Lists are newest first, and `next` and `previous` lead through them. A request "
    "that is refused says why as `application/problem+json`, with a `code` that stays the same. The body of a request "
    "is JSON in UTF-8, at most 1 MiB and 32 levels deep.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    # Relative, so that a page opened under another name of this host tries its requests there.
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "SORT_OPERATION_PARAMETERS": False,
    "AUTHENTICATION_WHITELIST": ["accounts.authentication.BearerToken"],
    "PREPROCESSING_HOOKS": ["workflow.openapi.without_trailing_slash"],
    # The hook that comes with drf-spectacular would give the words of a filter names of its own.
    "POSTPROCESSING_HOOKS": [],
    "TAGS": [
        {"name": "deployments", "description": "What pipelines log."},
        {"name": "changes", "description": "Everything that changed production, whoever did it."},
        {"name": "pipelines", "description": "Who deploys, and what each must prove."},
        {"name": "oncall", "description": "Who has the watch now."},
        {"name": "schedules", "description": "Who has the watch when."},
        {"name": "services", "description": "What is deployed."},
        {"name": "environments", "description": "Where it is deployed to."},
        {"name": "teams", "description": "Who owns it."},
        {"name": "me", "description": "How the owner of the token is reached."},
        {"name": "openapi", "description": "This description."},
    ],
}

# --- Language, time, static files ----------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
ORGANISATION_NAME = env.text("ORGANISATION_NAME")
"""Whose log this is: shown beside the brand."""
ORGANISATION_TIME_ZONE = env.text("TIME_ZONE", "UTC")
"""Whose morning and evening the organisation lives by; a person may choose another zone for themselves."""

TRACKER_URL = env.address("TRACKER_URL", schemes=_WEB, example="https://tracker.example.com/browse/{key}")
"""Where the key of a corrective action leads; {key} stands for it."""

# --- What outsiders see --------------------------------------------------------------------------------------------

PUBLIC_NAME = env.text("PUBLIC_NAME", ORGANISATION_NAME or "Status")
"""The name on the public pages, where nobody knows Decklog."""
PUBLIC_LOGO = env.text("PUBLIC_LOGO")
"""The path of an SVG, PNG or WebP file that stands beside it."""
PUBLIC_COLOUR = env.text("PUBLIC_COLOUR")
"""The colour of its links, as in #0b5fc4."""
PUBLIC_LINKS = env.words("PUBLIC_LINKS", [])
"""Links at the foot, as in `Terms=https://example.com/terms, Support=https://example.com/support`."""
PUBLIC_EXPORT = env.text("PUBLIC_EXPORT")
"""A folder into which a worker writes these pages as files each minute, for another host; empty means it does not."""
PUBLIC_COPIES = env.text("PUBLIC_COPIES", str(STATE / "public"))
"""Where each machine keeps the last good copies of its public pages, for when the database is away."""

STATIC_URL = "/static/"
_collected = STATE / "static"
_modules = ROOT / "node_modules"
STATICFILES_DIRS: list[Any] = [ROOT / "static"]
STATICFILES_DIRS += [
    (prefix, folder)
    for prefix, folder in (
        ("tabler/css", _modules / "@tabler/core/dist/css"),
        ("inter/files", _modules / "@fontsource-variable/inter/files"),
    )
    if folder.is_dir()
]
ICONS = _modules / "@tabler/icons/icons/outline"
IS_COLLECTED = (_collected / "staticfiles.json").is_file() or "collectstatic" in sys.argv
"""True after `collectstatic`, as in the container image; then files carry a hash in their name and never expire."""
STATIC_ROOT = _collected if IS_COLLECTED else None
STORAGES = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_COLLECTED

# --- Logs and numbers ----------------------------------------------------------------------------------------------

METRICS_FOLDER = env.folder("PROMETHEUS_MULTIPROC_DIR")
"""Where the web processes of one machine share what they measured; needed when there is more than one of them."""
LOGGING_CONFIG = "workflow.logs.configure"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING = {"json": not EMBEDDED, "level": env.choice("LOG_LEVEL", "INFO", among=_LEVELS)}

env.insist()
