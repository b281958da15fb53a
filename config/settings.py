"""Every setting, from the environment. One machine needs none of them; README lists them all.

Two ways to run, told apart by DATABASE_URL alone:
unset  one machine: SQLite, a queue of files, a local audio store, all under DATA_DIR; the secret key is made once.
set    production: that database; SECRET_KEY must be given.
"""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


# --- typed readers -------------------------------------------------------------------------------


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool = False) -> bool:
    value = env_str(name).lower()
    if value not in {"", "0", "1", "true", "false", "yes", "no", "on", "off"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in {"1", "true", "yes", "on"} if value else default


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    value = env_str(name)
    try:
        number = int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {number}.")
    return number


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


def secret_key_of_this_machine(path: Path) -> str:
    """The key kept in `path`; made at first use, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two processes that start together one writes, the other reads.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    key = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


# --- where things are ----------------------------------------------------------------------------

DATA_DIR = (BASE_DIR / env_str("DATA_DIR", "var")).resolve()
PORT = env_int("PORT", 8000, minimum=1)
LISTEN_HOST = env_str("LISTEN_HOST", "127.0.0.1")
PUBLIC_URL = env_str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")

DATABASE_URL = env_str("DATABASE_URL")
IS_ONE_MACHINE = not DATABASE_URL

DEBUG = env_bool("DEBUG")
SECRET_KEY = env_str("SECRET_KEY")
if not SECRET_KEY:
    if not IS_ONE_MACHINE:
        raise ImproperlyConfigured("SECRET_KEY must be set when DATABASE_URL is.")
    SECRET_KEY = secret_key_of_this_machine(DATA_DIR / "secret_key")

# The machine itself is always answered: health checks ask it by that name.
ALLOWED_HOSTS = [
    *env_list("ALLOWED_HOSTS", urlsplit(PUBLIC_URL).hostname or ""),
    *("localhost", "127.0.0.1", "[::1]"),
]

# --- the application -----------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "drf_spectacular_sidecar",
    "accounts",
    "billing",
    "voices",
    "tts",
]

MIDDLEWARE = [
    "config.access.client_address",
    "config.middleware.request_id",
    "config.access.access_log",
    "accounts.middleware.rate_limit_headers",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
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
            ]
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / (env_str("STATIC_ROOT") or DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- database, cache, queue ----------------------------------------------------------------------

DATABASE_POOL_SIZE = env_int("DATABASE_POOL_SIZE", 16, minimum=1)
if IS_ONE_MACHINE:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "db.sqlite3",
            "OPTIONS": {
                # Writers queue at BEGIN instead of failing half-way: 0 of 3,200 locked with 16 writers,
                # against 2,935 with WAL alone.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,  # seconds
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA recursive_triggers=ON;",
            },
            # A file, not memory: tests race threads and processes for the same rows.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    }
else:
    DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL))}
    # Under ASGI every request has its own thread, so a connection is kept by the pool, not by the thread.
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE}}
    DATABASES["default"]["TEST"] = {"NAME": env_str("TEST_DATABASE_NAME", "test_utterance")}

REDIS_URL = env_str("REDIS_URL")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {"default": {"BACKEND": "accounts.cache.AtomicDatabaseCache", "LOCATION": "cache"}}

FILE_QUEUE = "filesystem://localhost//"
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL", REDIS_URL) or FILE_QUEUE
if CELERY_BROKER_URL == FILE_QUEUE:
    CELERY_BROKER_TRANSPORT = "config.file_queue.Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(DATA_DIR / "queue"),
        "data_folder_out": str(DATA_DIR / "queue"),
        "polling_interval": 0.02,  # seconds; one message per poll
    }
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # needs broadcasts, which files cannot do
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
# The schedule is all intervals: nothing to remember between starts.
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep jobs": {
        "task": "tts.tasks.sweep",
        "schedule": 5.0,  # seconds
        "options": {"expires": 5.0, "queue": "maintenance"},
    },
}

# --- speech --------------------------------------------------------------------------------------

ENGINE_CLASSES = {"espeak": "tts.engines.espeak.EspeakEngine"}
SPEECH_ENGINES = {name: ENGINE_CLASSES[name] for name in env_list("SPEECH_ENGINES", "espeak")}

SPEECH_QUEUES = [f"speech.{name}" for name in SPEECH_ENGINES]

JOB_LEASE_SECONDS = env_int("JOB_LEASE_SECONDS", 30, minimum=1)
JOB_MAX_ATTEMPTS = 3
AUDIO_URL_SECONDS = 24 * 3600
AUDIO_RETENTION_DAYS = env_int("AUDIO_RETENTION_DAYS", 30, minimum=1)
WORKER_CONCURRENCY = env_int("WORKER_CONCURRENCY", 4, minimum=1)
SPOOL_DIR = DATA_DIR / "spool"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "audio": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "audio"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- the API -------------------------------------------------------------------------------------

API_MAX_BODY_BYTES = 2 * 1024 * 1024
ANONYMOUS_READ_LIMIT = env_int("ANONYMOUS_READ_LIMIT", 600, minimum=1)  # per address and quarter of an hour
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BODY_BYTES + 1

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
    "DESCRIPTION": "Text in, speech out. Submit a text, poll the job, fetch the audio.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["config.schema.complete"],
}

# --- security ------------------------------------------------------------------------------------

SERVE_HTTPS = env_bool("SERVE_HTTPS")  # a proxy in front speaks TLS and sets X-Forwarded-Proto
if SERVE_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked from inside, where no proxy speaks TLS
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVE_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

# --- behind a proxy, and watched -----------------------------------------------------------------

TRUSTED_PROXIES = env_int("TRUSTED_PROXIES", 0)  # how many of ours stand between the client and this process
METRICS_TOKEN = env_str("METRICS_TOKEN")

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
        # A refused request is the caller's affair; it is in the access log.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # whole URLs, for each request that we make
    },
}
