"""The portal's settings. Everything comes from the environment or from the file `.env`.

Each variable is described once, where it is read. `PORTAL_URL` decides between
the two ways to run: an https address is production; http is for loopback alone.
No secret has a default: `python -m medimic.keys` writes a set of them for a laptop.
"""

from pathlib import Path

import environ
from csp.constants import NONE, SELF

from medimic import environment, identity_providers

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# ENV_FILE: a file of NAME=value lines for what the environment does not say.
environ.Env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
# VAR_DIR: the directory for what the portal writes: static files, and a laptop's data and mails.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# --- Where the portal stands -------------------------------------------------

# PORT: the loopback port that `manage.py serve` listens on.
PORT = environment.number(env, "PORT", 8000)
# PORTAL_URL: the origin that browsers and phones use, e.g. https://portal.medimic.ai.
PORTAL_URL, PORTAL_HOST, PRODUCTION = environment.portal_url(env, "PORTAL_URL", f"http://localhost:{PORT}")
ALLOWED_HOSTS = [PORTAL_HOST] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]

# TRUSTED_PROXY_COUNT: how many reverse proxies of ours stand in front; that many
# entries of X-Forwarded-For are believed, and X-Forwarded-Proto with them.
TRUSTED_PROXY_COUNT = environment.number(env, "TRUSTED_PROXY_COUNT", 0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# DEBUG: Django's error pages with source code. Refused in production.
DEBUG = environment.debug(env, "DEBUG", production=PRODUCTION)

# SUPPORT_EMAIL: the address that error pages and the accessibility statement give.
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default="support@medimic.example")
# SECURITY_CONTACT: where /.well-known/security.txt sends who found a weakness: mailto:… or https://…
SECURITY_CONTACT = environment.contact(env, "SECURITY_CONTACT", f"mailto:{SUPPORT_EMAIL}")
# SECURITY_POLICY_URL: a page that says how such reports are handled; named there if it is set.
SECURITY_POLICY_URL = environment.contact(env, "SECURITY_POLICY_URL", "")
# DEMO_PASSWORD: the password of the demonstration accounts; random without it.
DEMO_PASSWORD = env.str("DEMO_PASSWORD", default="")

# --- Secrets -----------------------------------------------------------------

# SECRET_KEY: signs cookies and links; at least 50 characters.
SECRET_KEY = environment.text(env, "SECRET_KEY", shortest=50)
# CRYPTO_KEY: 32-byte keys in base64, shared with the phones' app: deep links. The first encrypts.
CRYPTO_KEY = environment.keys(env, "CRYPTO_KEY")
# FIELD_KEYS: 32-byte keys in base64: fields encrypted at rest. The first encrypts.
FIELD_KEYS = environment.keys(env, "FIELD_KEYS")
# LOOKUP_KEY: one 32-byte key in base64: keyed hashes of device identifiers and phone numbers, and links
# that end a kind of mail. With another key no known device is recognized again.
LOOKUP_KEY = environment.key(env, "LOOKUP_KEY")
# AUDIT_KEYS: 32-byte keys in base64: the audit log's row codes. The first signs.
AUDIT_KEYS = environment.keys(env, "AUDIT_KEYS")
# AUDIT_SIGNING_KEY: 32-byte Ed25519 keys in base64: the audit log's checkpoints. The first signs.
AUDIT_SIGNING_KEY = environment.keys(env, "AUDIT_SIGNING_KEY")
# AUDIT_JOURNAL: the file that checkpoints are appended to, outside of the database; see docs/audit.md.
AUDIT_JOURNAL = Path(env.str("AUDIT_JOURNAL", default=str(VAR_DIR / "audit.journal")))

# --- The device API ----------------------------------------------------------

# API_TENANT_ID, API_INSTANCE_ID: name this installation inside a deep link.
API_TENANT_ID = env.str("API_TENANT_ID", default="medimic")
API_INSTANCE_ID = env.str("API_INSTANCE_ID", default="portal")
# API_KEY: comes back from phones as X-Api-Key; names the installation, authorizes nothing.
API_KEY = env.str("API_KEY", default="medimic-portal")
# SHARED_DOCUMENTS_CDN_URL, SHARED_DOCUMENTS_CONSENT_LOCALES: where phones find the
# consent document, and a comma-separated list of its locales. In deep links only if both are set.
SHARED_DOCUMENTS_CDN_URL = env.str("SHARED_DOCUMENTS_CDN_URL", default="")
SHARED_DOCUMENTS_CONSENT_LOCALES = environment.words(env, "SHARED_DOCUMENTS_CONSENT_LOCALES")
# REGISTRATION_HOURS: how long a deep link is good for.
REGISTRATION_HOURS = environment.number(env, "REGISTRATION_HOURS", 24)
# SESSION_HOURS: after how long a session expires by itself.
SESSION_HOURS = environment.number(env, "SESSION_HOURS", 8)

# The API's bodies are small: more than this is refused with 413.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# --- Apps --------------------------------------------------------------------

INSTALLED_APPS = [
    "medimic.apps.PortalConfig",
    "medimic.audit",
    "medimic.outbox",
    "medimic.changes",
    "accounts",
    "orgs",
    "billing",
    "devices",
    "sessions_app",
    "medimic.desk",
    "medimic.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "accounts.oidc",
    "allauth.headless",
    "django_otp",
    "csp",
]

MIDDLEWARE = [
    "medimic.request_ids.middleware",
    "medimic.middleware.log_requests",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "medimic.middleware.headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "medimic.middleware.tokens_alone",
    "accounts.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "medimic.audit.middleware.denials",
    "devices.browser_sign_ins.end_with_device",
    "django_otp.middleware.OTPMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "medimic.middleware.language_and_time_zone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.time_limits",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.browser_activity",
    "accounts.known_browsers.remembering",
    "orgs.second_factor.demand",
    "orgs.single_sign_on.demand",
]

ROOT_URLCONF = "medimic.urls"
WSGI_APPLICATION = "medimic.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "medimic.context.portal",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "medimic.templatetags.look",
            ],
        },
    }
]

FORM_RENDERER = "medimic.forms.PortalRenderer"

# --- Data --------------------------------------------------------------------

# DATABASE_URL: PostgreSQL in production, e.g. postgres://user:password@host/name.
DATABASES = {
    "default": environment.service(env.db_url, "DATABASE_URL", f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")
}
DATABASE_ROUTERS = ["medimic.routers.OwnTablesOnly"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # A write transaction takes its lock at the start: two of them queue
        # in place of failing halfway when the second one turns from reading to writing.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # A host that answers nothing must not hold a worker, nor what asks whether the portal is ready.
    # DATABASE_URL may say otherwise (?connect_timeout=10); milliseconds for what was sent and not received.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "tcp_user_timeout": 10_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }

# CACHE_URL: shared by all workers: limits and replay protection live in it. Redis in
# production, e.g. redis://host:6379/0; otherwise a table of the database.
CACHES = {"default": environment.service(env.cache_url, "CACHE_URL", "dbcache://medimic_cache")}
if CACHES["default"]["BACKEND"].endswith("DatabaseCache"):
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 100_000}

# --- Sign-in -----------------------------------------------------------------

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailAndPassword"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "account_login"
OTP_LOGIN_URL = "step_up"
PASSWORD_RESET_TIMEOUT = 3600

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignUpNames"
ACCOUNT_FORMS = {
    "add_email": "accounts.allauth_forms.AddEmail",
    "change_password": "accounts.allauth_forms.ChangePassword",
    "confirm_email_verification_code": "accounts.allauth_forms.EmailCode",
    "login": "accounts.allauth_forms.SignIn",
    "reauthenticate": "accounts.allauth_forms.ConfirmByPassword",
    "reset_password": "accounts.allauth_forms.ResetPassword",
    "reset_password_from_key": "accounts.allauth_forms.ResetPasswordByLink",
    "set_password": "accounts.allauth_forms.SetPassword",
    "signup": "accounts.allauth_forms.SignUp",
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# Changing the address by link is refused to people with a second factor; a code is not.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# A device link is a credential: it asks for a sign-in of the last 15 minutes.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"

MFA_ADAPTER = "accounts.adapters.FactorAdapter"
MFA_FORMS = {
    "activate_totp": "accounts.allauth_forms.ActivateApp",
    "add_webauthn": "accounts.passkey_forms.NewPasskey",
    "authenticate": "accounts.allauth_forms.SignInCode",
    "authenticate_webauthn": "accounts.passkey_forms.SecondFactorPasskey",
    "login_webauthn": "accounts.passkey_forms.SignInPasskey",
    "reauthenticate": "accounts.allauth_forms.ConfirmByCode",
    "reauthenticate_webauthn": "accounts.passkey_forms.ConfirmByPasskey",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Each passkey asks for a finger, a face or a PIN: so it can stand alone.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# No secret can be guessed there; a whole clinic may come from one address.
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
MFA_TOTP_ISSUER = "MediMic"

# OIDC_PROVIDERS: short names of OpenID Connect providers, e.g. clinic,entra. Each has variables of its
# own, OIDC_CLINIC_ISSUER and more: docs/configuration.md, Single sign-on.
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": identity_providers.providers(env, "OIDC_PROVIDERS")}}
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.SignOnAdapter"
SOCIALACCOUNT_FORMS = {"signup": "accounts.sign_on_forms.SignUpBySignOn"}
# An email address proves nobody's identity: an account is connected from within, or is a new one.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5

# Signing in on a phone; which calls of it are there, `accounts.phone_views` says.
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "accounts.phone_sign_ins.SealedKeys"  # noqa: S105


# "Trust this browser" is a sign-in of this length; without it, it ends with the browser.
SESSION_COOKIE_AGE = 30 * 24 * 3600
# A sign-in ends once nobody has used it for the first number of seconds, and in any case after the second.
# SIGN_IN_IDLE_SECONDS, SIGN_IN_SECONDS: in a browser that is not trusted.
TIME_OUTS = (
    environment.number(env, "SIGN_IN_IDLE_SECONDS", 30 * 60),
    environment.number(env, "SIGN_IN_SECONDS", 12 * 3600),
)
# TRUSTED_IDLE_SECONDS: in a trusted one, which asks again after 30 days at the latest.
TRUSTED_TIME_OUTS = (environment.number(env, "TRUSTED_IDLE_SECONDS", 7 * 24 * 3600), SESSION_COOKIE_AGE)
# STAFF_IDLE_SECONDS, STAFF_SECONDS: of staff, wherever that is shorter; in a trusted browser four times as
# long unused.
STAFF_TIME_OUTS = (
    environment.number(env, "STAFF_IDLE_SECONDS", 15 * 60),
    environment.number(env, "STAFF_SECONDS", 8 * 3600),
)
STAFF_TRUSTED_TIME_OUTS = (4 * STAFF_TIME_OUTS[0], STAFF_TIME_OUTS[1])
SESSION_COOKIE_NAME = "__Host-sign-in" if PRODUCTION else "sign-in"
# By this one a browser is known as trusted; it stays after Sign Out.
TRUST_COOKIE_NAME = "__Host-trust" if PRODUCTION else "trust"
SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "medimic.errors.csrf_failed"
# By this one a browser is known as a device; it outlives the sign-in.
DEVICE_COOKIE_NAME = "__Host-device" if PRODUCTION else "device"
# Whose browser it was before: a sign-in of somebody new to it is told of by mail.
KNOWN_BROWSER_COOKIE_NAME = "__Host-known" if PRODUCTION else "known"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Transport and headers ---------------------------------------------------

SECURE_SSL_REDIRECT = PRODUCTION
# Probes inside the network come over plain http.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "worker-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        # No script of ours makes markup or code out of text, and no policy may be made that would.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": [NONE],
    }
}

# --- Language and time -------------------------------------------------------

LANGUAGE_CODE = "en"
# Each in its own words: it must be found by someone who reads no other.
LANGUAGES = [("en", "English"), ("pl", "Polski"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
PHONENUMBER_DB_FORMAT = "E164"
# PHONE_REGION: the country that a number without a country code belongs to.
PHONENUMBER_DEFAULT_REGION = env.str("PHONE_REGION", default="GB")

# --- Static files ------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
# No other site has a use for them.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "medimic.static_files.HashedStaticFiles"},
}

# --- E-mail ------------------------------------------------------------------

# EMAIL_URL: smtp+tls://user:password@host:587 in production; otherwise files below var/mail.
vars().update(environment.service(env.email_url, "EMAIL_URL", f"filemail:///{VAR_DIR / 'mail'}"))
# A mail server that accepts and then says nothing holds a worker for this many seconds at a step.
EMAIL_TIMEOUT = 10
# DEFAULT_FROM_EMAIL: the sender of every mail.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="MediMic <no-reply@medimic.example>")

# --- Text messages -----------------------------------------------------------

# SMS_URL: console://, file:///directory, memory://, or a gateway that takes JSON with a bearer
# token: https://account:token@host/path?from=MediMic. In production nothing is sent without it;
# a laptop writes files below var/sms.
SMS_BACKEND, SMS_OPTIONS = environment.sms(env, "SMS_URL", "" if PRODUCTION else f"file://{VAR_DIR / 'sms'}")

# --- Push --------------------------------------------------------------------

# APNS_KEY, APNS_KEY_ID, APNS_TEAM_ID, APNS_TOPIC: Apple's service: the key (its .p8 file, or what stands
# in it), the key's id, the team's id, and the app's bundle id. All or none.
APNS_KEY = environment.document(env, "APNS_KEY")
APNS_KEY_ID = env.str("APNS_KEY_ID", default="").strip()
APNS_TEAM_ID = env.str("APNS_TEAM_ID", default="").strip()
APNS_TOPIC = env.str("APNS_TOPIC", default="").strip()
# APNS_API_BASE: where it is called; https://api.sandbox.push.apple.com for apps under development.
APNS_API_BASE = environment.origin(env, "APNS_API_BASE", "https://api.push.apple.com")
# FCM_CREDENTIALS: Google's service: the JSON of a service account (its file, or what stands in it).
FCM_CREDENTIALS = environment.document(env, "FCM_CREDENTIALS")
# FCM_API_BASE: where it is called.
FCM_API_BASE = environment.origin(env, "FCM_API_BASE", "https://fcm.googleapis.com")
# VAPID_PRIVATE_KEY, VAPID_SUBJECT: browsers' services: the key (`manage.py vapid_key` makes one), and where
# those who run them can write to: mailto:… or https://… Both or neither.
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default="").strip()
VAPID_SUBJECT = environment.contact(env, "VAPID_SUBJECT", "")
# WEBPUSH_HOSTS: the hosts of browsers' services, which browsers name; no other is ever called. "*." stands
# for any name in front, a port for itself. Without it those of Chrome, Edge, Firefox and Safari.
WEBPUSH_HOSTS = environment.words(env, "WEBPUSH_HOSTS") or [
    "fcm.googleapis.com",
    "jmt17.google.com",
    "updates.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
]

# --- Billing -----------------------------------------------------------------

# BILLING_SELLER, BILLING_ACCOUNT: what stands on invoices: who writes them, and where to pay them to,
# such as "IBAN: …|BIC: …". A "|" begins a new line. A laptop's account is nobody's.
BILLING_SELLER = env.str("BILLING_SELLER", default="MediMic").replace("|", "\n")
nobodys_account = "" if PRODUCTION else "IBAN: GB33 BUKB 2020 1555 5555 55|BIC: BUKBGB22"
BILLING_ACCOUNT = env.str("BILLING_ACCOUNT", default=nobodys_account).replace("|", "\n")
# INVOICE_DAYS: within how many days an invoice is to be paid.
INVOICE_DAYS = environment.number(env, "INVOICE_DAYS", 14)
# TAX_RATE_BASIS_POINTS: the tax on top of the plans' prices, in hundredths of a percent (1900 is 19 %).
# A subscription keeps the rate that it was made with.
TAX_RATE_BASIS_POINTS = environment.number(env, "TAX_RATE_BASIS_POINTS", 0)

# --- Payments ----------------------------------------------------------------

# STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET: the key that calls Stripe (sk_… or rk_…) and the secret that
# signs its events (whsec_…). Both or neither: without them the portal writes invoices by itself.
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="").strip()
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="").strip()
# STRIPE_API_BASE: where Stripe is called; another origin than Stripe's own for a stand-in.
STRIPE_API_BASE = environment.origin(env, "STRIPE_API_BASE", "https://api.stripe.com")

# --- Log ---------------------------------------------------------------------

# LOG_LEVEL: DEBUG, INFO, WARNING or ERROR.
LOG_LEVEL = environment.choice(env, "LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR"))
# LOG_FORMAT: json (one object a line, without personal data) or line (for people, with tracebacks).
LOG_FORMAT = environment.choice(env, "LOG_FORMAT", ("json", "line") if PRODUCTION else ("line", "json"))
# Each answer has its line where machines read them.
LOG_REQUESTS = LOG_FORMAT == "json"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "medimic.log_lines.JsonLine"},
    },
    "filters": {"without_secrets": {"()": "medimic.log_lines.WithoutSecrets"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["without_secrets"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True, "level": LOG_LEVEL},
        **({"gunicorn.error": {"handlers": [], "propagate": True}} if LOG_FORMAT == "json" else {}),
        # They tell every address and header of what is called, and some hold tokens.
        **{name: {"level": "WARNING"} for name in ("httpx2", "httpcore2", "h2", "hpack")},
    },
}

SILENCED_SYSTEM_CHECKS: list[str] = []
