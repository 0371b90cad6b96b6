"""Every setting of Matricula. Each one is an environment variable of the same name with a working default.

Lists and objects are read as JSON, times are seconds, switches are `true` or `false`. docs/configuration.md has all.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from kombu import Queue

from config.logs import logging_settings
from config.secrets import derived_fernet_key, kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def json_setting(name: str, default: Any) -> Any:
    """The JSON value of an environment variable, or the default when it is unset or empty."""
    text = env.str(name, default="")
    return json.loads(text) if text else default


# --- Where the service keeps its files: the embedded database, generated keys, uploads ------------------------------

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var")))
DATA_DIR.mkdir(parents=True, exist_ok=True)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = json_setting("SECRET_KEY_FALLBACKS", [])


def derived_keys(purpose: str) -> list[str]:
    """Keys for a purpose whose own setting names none: of the secret key first, then of those it replaced."""
    return [derived_fernet_key(key, purpose) for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)]


TESTING = "pytest" in sys.modules or "test" in sys.argv[1:2]

# --- Addresses and identity of the service --------------------------------------------------------------------------

LMS_ROOT_URL = env.str("LMS_ROOT_URL", default="http://127.0.0.1:8000").rstrip("/")
SITE_DOMAIN = env.str("SITE_DOMAIN", default=urlsplit(LMS_ROOT_URL).netloc)
SITE_NAME = env.str("SITE_NAME", default=SITE_DOMAIN)
PLATFORM_NAME = env.str("PLATFORM_NAME", default="Matricula")
PLATFORM_LOGO_URL = env.str("PLATFORM_LOGO_URL", default="") or None
LEARNING_MICROFRONTEND_URL = env.str("LEARNING_MICROFRONTEND_URL", default=LMS_ROOT_URL)
ENTERPRISE_LEARNER_PORTAL_BASE_URL = env.str("ENTERPRISE_LEARNER_PORTAL_BASE_URL", default=LMS_ROOT_URL)
ENTERPRISE_ADMIN_PORTAL_BASE_URL = env.str("ENTERPRISE_ADMIN_PORTAL_BASE_URL", default=LMS_ROOT_URL)
LOGIN_REDIRECT_WHITELIST = json_setting("LOGIN_REDIRECT_WHITELIST", [])
MFE_CONFIG = json_setting("MFE_CONFIG", {})
_mail_domain = SITE_DOMAIN.split(":")[0]
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"no-reply@{_mail_domain}")
CONTACT_EMAIL = env.str("CONTACT_EMAIL", default=DEFAULT_FROM_EMAIL)
CONTACT_PAGE_URL = env.str("CONTACT_PAGE_URL", default="") or None
APPEND_SLASH = env.bool("APPEND_SLASH", default=True)
ALLOWED_HOSTS = json_setting(
    "ALLOWED_HOSTS", sorted({urlsplit(LMS_ROOT_URL).hostname or "127.0.0.1", _mail_domain, "127.0.0.1", "localhost"})
)

# --- Database -------------------------------------------------------------------------------------------------------


def database(url: str) -> dict[str, Any]:
    """The Django database of a URL, with the options each engine needs to serve concurrent writers well."""
    configured = dict(env.db_url_config(url))
    if configured["ENGINE"].endswith("sqlite3"):
        # IMMEDIATE takes the write lock at BEGIN: writers queue up instead of failing in the middle of a transaction.
        configured["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    elif env.bool("DATABASE_PREPARED_STATEMENTS", default=True):
        configured["OPTIONS"] = {
            "prepare_threshold": 0,  # concerns `config.db.prepared` alone
            # Compiling a statement takes longer than running it where it reads a page of rows and looks expensive; and
            # what is read again and again lies in memory: looking up a row costs little more than reading the next one.
            "options": "-c jit=off -c random_page_cost=1.1",
        }
    configured["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    configured["CONN_HEALTH_CHECKS"] = True
    return configured


DATABASES = {"default": database(env.str("DATABASE_URL", default="") or f"sqlite:///{DATA_DIR / 'matricula.sqlite3'}")}
if _replica := env.str("DATABASE_REPLICA_URL", default=""):
    DATABASES["read_replica"] = {**database(_replica), "TEST": {"MIRROR": "default"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache and tasks ------------------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="") or None
_local_cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "config.db.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "matricula",
        # Throttles ask it in every request: one that hangs must not make all requests hang.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
    if REDIS_URL
    else {**_local_cache, "LOCATION": "default"},
    # Feature flags: ten reads of every list page, so they stay in the process for a few seconds.
    "flags": {**_local_cache, "LOCATION": "flags", "TIMEOUT": 10},
    # What is kept of long lists, a few kilobytes each; each entry says for itself whether it still holds.
    "long_lists": {**_local_cache, "LOCATION": "long_lists", "OPTIONS": {"MAX_ENTRIES": 2_000}},
}
WAFFLE_CACHE_NAME = "flags"

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Workers take from both in turn, so that nothing waits behind thousands of mails.
CELERY_TASK_QUEUES = [Queue("celery", routing_key="celery"), Queue("mail", routing_key="mail")]
CELERY_TASK_ROUTES = {
    "enrollments.tasks.deliver_outbox": {"queue": "mail"},
    "enrollments.tasks.sweep_outbox": {"queue": "mail"},
}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": env.int("CELERY_VISIBILITY_TIMEOUT", default=600),
    # One that takes connections and never answers must not hold the request that queues a task.
    "socket_connect_timeout": 2,
    "socket_timeout": 3,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}
SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=30.0)
CELERY_BEAT_SCHEDULE = {
    "resume-abandoned-bulk-jobs": {"task": "enterprise.tasks.sweep_bulk_jobs", "schedule": SWEEP_SECONDS},
    "deliver-waiting-mail": {"task": "enrollments.tasks.sweep_outbox", "schedule": SWEEP_SECONDS},
    "clear-expired-sign-ins": {"task": "enrollments.tasks.clear_expired_sign_ins", "schedule": 86400.0},
    "refresh-content-of-catalogs": {"task": "enterprise.tasks.refresh_content", "schedule": 60.0},
    "refresh-saml-metadata": {"task": "saml_admin.tasks.refresh_saml_metadata", "schedule": 86400.0},
    "set-up-submitted-sign-ons": {"task": "saml_admin.tasks.set_up_sign_ons", "schedule": SWEEP_SECONDS},
    "remind-invited-admins": {"task": "enterprise.tasks.remind_invited_admins", "schedule": 86400.0},
    "prune-content-filters": {"task": "enterprise.tasks.prune_content_filters", "schedule": 86400.0},
    "resume-abandoned-course-resets": {"task": "support.tasks.resume_course_resets", "schedule": SWEEP_SECONDS},
    "prune-old-bulk-jobs": {"task": "enterprise.tasks.prune_bulk_jobs", "schedule": 86400.0},
}

# --- Bulk jobs and the outbox ---------------------------------------------------------------------------------------

BULK_JOB_WORKERS = env.int("BULK_JOB_WORKERS", default=2)
BULK_JOB_CHUNK_SIZE = env.int("BULK_JOB_CHUNK_SIZE", default=500)
BULK_JOB_SLICE_SECONDS = env.int("BULK_JOB_SLICE_SECONDS", default=20)
BULK_JOB_STALE_SECONDS = env.int("BULK_JOB_STALE_SECONDS", default=60)
SINGLE_ENROLLMENT_MAX_ITEMS = env.int("SINGLE_ENROLLMENT_MAX_ITEMS", default=5_000)
BULK_JOB_MAX_ROWS = env.int("BULK_JOB_MAX_ROWS", default=200_000)
BULK_JOB_RETENTION_DAYS = env.int("BULK_JOB_RETENTION_DAYS", default=90)
OUTBOX_RATE = env.int("OUTBOX_RATE", default=0)  # mails per second and process; 0 means no limit
OUTBOX_MAX_ATTEMPTS = env.int("OUTBOX_MAX_ATTEMPTS", default=8)

# --- Applications ---------------------------------------------------------------------------------------------------

PROMETHEUS_METRICS = env.bool("PROMETHEUS_METRICS", default=False)
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "simple_history",
    "waffle",
    "django_structlog",
    "csp",
    *(["django_prometheus"] if PROMETHEUS_METRICS else []),
    "enrollments",
    "enterprise",
    "saml_admin",
    "program_enrollments",
    "support",
]
MIDDLEWARE = [
    *(["django_prometheus.middleware.PrometheusBeforeMiddleware"] if PROMETHEUS_METRICS else []),
    # Before all that answer by themselves: a refusal needs CORS headers and a request id too.
    "corsheaders.middleware.CorsMiddleware",
    "config.api.middleware.RequestIdGuardMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "config.api.middleware.RequestGuardMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.api.middleware.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.api.middleware.JwtCookieMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.api.middleware.ContentSecurityPolicyMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    *(["django_prometheus.middleware.PrometheusAfterMiddleware"] if PROMETHEUS_METRICS else []),
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.api.pages.platform",
            ]
        },
    }
]

# --- Files and pages ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(DATA_DIR / "static"))
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "config" / "assets"]
MEDIA_URL = "/media/"
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(DATA_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("DATA_UPLOAD_MAX_MEMORY_SIZE", default=25 * 1024 * 1024)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# --- Accounts, sign-in, tokens, browsers ----------------------------------------------------------------------------

AUTH_USER_MODEL = "enrollments.User"
AUTHENTICATION_BACKENDS = ["enrollments.sign_in_backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
EDX_API_KEY = env.str("EDX_API_KEY", default="") or None
JWT_ISSUER = env.str("JWT_ISSUER", default=f"{LMS_ROOT_URL}/oauth2")
JWT_ISSUERS = json_setting("JWT_ISSUERS", [JWT_ISSUER])
JWT_AUDIENCE = env.str("JWT_AUDIENCE", default="matricula")
JWT_VERIFY_AUDIENCE = env.bool("JWT_VERIFY_AUDIENCE", default=False)
JWT_PRIVATE_KEY = (
    env.str("JWT_PRIVATE_KEY", default="", multiline=True) or None
)  # None: made at first start, kept in DATA_DIR
JWT_PUBLIC_KEYS = json_setting("JWT_PUBLIC_KEYS", None)  # a JWK set; the public half of the private key is always in it
JWT_SHARED_SECRET = env.str("JWT_SHARED_SECRET", default="") or None
JWT_ACCESS_TOKEN_EXPIRATION = env.int("JWT_ACCESS_TOKEN_EXPIRATION", default=3600)
OAUTH_ID_TOKEN_EXPIRATION = env.int("OAUTH_ID_TOKEN_EXPIRATION", default=3600)
OAUTH_ACCESS_TOKEN_EXPIRE_SECONDS = env.int("OAUTH_ACCESS_TOKEN_EXPIRE_SECONDS", default=36000)
OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS = env.int("OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS", default=7776000)
CLIENT_SECRET_KEYS = json_setting("CLIENT_SECRET_KEYS", derived_keys("client-secrets"))
JWT_LOGIN_CLIENT_ID = env.str("JWT_LOGIN_CLIENT_ID", default="login-service-client-id")
JWT_CLIENT_CREDENTIALS_USER_ID = env.bool("JWT_CLIENT_CREDENTIALS_USER_ID", default=False)
TOKEN_RATE = env.str("TOKEN_RATE", default="120/minute")
ALLOW_INACTIVE_LOGIN = env.bool("ALLOW_INACTIVE_LOGIN", default=False)
MAX_FAILED_LOGIN_ATTEMPTS = env.int("MAX_FAILED_LOGIN_ATTEMPTS", default=6)
FAILED_LOGIN_LOCKOUT_SECONDS = env.int("FAILED_LOGIN_LOCKOUT_SECONDS", default=1800)
PASSWORD_RESET_RATE = env.str("PASSWORD_RESET_RATE", default="5/hour")
PASSWORD_RESET_TIMEOUT = env.int("PASSWORD_RESET_TIMEOUT", default=259_200)

SECURE_COOKIES = env.bool("SECURE_COOKIES", default=LMS_ROOT_URL.startswith("https://"))
SHARED_COOKIE_DOMAIN = env.str("SHARED_COOKIE_DOMAIN", default="") or None
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=2_419_200)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
# Micro-frontends of the same site post with cookies from another origin of that site: Lax admits them.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("TRUST_PROXY_HEADERS", default=False) else None
)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from inside, without TLS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if SECURE_COOKIES else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
NUM_PROXIES = env.int("NUM_PROXIES", default=0)

CORS_ORIGIN_WHITELIST = json_setting("CORS_ORIGIN_WHITELIST", [])
CORS_ALLOW_ALL = env.bool("CORS_ALLOW_ALL", default=False)
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "cache-control", "content-type", "expires", "idempotency-key", "pragma", "prefer",
    "use-jwt-cookie", "x-csrftoken", "x-request-id", "x-requested-with",
]  # fmt: skip
CORS_EXPOSE_HEADERS = ["location", "retry-after", "x-request-id"]
CSRF_TRUSTED_ORIGINS = CORS_ORIGIN_WHITELIST
CSRF_FAILURE_VIEW = "config.api.error_pages.csrf_failure"
CROSS_DOMAIN_CSRF_COOKIE_NAME = env.str("CROSS_DOMAIN_CSRF_COOKIE_NAME", default="") or None
CROSS_DOMAIN_CSRF_COOKIE_DOMAIN = env.str("CROSS_DOMAIN_CSRF_COOKIE_DOMAIN", default="") or None
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
    },
}

OAUTH2_PROVIDER_APPLICATION_MODEL = "enrollments.OAuthApplication"
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "enrollments.oauth.server.GrantServer",
    "OAUTH2_BACKEND_CLASS": "enrollments.oauth.server.GrantBackend",
    "OAUTH2_VALIDATOR_CLASS": "enrollments.oauth.validators.MatriculaOAuth2Validator",
    "SCOPES": {
        "read": "Read access",
        "write": "Write access",
        "email": "The account's e-mail address",
        "profile": "The account's name and flags",
        "user_id": "The account's numeric id",
        "course_modes:read": "Read course modes",
    },
    "DEFAULT_SCOPES": ["read", "write", "email", "profile"],
    "SCOPES_BACKEND_CLASS": "enrollments.oauth.scopes.ApplicationScopes",
    "ACCESS_TOKEN_EXPIRE_SECONDS": OAUTH_ACCESS_TOKEN_EXPIRE_SECONDS,
    "REFRESH_TOKEN_EXPIRE_SECONDS": OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS,
    "PKCE_REQUIRED": True,  # of clients without a secret: the validator knows them
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if LMS_ROOT_URL.startswith("https://") else ["http", "https"],
    "ERROR_RESPONSE_WITH_SCOPES": False,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # tokens are kept as checksums only
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,  # S256 or none
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,  # codes only
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,  # no tokens in addresses: those end up in logs
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,  # a token that is shown twice was stolen: all of its family end
}
# `check --deploy` advises against the password grant, which the API has.
SILENCED_SYSTEM_CHECKS = ["oauth2_provider.W002"]

# --- Enrollment area ------------------------------------------------------------------------------------------------

ENROLLMENT_USER_RATE = env.str("ENROLLMENT_USER_RATE", default="40/minute")
ENROLLMENT_STAFF_RATE = env.str("ENROLLMENT_STAFF_RATE", default="120/minute")
ENROLLMENT_COURSE_DETAILS_CACHE_TIMEOUT = env.int("ENROLLMENT_COURSE_DETAILS_CACHE_TIMEOUT", default=60)
DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED = env.bool(
    "DISABLE_ALLOWED_ENROLLMENT_IF_ENROLLMENT_CLOSED", default=False
)
COURSES_INVITE_ONLY = env.bool("COURSES_INVITE_ONLY", default=False)
EMBARGO = env.bool("EMBARGO", default=False)
GEOIP_COUNTRY_DATABASE = env.str("GEOIP_COUNTRY_DATABASE", default="") or None
ENABLE_ENTERPRISE_INTEGRATION = env.bool("ENABLE_ENTERPRISE_INTEGRATION", default=True)
SEND_ENROLLMENT_EMAIL = env.bool("SEND_ENROLLMENT_EMAIL", default=False)
SEND_VERIFICATION_EXPIRY_EMAIL = env.bool("SEND_VERIFICATION_EXPIRY_EMAIL", default=True)
PERSONALISED_UPGRADE_DEADLINES = env.bool("PERSONALISED_UPGRADE_DEADLINES", default=False)
REFUND_WINDOW_DAYS = env.int("REFUND_WINDOW_DAYS", default=14)
RETIREMENT_SERVICE_WORKER_USERNAME = env.str("RETIREMENT_SERVICE_WORKER_USERNAME", default="retirement_service_worker")
RETIRED_USER_SALTS = json_setting("RETIRED_USER_SALTS", derived_keys("retired-users")[::-1])
COOL_OFF_DAYS = env.int("COOL_OFF_DAYS", default=14)
VERIFICATION_EXPIRING_SOON_DAYS = env.int("VERIFICATION_EXPIRING_SOON_DAYS", default=28)

# --- Program area ---------------------------------------------------------------------------------------------------

ENABLE_COURSE_EMAIL = env.bool("ENABLE_COURSE_EMAIL", default=False)
REQUIRE_COURSE_EMAIL_AUTH = env.bool("REQUIRE_COURSE_EMAIL_AUTH", default=True)
CERTIFICATES_HTML_VIEW = env.bool("CERTIFICATES_HTML_VIEW", default=True)
ENABLE_ENROLLMENT_RESET = env.bool("ENABLE_ENROLLMENT_RESET", default=False)

# --- Support desk ---------------------------------------------------------------------------------------------------

ZENDESK_URL = env.str("ZENDESK_URL", default="")
ZENDESK_CUSTOM_FIELDS = json_setting("ZENDESK_CUSTOM_FIELDS", {})
CONTACT_US_PAGE = env.bool("CONTACT_US_PAGE", default=True)
TICKET_RATE = env.str("TICKET_RATE", default="50/hour")
SEND_PROCTORING_REQUIREMENTS_EMAIL = env.bool("SEND_PROCTORING_REQUIREMENTS_EMAIL", default=True)
ORDER_DASHBOARD_URL = env.str("ORDER_DASHBOARD_URL", default="") or None

# --- Enterprise area ------------------------------------------------------------------------------------------------

USER_RATE = env.str("USER_RATE", default="60/minute")
SERVICE_USER_RATE = env.str("SERVICE_USER_RATE", default="800/minute")
HIGH_SERVICE_USER_RATE = env.str("HIGH_SERVICE_USER_RATE", default="2000/minute")
ENTERPRISE_ALL_SERVICE_USERNAMES = json_setting(
    "ENTERPRISE_ALL_SERVICE_USERNAMES",
    [
        "ecommerce_worker", "enterprise_worker", "license_manager_worker", "enterprise_catalog_worker",
        "enterprise_channel_worker", "enterprise_access_worker", "enterprise_subsidy_worker",
    ],
)  # fmt: skip
ECOMMERCE_SERVICE_WORKER_USERNAME = env.str("ECOMMERCE_SERVICE_WORKER_USERNAME", default="ecommerce_worker")
ENTERPRISE_SERVICE_WORKER_USERNAME = env.str("ENTERPRISE_SERVICE_WORKER_USERNAME", default="enterprise_worker")
_ADMIN_FEATURE_ROLES = [
    "dashboard_admin", "catalog_admin", "enrollment_api_admin", "reporting_config_admin",
    "default_enterprise_enrollment_intentions_learner",
]  # fmt: skip
SYSTEM_TO_FEATURE_ROLE_MAPPING = json_setting(
    "SYSTEM_TO_FEATURE_ROLE_MAPPING",
    {
        "enterprise_learner": ["default_enterprise_enrollment_intentions_learner"],
        "enterprise_admin": _ADMIN_FEATURE_ROLES,
        "enterprise_openedx_operator": [*_ADMIN_FEATURE_ROLES, "fulfillment_operator", "sso_orchestrator_operator"],
        "enterprise_provisioning_admin": [
            "provisioning_enterprise_customer_admin",
            "provisioning_pending_enterprise_customer_users_admin",
        ],
        "enterprise_catalog_admin": [],
    },
)
ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER = json_setting(
    "ENTERPRISE_CUSTOMER_CATALOG_DEFAULT_CONTENT_FILTER",
    {
        "content_type": "course",
        "partner": "edx",
        "level_type": ["Introductory", "Intermediate", "Advanced"],
        "availability": ["Current", "Starting Soon", "Upcoming"],
        "status": "published",
    },
)
CATALOG_SERVICE_URL = env.str("CATALOG_SERVICE_URL", default="") or None
ENTERPRISE_API_CACHE_TIMEOUT = env.int("ENTERPRISE_API_CACHE_TIMEOUT", default=60)  # seconds
ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE = env.int("ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE", default=512)  # kB
ENTERPRISE_REPORTING_SECRET = json_setting("ENTERPRISE_REPORTING_SECRET", derived_keys("reporting-passwords"))
ANALYTICS_SUMMARY_URL = env.str("ANALYTICS_SUMMARY_URL", default="") or None
ANALYTICS_SUMMARY_API_KEY = env.str("ANALYTICS_SUMMARY_API_KEY", default="") or None
ANALYTICS_SUMMARY_MODEL = env.str("ANALYTICS_SUMMARY_MODEL", default="") or None
ANALYTICS_SUMMARY_PROMPTS = json_setting("ANALYTICS_SUMMARY_PROMPTS", {})  # what it lacks is as the code has it
ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES = json_setting("ENTERPRISE_COURSE_ENROLLMENT_AUDIT_MODES", ["audit", "honor"])
CREATE_ENTERPRISE_ENROLLMENT_TASK_COUNTDOWN = env.int("CREATE_ENTERPRISE_ENROLLMENT_TASK_COUNTDOWN", default=3)
ENTERPRISE_ENROLLMENT_EMAIL_DEFAULT_SUBJECT_LINE = env.str(
    "ENTERPRISE_ENROLLMENT_EMAIL_DEFAULT_SUBJECT_LINE", default=""
)
PENDING_GROUP_MEMBERSHIP_DAYS = env.int("PENDING_GROUP_MEMBERSHIP_DAYS", default=90)
ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL = env.str("ENTERPRISE_SSO_ORCHESTRATOR_BASE_URL", default="") or None
ENTERPRISE_SSO_ORCHESTRATOR_CONFIGURE_PATH = env.str("ENTERPRISE_SSO_ORCHESTRATOR_CONFIGURE_PATH", default="configure")
ENTERPRISE_SSO_ORCHESTRATOR_WORKER_USERNAME = env.str("ENTERPRISE_SSO_ORCHESTRATOR_WORKER_USERNAME", default="")
ENTERPRISE_SSO_ORCHESTRATOR_WORKER_PASSWORD = env.str("ENTERPRISE_SSO_ORCHESTRATOR_WORKER_PASSWORD", default="")
ENTERPRISE_SSO_ORCHESTRATOR_TIMEOUT_HOURS = env.int("ENTERPRISE_SSO_ORCHESTRATOR_TIMEOUT_HOURS", default=1)
ENTERPRISE_SSO_ORCHESTRATOR_TIMEOUT_MINUTES = env.int("ENTERPRISE_SSO_ORCHESTRATOR_TIMEOUT_MINUTES", default=0)
SAML_METADATA_URL_ALLOW_PRIVATE_IPS = env.bool("SAML_METADATA_URL_ALLOW_PRIVATE_IPS", default=False)
ADMIN_INVITE_REMINDER_DAYS = env.int("ADMIN_INVITE_REMINDER_DAYS", default=7)
ADMIN_INVITE_MAX_REMINDERS = env.int("ADMIN_INVITE_MAX_REMINDERS", default=1)
ENTERPRISE_CUSTOMER_SUCCESS_EMAIL = env.str("ENTERPRISE_CUSTOMER_SUCCESS_EMAIL", default=CONTACT_EMAIL)
ENTERPRISE_INTEGRATIONS_EMAIL = env.str("ENTERPRISE_INTEGRATIONS_EMAIL", default=DEFAULT_FROM_EMAIL)
SITE_FROM_EMAILS = json_setting(
    "SITE_FROM_EMAILS", {}
)  # the sender of mails by site domain; others: DEFAULT_FROM_EMAIL

# --- Hooks: what a lower app asks of a higher one (config.hooks) ----------------------------------------------------

LINKED_ENROLLMENT = "enterprise.services.course_enrollments.record_linked"
TOKEN_ROLE_CLAIMS = "enterprise.queries.roles.jwt_roles"
PRE_ENROLL_CHECKS = json_setting("PRE_ENROLL_CHECKS", [])
ENROLLMENT_LIST_FILTERS = json_setting("ENROLLMENT_LIST_FILTERS", [])

# --- Mail -----------------------------------------------------------------------------------------------------------

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=20)

# --- APIs -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "config.api.authentication.JwtAuthentication",
        "config.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["config.api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "config.api.parsers.JSONParser",
        "config.api.parsers.FormParser",
        "config.api.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.negotiation.LenientNegotiation",
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.DefaultPagination",
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.exceptions.handle_exception",
    "URL_FORMAT_OVERRIDE": None,
    "DATETIME_FORMAT": "iso-8601",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "STRICT_JSON": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Matricula",
    "DESCRIPTION": "The enterprise and enrollment REST APIs of the Open edX world, served by one standalone service.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/",
    "PREPROCESSING_HOOKS": ["config.api.schema.one_route_each"],
    "ENUM_NAME_OVERRIDES": {"MembershipStatusEnum": "enterprise.models.groups.EnterpriseGroupMembership.Status"},
}
UNFOLD = {
    "SITE_TITLE": PLATFORM_NAME,
    "SITE_HEADER": PLATFORM_NAME,
    "SITE_SUBHEADER": "Operators",
    "SITE_SYMBOL": "school",
    "SITE_URL": "/support/",
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "support.admin.dashboard.start_page",
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "support.admin.navigation.sections"},
    "COMMAND": {"search_callback": "support.admin.navigation.found_objects"},
}

# --- Logs -----------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="text")  # text or json
LOGGING = logging_settings(LOG_LEVEL, LOG_FORMAT)
logging.captureWarnings(True)
DJANGO_STRUCTLOG_CELERY_ENABLED = True  # the request's id travels with its tasks
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
DJANGO_STRUCTLOG_USER_ID_FIELD = None  # config.logs adds it where it is known: asking costs two statements
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # one line per request, at its end
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
