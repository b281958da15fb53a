"""All settings, from environment variables. One machine needs none; .env.example lists them all.

DATABASE_URL alone decides between two modes:

unset  one machine: SQLite, a queue of files, a local audio store, all under DATA_DIR; SECRET_KEY is created once.
set    production: that database; SECRET_KEY is required.
"""

import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config.audio_store import audio_storage
from config.env import (
    check_debug_is_local,
    check_fernet_keys,
    env_bool,
    env_int,
    env_issuers,
    env_list,
    env_networks,
    env_ports,
    env_str,
    fernet_key_of_this_machine,
    is_loopback,
    secret_key_of_this_machine,
)
from config.mail import parse_email_url
from config.private_files import set_private_umask

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

# --- addresses and files -------------------------------------------------------------------------

DATA_DIR = (BASE_DIR / env_str("DATA_DIR", "var")).resolve()
set_private_umask(DATA_DIR)  # before any file is created
PORT = env_int("PORT", 8000, minimum=1)
LISTEN_HOST = env_str("LISTEN_HOST", "127.0.0.1")
PUBLIC_URL = env_str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")

DATABASE_URL = env_str("DATABASE_URL")
IS_ONE_MACHINE = not DATABASE_URL

DEBUG = env_bool("DEBUG")  # set by `make dev`: full error messages, unprocessed static files
if DEBUG:
    check_debug_is_local(LISTEN_HOST, PUBLIC_URL)
SECRET_KEY = env_str("SECRET_KEY")
if not SECRET_KEY:
    if not IS_ONE_MACHINE:
        raise ImproperlyConfigured("SECRET_KEY must be set when DATABASE_URL is.")
    SECRET_KEY = secret_key_of_this_machine(DATA_DIR / "secret_key")

# Always allow the machine itself, because health checks use these names.
ALLOWED_HOSTS = [
    # With DEBUG, allow no other host, even if a proxy is still running.
    *([] if DEBUG else env_list("ALLOWED_HOSTS", urlsplit(PUBLIC_URL).hostname or "")),
    *("localhost", "127.0.0.1", "[::1]"),
]

# --- application ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "config.admin.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "drf_spectacular_sidecar",
    "accounts",
    "billing",
    "voices",
    "webhooks",
    "tts",
    "operations",
]

MIDDLEWARE = [
    "config.client_ip.client_address",
    "config.middleware.request_id",
    "config.access_log.access_log",
    "accounts.middleware.rate_limit_headers",
    "config.middleware.refuse_timed_out_body",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.content_security_policy",
    "config.static_files.StaticFilesMiddleware",
    "config.middleware.keep_pages_private",
    "config.middleware.compress_pages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.navigation",
                "portal.pages.installing.installation",
                "portal.pages.theme.theme",
            ]
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- sign-up and sign-in (django-allauth) --------------------------------------------------------

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "billing.sign_up.SignUpAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.auth.SignInForm",
    "signup": "accounts.forms.auth.SignUpForm",
    "reset_password": "accounts.forms.auth.ForgottenPasswordForm",
    "reset_password_from_key": "accounts.forms.auth.NewPasswordForm",
    "reauthenticate": "accounts.forms.second_factor.ConfirmPasswordForm",
}
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "accounts.forms.second_factor.SecondFactorForm",
    "reauthenticate": "accounts.forms.second_factor.ConfirmCodeForm",
    "authenticate_webauthn": "accounts.forms.passkeys.SecondFactorPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.passkeys.ConfirmPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # fingerprint, face or PIN, because a passkey replaces the password
MFA_RATE_LIMITS = {"webauthn_login": "10/m/ip", "webauthn_options": "30/m/ip"}
MFA_TOTP_TOLERANCE = 1  # accept a code 30 seconds early or late: clocks differ, and typing takes time
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # only in the browser that signed up
# Ten failures per address or email in 15 minutes; fifty invitations per account and day. Otherwise allauth's defaults.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/15m/ip,10/15m/key", "invite": "50/d/key"}
SESSION_COOKIE_AGE = 30 * 24 * 3600  # with "stay signed in"; otherwise until the browser closes
OIDC_ISSUERS = env_issuers("OIDC_ISSUERS")  # issuers whose ID tokens /api/user accepts
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # three days, like allauth's default for confirming an address
SUPPORT_REFUND_LIMIT = env_int("SUPPORT_REFUND_LIMIT", 50)  # credits per job; no limit for billing and administrators
SIGNUP_CREDITS = env_int("SIGNUP_CREDITS", 10)  # granted when the address is confirmed

EMAIL_URL = env_str("EMAIL_URL")
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", f"Utterance <noreply@{urlsplit(PUBLIC_URL).hostname}>")
REPLY_TO_EMAIL = env_str("REPLY_TO_EMAIL")  # default: the sender's address
if EMAIL_URL:
    _smtp = parse_email_url(EMAIL_URL)
    EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = _smtp.host, _smtp.port, 10  # seconds
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _smtp.user, _smtp.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp.use_tls, _smtp.use_ssl
else:
    EMAIL_BACKEND = "config.mail.FileBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"

# --- selling credits ------------------------------------------------------------------------------

STRIPE_API_KEY = env_str("STRIPE_API_KEY")  # without it, nothing is sold
STRIPE_WEBHOOK_SECRETS = env_list("STRIPE_WEBHOOK_SECRET")  # two during a rotation
STRIPE_API_BASE = env_str("STRIPE_API_BASE").rstrip("/")  # default: Stripe's

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / (env_str("STATIC_ROOT") or DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700

# --- database, cache, queue ----------------------------------------------------------------------

DATABASE_POOL_SIZE = env_int("DATABASE_POOL_SIZE", 16, minimum=1)
if IS_ONE_MACHINE:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "db.sqlite3",
            "OPTIONS": {
                # Writers wait at BEGIN instead of failing in the middle: 0 of 3,200 transactions were locked with 16
                # writers, against 2,935 with WAL alone.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,  # seconds
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA recursive_triggers=ON;",
            },
            # A file, not memory: in tests, threads and processes compete for the same rows.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    }
else:
    DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL))}
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # replace connections that broke in a restart
    _options: Any = DATABASES["default"].get("OPTIONS", {})
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,  # seconds
        "tcp_user_timeout": 5_000,  # milliseconds, in case the host disappears without closing the connection
        **_options,  # such as sslmode, from the URL
        # Under ASGI every request has its own thread, so the pool keeps connections, not the thread.
        "pool": {
            "min_size": 1,
            "max_size": DATABASE_POOL_SIZE,
            "timeout": 3.0,  # seconds to wait for a connection, then 503
            # The pool doubles its pause between attempts until this limit, then starts again.
            "reconnect_timeout": 2.0,
        },
    }
    DATABASES["default"]["TEST"] = {"NAME": env_str("TEST_DATABASE_NAME", "test_utterance")}

REDIS_URL = env_str("REDIS_URL")
DATABASE_CACHE: dict[str, object] = {
    "BACKEND": "accounts.cache.AtomicDatabaseCache",
    "LOCATION": "cache",
    # Beyond this number of rows, Django deletes expired ones and then any. A deleted counter lifts a limit.
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
if REDIS_URL:
    CACHES: dict[str, dict[str, object]] = {
        "default": {
            "BACKEND": "accounts.redis_cache.RedisCacheWithStandIn",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"stand_in": "database"},
        },
        "database": DATABASE_CACHE,
    }
else:
    CACHES = {"default": DATABASE_CACHE}

FILE_QUEUE = "filesystem://localhost//"
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL", REDIS_URL) or FILE_QUEUE
if CELERY_BROKER_URL == FILE_QUEUE:
    CELERY_BROKER_TRANSPORT = "config.file_queue.Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(DATA_DIR / "queue"),
        "data_folder_out": str(DATA_DIR / "queue"),
    }
# Unused, and a queue of files cannot broadcast. On RabbitMQ the control queue is exclusive and named after the host, so
# a second worker on the host would end with RESOURCE_LOCKED.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # workers and beat wait for the broker forever
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
# All schedules are intervals, so there is no state to keep between starts.
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep jobs": {
        "task": "tts.tasks.sweep",
        "schedule": 5.0,  # seconds
        "options": {"expires": 5.0, "queue": "maintenance"},
    },
    "make exports": {
        "task": "tts.tasks.make_exports",
        "schedule": 10.0,  # seconds
        "options": {"expires": 10.0, "queue": "maintenance"},
    },
    "delete accounts": {
        "task": "tts.tasks.delete_accounts",
        "schedule": 60.0,
        "options": {"expires": 60.0, "queue": "maintenance"},
    },
    "forget sessions": {
        "task": "tts.tasks.forget_sessions",
        "schedule": 3600.0,
        "options": {"expires": 600.0, "queue": "maintenance"},
    },
    "sync voices": {
        "task": "tts.tasks.sync_voices",
        "schedule": 24 * 3600.0,
        "options": {"expires": 3600.0, "queue": "maintenance"},
    },
    "ask providers again": {
        "task": "tts.tasks.ask_providers_again",
        "schedule": 120.0,
        "options": {"expires": 120.0, "queue": "maintenance"},
    },
    "sweep payments": {
        "task": "billing.tasks.sweep_payments",
        "schedule": 10.0,  # seconds
        "options": {"expires": 10.0, "queue": "maintenance"},
    },
    "reconcile Stripe": {
        "task": "billing.tasks.reconcile_stripe",
        "schedule": 24 * 3600.0,
        "options": {"expires": 3600.0, "queue": "maintenance"},
    },
    "make samples": {
        "task": "tts.tasks.ask_for_samples",
        "schedule": 10.0,
        "options": {"expires": 10.0, "queue": "maintenance"},
    },
    "send webhooks": {
        "task": "webhooks.tasks.send_due",
        "schedule": 5.0,
        "options": {"expires": 5.0, "queue": "webhooks"},
    },
    "tidy webhooks": {
        "task": "webhooks.tasks.tidy",
        "schedule": 60.0,
        "options": {"expires": 60.0, "queue": "webhooks"},
    },
}

# --- speech --------------------------------------------------------------------------------------

ENGINE_CLASSES = {
    "espeak": "speech.engines.espeak.EspeakEngine",
    "kokoro": "speech.engines.kokoro.KokoroEngine",
    "polly": "speech.engines.polly.PollyEngine",
    "google": "speech.engines.google.GoogleEngine",
}
# The queue of each engine's jobs.
ENGINE_QUEUES = {
    "espeak": "speech.espeak", "kokoro": "speech.kokoro", "polly": "speech.remote", "google": "speech.remote",
}  # fmt: skip
# An engine whose settings are missing is unavailable, says why, and costs nothing. gRPC: we fork only to start
# programs, and its fork handlers would break a call in progress.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
KOKORO = env_bool("KOKORO", default=True)  # 0: no model is fetched, no worker is started, no voice is offered
SPEECH_ENGINES = {
    name: ENGINE_CLASSES[name]
    for name in env_list("SPEECH_ENGINES", "espeak,kokoro,polly,google")
    if name != "kokoro" or KOKORO
}
SAMPLE_ENGINES = env_list("SAMPLE_ENGINES", "espeak,kokoro")  # engines with automatic samples, or "none"
# The comparison for visitors, with their own text: its engines, and how many samples in 15 minutes. The minimum is what
# one comparison needs.
COMPARE_ENGINES = env_list("COMPARE_ENGINES", "espeak,kokoro")  # or "none"
COMPARE_LIMIT = env_int("COMPARE_LIMIT", 40, minimum=5)  # per address
COMPARE_TOTAL_LIMIT = env_int("COMPARE_TOTAL_LIMIT", 300, minimum=5)  # for all visitors together
SPEECH_QUEUES = list(dict.fromkeys(ENGINE_QUEUES[name] for name in SPEECH_ENGINES))

KOKORO_MODEL_DIR = BASE_DIR / (env_str("KOKORO_MODEL_DIR") or DATA_DIR / "kokoro")
KOKORO_RUNTIME = env_str("KOKORO_RUNTIME", "onnx")
if KOKORO_RUNTIME not in {"onnx", "torch"}:
    raise ImproperlyConfigured(f"KOKORO_RUNTIME must be onnx or torch, not {KOKORO_RUNTIME!r}.")
KOKORO_MODEL = env_str("KOKORO_MODEL")  # "": what is installed, or suits the processor
if KOKORO_MODEL not in {"", "int8", "fp32"}:
    raise ImproperlyConfigured(f"KOKORO_MODEL must be int8 or fp32, not {KOKORO_MODEL!r}.")
KOKORO_CACHE = BASE_DIR / Path(env_str("KOKORO_CACHE")).expanduser() if env_str("KOKORO_CACHE") else None
KOKORO_THREADS = env_int("KOKORO_THREADS", os.cpu_count() or 1, minimum=1)  # per run
KOKORO_HUB_URL = env_str("KOKORO_HUB_URL", "https://huggingface.co").rstrip("/")
KOKORO_RELEASES_URL = env_str("KOKORO_RELEASES_URL", "https://github.com").rstrip("/")

JOB_LEASE_SECONDS = env_int("JOB_LEASE_SECONDS", 30, minimum=1)
WORKER_PRESENCE_SECONDS = env_int("WORKER_PRESENCE_SECONDS", 10, minimum=1)  # between a worker's heartbeats
WORKER_ABSENT_SECONDS = 3 * WORKER_PRESENCE_SECONDS  # after the last heartbeat, a queue counts as unserved
QUEUE_UNSERVED_SECONDS = env_int("QUEUE_UNSERVED_SECONDS", 900)  # without a worker; then its jobs fail
if QUEUE_UNSERVED_SECONDS < WORKER_ABSENT_SECONDS:
    raise ImproperlyConfigured("QUEUE_UNSERVED_SECONDS must be at least three times WORKER_PRESENCE_SECONDS.")
JOB_MAX_ATTEMPTS = 3
AUDIO_URL_SECONDS = 24 * 3600
STREAM_OPEN_SECONDS = 300  # how long a stream can be opened
AUDIO_RETENTION_DAYS = env_int("AUDIO_RETENTION_DAYS", 30, minimum=1)
WORKER_CONCURRENCY = env_int("WORKER_CONCURRENCY", 4, minimum=1)
SPOOL_DIR = DATA_DIR / "spool"
POLLY_ACCESS_KEY_ID = env_str("POLLY_ACCESS_KEY_ID")  # default: what boto3 finds
POLLY_SECRET_ACCESS_KEY = env_str("POLLY_SECRET_ACCESS_KEY")
POLLY_REGION = env_str("POLLY_REGION")  # default: AWS_REGION
POLLY_INSTANCE_ROLE = env_bool("POLLY_INSTANCE_ROLE")
POLLY_ENDPOINT_URL = env_str("POLLY_ENDPOINT_URL")
GOOGLE_APPLICATION_CREDENTIALS = env_str("GOOGLE_APPLICATION_CREDENTIALS")  # a service account's key file
GOOGLE_TTS_ENDPOINT = env_str("GOOGLE_TTS_ENDPOINT", "texttospeech.googleapis.com")  # host, or host:port
MIN_FREE_BYTES = env_int("MIN_FREE_BYTES", 500 * 1024 * 1024)  # on the disk of the spool and the local audio store

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "audio": audio_storage(env_str("AUDIO_STORE_URL"), local_folder=DATA_DIR / "audio"),
    "staticfiles": {
        "BACKEND": "config.static_storage.StaticStorage",
        # Static files are public. Outside DATA_DIR, a proxy may serve them, or another user may have built the image.
        "OPTIONS": (
            {}
            if STATIC_ROOT.is_relative_to(DATA_DIR)
            else {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755}
        ),
    },
}

# --- webhooks ------------------------------------------------------------------------------------

# Encrypt the signing secrets: the first key encrypts, all decrypt. In production there are no webhooks without a key.
WEBHOOK_SECRET_KEYS = env_list("WEBHOOK_SECRET_KEYS")
if not WEBHOOK_SECRET_KEYS and IS_ONE_MACHINE:
    WEBHOOK_SECRET_KEYS = [fernet_key_of_this_machine(DATA_DIR / "webhook_key")]
check_fernet_keys("WEBHOOK_SECRET_KEYS", WEBHOOK_SECRET_KEYS)
WEBHOOK_ALLOW_NETWORKS = env_networks("WEBHOOK_ALLOW_NETWORKS")  # in addition to the public internet
WEBHOOK_PORTS = env_ports("WEBHOOK_PORTS", "443,8443")
WEBHOOK_CA_FILE = env_str("WEBHOOK_CA_FILE")  # PEM, in addition to the system's certificate authorities
WEBHOOK_SLOTS = env_int("WEBHOOK_SLOTS", 16, minimum=5)  # concurrent requests per sender; a receiver gets at most 4
WEBHOOK_USER_AGENT = f"Utterance/{VERSION} (webhooks)"
WEBHOOK_JOB_DATA = "tts.job_events.job_event_data"

# --- the API -------------------------------------------------------------------------------------

API_MAX_BODY_BYTES = 2 * 1024 * 1024
# A body fails (408) after this time without a byte, or if it averages less than the minimum rate after this time.
BODY_READ_TIMEOUT_SECONDS = env_int("BODY_READ_TIMEOUT_SECONDS", 15, minimum=1)
BODY_MIN_BYTES_PER_SECOND = env_int("BODY_MIN_BYTES_PER_SECOND", 4096, minimum=1)
# For the headers of a request, and for an idle connection. The server allows at most 60.
HEADER_TIMEOUT_SECONDS = env_int("HEADER_TIMEOUT_SECONDS", 60, minimum=1)
if HEADER_TIMEOUT_SECONDS > 60:
    raise ImproperlyConfigured("HEADER_TIMEOUT_SECONDS must be at most 60.")
ANONYMOUS_READ_LIMIT = env_int("ANONYMOUS_READ_LIMIT", 600, minimum=1)  # per address and 15 minutes
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BODY_BYTES + 1
FILE_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # longer bodies are kept on disk

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.AlwaysJSON",
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "config.errors.api_exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Utterance",
    "DESCRIPTION": "Text in, speech out. Submit text, poll the job, fetch the audio.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["config.schema.complete"],
}

# --- /admin ---------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Utterance",
    "SITE_HEADER": "Utterance",
    "SITE_SUBHEADER": "Operators",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.admin.favicon"}],
    "SHOW_HISTORY": False,  # the audit trail replaces it
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["config.admin.stylesheet"],
    "SIDEBAR": {"navigation": "config.admin.navigation"},
    "COLORS": "config.admin.colors",
}

# --- security ------------------------------------------------------------------------------------

SERVE_HTTPS = env_bool("SERVE_HTTPS")  # a proxy terminates TLS and sets X-Forwarded-Proto
if SERVE_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # requested internally, without TLS
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVE_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # forms have the token; no script reads it
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

# --- proxies and monitoring ----------------------------------------------------------------------

TRUSTED_PROXIES = env_int("TRUSTED_PROXIES", 0)  # number of our proxies in front of this process
METRICS_TOKEN = env_str("METRICS_TOKEN")

# Staff need a second factor, except on one machine that only its own programs can reach. No request can lift this:
# `accounts.operators.must_enrol` only adds to it.
_HOSTS = (LISTEN_HOST, urlsplit(PUBLIC_URL).hostname or "", *ALLOWED_HOSTS)
_IS_ON_LOOPBACK = all(is_loopback(host) for host in _HOSTS) and not (SERVE_HTTPS or TRUSTED_PROXIES)
STAFF_NEED_SECOND_FACTOR = not (IS_ONE_MACHINE and _IS_ON_LOOPBACK)

LOG_FORMAT = env_str("LOG_FORMAT", "line" if IS_ONE_MACHINE else "json")
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT must be line or json, not {LOG_FORMAT!r}.")
ACCESS_LOG = env_bool("ACCESS_LOG", LOG_FORMAT == "json")

LOGGING_CONFIG = "config.logs.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"ours": {"()": "config.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
    "root": {"handlers": ["stderr"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "propagate": True, "level": "INFO"},
        # Refused requests are in the access log.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},  # logs each request
        "httpcore": {"level": "WARNING"},  # logs webhook responses with LOG_LEVEL=DEBUG
        "httpx": {"level": "WARNING"},  # logs the URL of every request
        "google": {"level": "WARNING"},  # logs whole requests, which have customers' texts
        "fido2": {"level": "WARNING"},  # logs the names of passkeys
    },
}
