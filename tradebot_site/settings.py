"""Settings, all from the environment. docs/configuration.md lists every variable.

Nothing here has a default that is dangerous in production; `tradebotctl up` sets the rest.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exchange.binance.urls import LIVE_URLS, TESTNET_URLS
from tradebot_site import environment

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Security
DEBUG = environment.boolean("DEBUG", default=False)
INSECURE_SECRET_KEY = "insecure-key-of-a-checkout-that-was-never-set-up"  # noqa: S105  # refused by check W001
SECRET_KEY = environment.text("SECRET_KEY", INSECURE_SECRET_KEY)
FERNET_KEYS = environment.text_list("FERNET_KEYS", SECRET_KEY)  # newest first
ALLOWED_HOSTS = environment.text_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.text_list("CSRF_TRUSTED_ORIGINS")
SECURE_COOKIES = environment.boolean("SECURE_COOKIES", default=False)  # on behind TLS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Two installations on one machine share 127.0.0.1, and cookies do not know ports.
INSTALLATION_ID = environment.text(
    "INSTALLATION_ID", hashlib.sha256(SECRET_KEY.encode()).hexdigest()[:4]
)
SESSION_COOKIE_NAME = f"tradebot_session_{INSTALLATION_ID}"
CSRF_COOKIE_NAME = f"tradebot_csrf_{INSTALLATION_ID}"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Django
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_celery_beat",
    "channels",
    "accounts",
    "exchange",
    "bots",
    "ops",
    "tradebot_site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "tradebot_site.middleware.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tradebot_site.urls"
ASGI_APPLICATION = "tradebot_site.asgi.application"
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
            ],
        },
    },
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "tradebot_site.formats"
USE_THOUSAND_SEPARATOR = False
STATIC_URL = "static/"
STATIC_ROOT = Path(environment.text("STATIC_ROOT", str(BASE_DIR / ".tradebot" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "tradebot_site.staticfiles.PackageFilesFinder",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- PostgreSQL, twice: "journal" commits at once what must survive the tick's transaction
DATABASE_URL = environment.text("DATABASE_URL", "postgres://tradebot@127.0.0.1:5432/tradebot")


def _postgres(options: str) -> dict[str, Any]:
    config = environment.database("DATABASE_URL", DATABASE_URL)
    tcp_keepalives = {"keepalives": 1, "keepalives_idle": 15, "keepalives_interval": 5}
    return {
        **config,
        "ATOMIC_REQUESTS": False,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 10,
            "options": options,
            **tcp_keepalives,
            "keepalives_count": 6,
        },
    }


DATABASES: dict[str, dict[str, Any]] = {
    # A tick holds its row lock across the calls to the venue; a lost host frees it within a minute.
    "default": _postgres("-c idle_in_transaction_session_timeout=60s -c statement_timeout=30s"),
    "journal": {
        **_postgres("-c lock_timeout=5s -c statement_timeout=30s"),
        "TEST": {"MIRROR": "default"},
    },
}
DATABASE_ROUTERS = ["tradebot_site.routers.OneDatabaseRouter"]

# --- Redis or Valkey: broker, channel layer, market clock, shared klines
REDIS_URL = environment.text("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # Publish and subscribe know no database numbers: the name keeps installations apart.
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"tradebot:{INSTALLATION_ID}:channels"},
    },
}

# --- Celery
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the next due slot ticks again; redelivery adds nothing
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # nothing to clean up, so beat adds no schedule of its own for it
CELERY_TASK_SOFT_TIME_LIMIT = 30  # seconds
CELERY_TASK_TIME_LIMIT = 40
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Two installations may share one Redis, and both have a bot 1.
    "global_keyprefix": f"tradebot:{INSTALLATION_ID}:celery:",
    "visibility_timeout": 120,
    # A host that is gone without a word: kombu would wait for it for ever. Seconds; longer than the
    # worker's wait for work.
    "socket_connect_timeout": 3,
    "socket_timeout": 15,
    "socket_keepalive": True,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1

# --- Venues
DEMO_EXCHANGE_PORT = environment.positive_int("DEMO_EXCHANGE_PORT", 9080)
_DEMO_HTTP = f"http://127.0.0.1:{DEMO_EXCHANGE_PORT}"
_DEMO_WS = f"ws://127.0.0.1:{DEMO_EXCHANGE_PORT}"
_DEMO_URLS = {
    "spot": _DEMO_HTTP,
    "spot_ws": _DEMO_WS,
    "spot_ws_api": _DEMO_WS,
    "futures": _DEMO_HTTP,
    "futures_ws": _DEMO_WS,
}
EXCHANGE_URLS = {
    "demo": environment.exchange_urls("demo", _DEMO_URLS),
    "testnet": environment.exchange_urls("testnet", asdict(TESTNET_URLS)),
    "live": environment.exchange_urls("live", asdict(LIVE_URLS)),
}
LIVE_TRADING_ENABLED = environment.boolean("LIVE_TRADING_ENABLED", default=False)
BINANCE_RECV_WINDOW = environment.positive_int("BINANCE_RECV_WINDOW", 5000)  # ms
BINANCE_RETRY_MAX_ATTEMPTS = environment.positive_int("BINANCE_RETRY_MAX_ATTEMPTS", 4, most=20)
BINANCE_RETRY_BACKOFF_BASE = environment.positive_float(
    "BINANCE_RETRY_BACKOFF_BASE", 0.2, most=60.0
)  # seconds
BINANCE_WEIGHT_THRESHOLD = environment.positive_float("BINANCE_WEIGHT_THRESHOLD", 0.8, most=1.0)
TICKS_KEPT_PER_BOT = environment.positive_int("TICKS_KEPT_PER_BOT", 10_000)
TICKS_KEPT_DAYS = environment.positive_int("TICKS_KEPT_DAYS", 90)

# --- Logging: one line an event to standard output; the supervisor keeps the files
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "tradebot_site.logs.UtcFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {"no_heartbeat": {"()": "tradebot_site.logs.WithoutHeartbeat"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_heartbeat"],
        }
    },
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "urllib3": {"level": "WARNING"},
        # It logs frames as they are, and one of ours holds the API key.
        "websockets": {"level": "WARNING"},
        # Two lines a second for each bot; what a tick decided is recorded where it can be read.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
_ACCENT = {
    # The pages' accent colour, lighter and darker; Unfold wants eleven shades.
    "50": "#eff5ff", "100": "#dbe8fe", "200": "#bfd6fe", "300": "#93bbfd", "400": "#5b9dff",
    "500": "#3b82f6", "600": "#1a5fd0", "700": "#1a52b5", "800": "#1c4593", "900": "#1c3d77",
    "950": "#152648",
}  # fmt: skip
UNFOLD = {
    "SITE_TITLE": "TradeBot",
    "SITE_HEADER": "TradeBot operations",
    "SITE_SYMBOL": "monitoring",
    "COLORS": {"primary": _ACCENT},
}
