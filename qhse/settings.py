"""All settings, one module: every difference between installations is an environment variable (.env.example)."""

import os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from qhse.api.openapi.introduction import INTRODUCTION, TAGS
from qhse.env import Env
from qhse.observability import shared_counters
from qhse.observability.addresses import UNIX

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env(os.environ)
QHSE_ENV = env.choice("QHSE_ENV", ("dev", "test", "production"), default="dev")
PRODUCTION = QHSE_ENV == "production"
TESTING = QHSE_ENV == "test"

DEBUG = env.boolean("DEBUG", False)
MINIMUM_KEY_LENGTH = 50  # characters; as Django asks of SECRET_KEY
SECRET_KEY = env.required(
    "SECRET_KEY",
    default_outside_production="dev-only-secret-key-that-production-refuses-to-start-with",
    production=PRODUCTION,
)
JWT_SIGNING_KEY = env.required(
    "JWT_SIGNING_KEY",
    default_outside_production="dev-only-signing-key-that-production-refuses-to-start-with",
    production=PRODUCTION,
    form=r"(?!ssh-|ecdsa-).*",  # the library that signs would refuse it, at the first login
    example="a random text, and no key of a pair",
)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", () if PRODUCTION else ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.networks(
    "TRUSTED_PROXIES", words=(UNIX,)
)  # whose word about the client's address and TLS is believed

# --- Database ---------------------------------------------------------------------------------------------------

_LINE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "qhse",
    # Values travel beside the statements. So the server parses and plans once what comes again.
    "server_side_binding": True,
    "prepare_threshold": 5,
}
# Tests read a variable of their own, so that no test run can ever touch the database of DATABASE_URL.
_default_database = env.database(
    "TEST_DATABASE_URL" if TESTING else "DATABASE_URL",
    default="sqlite:///:memory:" if TESTING else f"sqlite:///{BASE_DIR / 'var' / 'qhse.sqlite3'}",
)
_default_database["ATOMIC_REQUESTS"] = False  # transactions are opened by services, where they can be read
if _default_database["ENGINE"].endswith("sqlite3"):
    if isinstance(_default_database["NAME"], Path):
        env.demand_file("TEST_DATABASE_URL" if TESTING else "DATABASE_URL", _default_database["NAME"])
    _default_database["OPTIONS"] = {
        # Taking the write lock at BEGIN: a deferred transaction that upgrades later fails at once under
        # contention, whatever the timeout.
        "transaction_mode": "IMMEDIATE",
        "timeout": 15,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    _default_database["CONN_MAX_AGE"] = None
    _default_database["CONN_HEALTH_CHECKS"] = True
    # What the operator wrote into the URL's query wins.
    _default_database["OPTIONS"] = _LINE | _default_database["OPTIONS"]
DATABASES = {"default": _default_database}

# A copy that follows the database, for lists and figures (qhse.replica). Tests make one of their own.
_replica_database = env.database("REPLICA_DATABASE_URL")
REPLICA_MAX_LAG = env.number("REPLICA_MAX_LAG", 5.0, minimum=0.5, maximum=3600)  # seconds
REPLICA_STATEMENT_SECONDS = 10.0  # then the primary is asked instead
if _replica_database and "sqlite3" in _replica_database["ENGINE"] + _default_database["ENGINE"]:
    env.refuse("REPLICA_DATABASE_URL", "needs PostgreSQL, here and in DATABASE_URL: nothing follows a file of SQLite")
elif _replica_database and not TESTING:
    DATABASES["replica"] = _replica_database | {
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _LINE | {"connect_timeout": 2} | _replica_database["OPTIONS"],
        "SESSION": _replica_database["SESSION"]
        | {
            "default_transaction_read_only": "on",  # also where it has been promoted, and would take writes
            "statement_timeout": f"{REPLICA_STATEMENT_SECONDS:.0f}s",
        },
    }
REPLICA = "replica" in DATABASES
DATABASE_ROUTERS = ["qhse.replica.router.PrimaryRouter"] if REPLICA else []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications -----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "qhse.adminsite",
    "qhse.adminsite.default_site.QhseAdminConfig",
    "qhse.accounts",  # before auth, whose createsuperuser and changepassword leave no audit entry
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "qhse.repeats",
    "qhse.replica",
    "qhse.attachments",
    "qhse.exchange",
    "qhse.api",
    "qhse.deployment",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "audit",
    "outbox",
    "outbox.webhooks",
    "suppliers",
    "ncs",
    "kpi",
]
MIDDLEWARE = [
    "qhse.observability.middleware.RequestContextMiddleware",
    "qhse.api.requests.headers.SafeHeadersMiddleware",
    "qhse.api.requests.headers.HostCheckMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "qhse.api.requests.bodies.BodyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "qhse.api.problems.handlers.DatabaseProblemsMiddleware",
]
ROOT_URLCONF = "qhse.urls"
WSGI_APPLICATION = "qhse.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["qhse.adminsite.templatetags.marked_forms"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
APPEND_SLASH = False  # the contract's paths are exact; the admin's own catch-all still adds its slashes
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # bytes; the API's JSON parser reads the same bound
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- Time and language ------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# --- Identity ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["qhse.accounts.passwords.Argon2idHasher"]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "qhse.accounts.passwords.PreparedMinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "qhse.accounts.passwords.MaximumLengthValidator"},
]
# Tokens of an external identity provider, beside our own; see docs/operations.md.
OIDC_ISSUER = env.url("OIDC_ISSUER")
OIDC_AUDIENCE = env.text("OIDC_AUDIENCE")
OIDC_JWKS_URL = env.url("OIDC_JWKS_URL")
OIDC_ALGORITHMS = env.choices("OIDC_ALGORITHMS", ("RS256", "ES256"), ("RS256", "ES256"))
OIDC_ROLE_CLAIM = env.text("OIDC_ROLE_CLAIM", "role", form=r"[^.\s]+(\.[^.\s]+)*", example="a name such as groups")
OIDC_ROLES = env.pairs("OIDC_ROLES")
OIDC_USERNAME_CLAIM = env.text(
    "OIDC_USERNAME_CLAIM", "preferred_username", form=r"\S+", example="a name such as preferred_username"
)
LOGIN_FAILURES_PER_ACCOUNT = env.integer("LOGIN_FAILURES_PER_ACCOUNT", 10, minimum=1, maximum=1_000)
LOGIN_FAILURES_PER_ADDRESS = env.integer("LOGIN_FAILURES_PER_ADDRESS", 30, minimum=1, maximum=10_000)
LOGIN_WINDOW = env.number("LOGIN_WINDOW", 900, minimum=1, maximum=86_400)  # seconds
TOKEN_LEEWAY = env.number("TOKEN_LEEWAY", 30, minimum=0, maximum=300)  # seconds by which clocks may disagree
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ISSUER": "qhse",
    "AUDIENCE": "qhse-api",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "typ",
}

# --- Security ---------------------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [
    r"^healthz$",
    r"^readyz$",
    r"^metrics$",
]  # probes and Prometheus ask each process by itself, inside the network, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # only TRUSTED_PROXIES can set it
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    # Browsers take these names only by TLS, for the whole of this host and for no other: no neighbour can plant them.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_FAILURE_VIEW = "qhse.adminsite.held.csrf_failure"
SESSION_ENGINE = "qhse.adminsite.sessions"
SESSION_COOKIE_AGE = 8 * 3600  # seconds without a request: one working day
X_FRAME_OPTIONS = "DENY"

# The library opens its files when a metric is declared, by whichever command comes first. It reads the variable itself.
_directory = env.text(shared_counters.VARIABLE)
os.environ.pop(shared_counters.VARIABLE, None)  # it is asked for its presence; and a refused one must not be used
if _directory:
    os.environ[shared_counters.VARIABLE] = _directory
try:
    shared_counters.join()
except OSError as _error:
    env.refuse(shared_counters.VARIABLE, f"must be a directory that can be written, such as /tmp/metrics: {_error}")
METRICS_TOKEN = env.text(  # bearer token of GET /metrics; without one, production refuses it
    "METRICS_TOKEN", form=r"[\x21-\x7e]+", example="visible ASCII characters without spaces", secret=True
)

# --- Static files: served by the process itself -----------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
try:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
except OSError as _error:
    env.refuse("var/static", f"cannot be made ({_error.strerror}); make it, writable for whoever runs collectstatic")
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site needs our files
WHITENOISE_ROOT = BASE_DIR / "qhse" / "adminsite" / "root"  # what browsers and robots ask for unasked
WHITENOISE_USE_FINDERS = not PRODUCTION  # so that a first run needs no collectstatic
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Files that people attach: in a directory that nobody serves, or in a store that speaks S3 -----------------------

ATTACHMENT_MAX_BYTES = env.integer("ATTACHMENT_MAX_BYTES", 10_485_760, minimum=1_024, maximum=1_073_741_824)
ATTACHMENT_MAX_PER_RECORD = env.integer("ATTACHMENT_MAX_PER_RECORD", 50, minimum=1, maximum=10_000)
ATTACHMENTS_S3_BUCKET = env.text(
    "ATTACHMENTS_S3_BUCKET",
    form=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    example="the name of a bucket, such as qhse-files",
)
ATTACHMENTS_S3_ENDPOINT = env.url("ATTACHMENTS_S3_ENDPOINT")
ATTACHMENTS_S3_REGION = env.text("ATTACHMENTS_S3_REGION", form=r"[a-z0-9-]+", example="a region such as eu-central-1")
env.leave("ATTACHMENTS_DIR")
ATTACHMENTS_INCOMING: Path | None = None  # where uploads arrive; None: the directory of temporary files
if ATTACHMENTS_S3_BUCKET and (find_spec("storages") is None or find_spec("boto3") is None):
    env.refuse("ATTACHMENTS_S3_BUCKET", "needs what requirements-s3.txt lists, which is not installed")
elif ATTACHMENTS_S3_BUCKET:
    from botocore.config import Config

    STORAGES["attachments"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": ATTACHMENTS_S3_BUCKET,
            "endpoint_url": ATTACHMENTS_S3_ENDPOINT or None,
            "region_name": ATTACHMENTS_S3_REGION or None,
            "file_overwrite": False,
            "max_memory_size": 1_048_576,  # bytes of a file that is read; without it, all of them
            # Less than a transaction may wait. By path, which stores other than Amazon's know as well.
            "client_config": Config(
                connect_timeout=2,
                read_timeout=5,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"} if ATTACHMENTS_S3_ENDPOINT else None,
            ),
        },
    }
else:
    ATTACHMENTS_DIR = env.directory(
        "ATTACHMENTS_DIR", "var/attachments", base=BASE_DIR, outside=(STATIC_ROOT, WHITENOISE_ROOT)
    )
    STORAGES["attachments"] = {
        "BACKEND": "qhse.attachments.storage.DirectoryStorage",
        "OPTIONS": {"location": ATTACHMENTS_DIR},
    }
    # On the same disk, so that a file that has arrived is stored without being copied.
    ATTACHMENTS_INCOMING = ATTACHMENTS_DIR / "incoming"

# --- Exports: a list as a file ------------------------------------------------------------------------------------

EXPORTS_AT_ONCE = env.integer("EXPORTS_AT_ONCE", 1, minimum=1, maximum=1_000)  # in one process; each keeps a thread

# --- Imports of tables --------------------------------------------------------------------------------------------

IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 10_485_760, minimum=1_024, maximum=104_857_600)
IMPORT_MAX_ROWS = env.integer("IMPORT_MAX_ROWS", 10_000, minimum=1, maximum=1_000_000)

# --- REST API ---------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["qhse.api.authentication.BearerTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["qhse.api.permissions.RolePermission"],
    "DEFAULT_PARSER_CLASSES": ["qhse.api.requests.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["qhse.api.rendering.AnswerRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "qhse.api.requests.negotiation.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "qhse.api.pagination.StrictLimitOffsetPagination",
    "DEFAULT_FILTER_BACKENDS": ["qhse.api.filters.StrictFilterBackend"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "qhse.api.openapi.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "qhse.api.problems.handlers.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "PAGE_SIZE": 20,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "QHSE supply chain",
    "VERSION": "1.0.0",
    "DESCRIPTION": INTRODUCTION,
    "TAGS": TAGS,  # in this order
    "SORT_OPERATIONS": False,  # the order of qhse.urls, in which people read
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayOperationId": False, "filter": True},
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {  # several fields are called so
        "NonConformityStatus": "ncs.choices.NcStatus",
        "ActionStatus": "ncs.choices.ActionStatus",
        "ClosureCode": "ncs.choices.ClosureCode",
        "ClosingCode": "ncs.choices.CLOSING_CODES",
        "NonConformityCategory": "ncs.choices.Category",
        "SupplierStatus": "suppliers.choices.SupplierStatus",
        "SupplierCategory": "suppliers.choices.SupplierCategory",
        "CertificateStatus": "suppliers.choices.CertificateStatus",
        "VerifyMethod": "suppliers.choices.VerifyMethod",
        "RiskLevel": "suppliers.choices.RiskLevel",
        "Standard": "suppliers.standards.Standard",
        "ImportStatus": "qhse.exchange.models.ImportStatus",
        "WebhookStatus": "outbox.webhooks.choices.EndpointStatus",
        "DeliveryStatus": "outbox.webhooks.choices.DeliveryStatus",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums"],
}

# --- Outbox: see docs/operations.md for what each bound does ----------------------------------------------------

# Seconds. On PostgreSQL a notification ends the wait, so that polling is only the net below it.
OUTBOX_POLL_INTERVAL = env.number(
    "OUTBOX_POLL_INTERVAL",
    1.0 if _default_database["ENGINE"].endswith("sqlite3") else 5.0,
    minimum=0.01,
    maximum=3600,
)
OUTBOX_HANDLER_TIMEOUT = env.number("OUTBOX_HANDLER_TIMEOUT", 10.0, minimum=0.1, maximum=600)  # seconds
OUTBOX_METRICS_BIND = env.address("OUTBOX_METRICS_BIND")
OUTBOX_BATCH_SIZE = env.integer("OUTBOX_BATCH_SIZE", 100, minimum=1, maximum=10_000)
OUTBOX_MAX_ATTEMPTS = env.integer("OUTBOX_MAX_ATTEMPTS", 10, minimum=1, maximum=1_000)
OUTBOX_BACKOFF_BASE = env.number("OUTBOX_BACKOFF_BASE", 2.0, minimum=0, maximum=3600)  # seconds
OUTBOX_BACKOFF_CAP = env.number("OUTBOX_BACKOFF_CAP", 3600.0, minimum=0, maximum=86_400)  # seconds

# Where the relay carries events to. Empty: nowhere, and nothing is stored for it.
BROKER_URL = env.broker("BROKER_URL")
BROKER_SOURCE = env.text(  # who we are, among the publishers of one broker: the `source` of every message
    "BROKER_SOURCE", "/qhse", form=r"[\x21-\x7e]{1,100}", example="a name for this installation, such as /qhse/gdynia"
)

# --- Webhooks ---------------------------------------------------------------------------------------------------

# Networks that webhooks may go to although they are not on the public internet.
WEBHOOK_ALLOWED_NETWORKS = env.networks("WEBHOOK_ALLOWED_NETWORKS")

# --- Audit trail ------------------------------------------------------------------------------------------------

# Former values of SECRET_KEY, by which marks of entries and seals are still believed; nothing is marked with them.
# A key may hold commas. Its pieces could be guessed, so production believes none that is too short for a key.
_former_keys = env.words("AUDIT_KEY_FALLBACKS", with_commas=True)
AUDIT_KEY_FALLBACKS = [key for key in _former_keys if not PRODUCTION or len(key) >= MINIMUM_KEY_LENGTH]
AUDIT_KEY_PIECES = [key for key in _former_keys if key not in AUDIT_KEY_FALLBACKS and "," not in key]
AUDIT_SEAL_INTERVAL = env.number("AUDIT_SEAL_INTERVAL", 10.0, minimum=0, maximum=3600)  # seconds; 0: no sealing

# --- Cases ------------------------------------------------------------------------------------------------------
NC_DUE_DAYS = dict(  # until a case of each severity is to be closed
    zip(("high", "medium", "low"), env.integers("NC_DUE_DAYS", (30, 60, 90), minimum=1, maximum=3650), strict=True)
)
NC_CONTAINMENT_HOURS = dict(  # until a defect of each severity should be contained
    zip(("high", "medium", "low"), env.integers("NC_CONTAINMENT_HOURS", (24, 72, 120), minimum=1, maximum=8760),
        strict=True)
)  # fmt: skip
NC_REPEAT_DAYS = env.integer("NC_REPEAT_DAYS", 365, minimum=1, maximum=3650)  # how far back a case can repeat another
# What closing a case without its evidence does. The seed's clients know no evidence, people at a page do.
_gate = env.choice("NC_CLOSE_GATE", ("record", "enforce"), default="")
NC_CLOSE_GATE = {"api": _gate or "record", "admin": _gate or "enforce"}

# --- Suppliers --------------------------------------------------------------------------------------------------

RISK_PPM_TARGET = env.integer("RISK_PPM_TARGET", 1000, minimum=1, maximum=1_000_000)  # up to here no points of risk

# --- Traces: off, unless they are sent somewhere ------------------------------------------------------------------

OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT")
_headers = env.text(
    "OTEL_EXPORTER_OTLP_HEADERS",
    form=r"([\w-]+=[\x20-\x2b\x2d-\x7e]+)(,[\w-]+=[\x20-\x2b\x2d-\x7e]+)*",
    example="name=value, separated by commas",
    secret=True,
)
OTEL_EXPORTER_OTLP_HEADERS = {
    name: unquote(value) for name, _, value in (pair.partition("=") for pair in _headers.split(",") if pair)
}
OTEL_TRACES_SAMPLER_ARG = env.number("OTEL_TRACES_SAMPLER_ARG", 0.05, minimum=0, maximum=1)  # share of requests
if OTEL_EXPORTER_OTLP_ENDPOINT:
    if not (find_spec("opentelemetry") and find_spec("opentelemetry.proto")):
        env.refuse("OTEL_EXPORTER_OTLP_ENDPOINT", "needs what requirements-tracing.txt lists, which is not installed")
    if "@" in urlsplit(OTEL_EXPORTER_OTLP_ENDPOINT).netloc or urlsplit(OTEL_EXPORTER_OTLP_ENDPOINT).query:
        env.refuse(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "must be an address without user and query, such as http://collector:4318; "
            "what it asks for goes into OTEL_EXPORTER_OTLP_HEADERS",
        )

# --- Logs -------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "text"), default="json" if PRODUCTION else "text")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "qhse.observability.logs.JsonFormatter"},
        "text": {"()": "qhse.observability.logs.TextFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # A refused request is the client's affair and stands in the request log already.
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "ERROR"},
        # Except for a form from another origin: that is how a proxy shows that loses the port or the scheme.
        "django.security.csrf": {"level": "WARNING"},
        # The relay says in one line what these say in ten.
        "pika": {"level": "CRITICAL"},
        "nats": {"level": "CRITICAL"},
        # A foreign Host header is answered with a 400; a traceback each would let strangers fill the disk.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}

env.refuse_unknown("QHSE_EN")  # a misspelt QHSE_ENV would start with the keys of development
env.refuse_unknown("OUTBOX_")
env.refuse_unknown("BROKER_")
env.refuse_unknown("ATTACHMENT")
env.refuse_unknown("IMPORT_")
env.refuse_unknown("WEBHOOK")
env.refuse_unknown("AUDIT_")
env.refuse_unknown("LOGIN_")
env.refuse_unknown("TOKEN_")
env.refuse_unknown("OIDC_")
env.refuse_unknown("REPLICA_")
MISSPELT_SETTINGS = env.lookalikes()
env.finish()
