"""gunicorn's configuration: `gunicorn --config python:medimic.server medimic.wsgi`.

What differs between machines comes from `GUNICORN_CMD_ARGS`, gunicorn's own variable.
"""

workers = 2
worker_class = "sync"
# Loaded once and then forked: a mistake in the configuration is told once and stops
# the start, and the workers share memory.
preload_app = True

timeout = 30
graceful_timeout = 20

# The settings alone say which proxies are believed (TRUSTED_PROXY_COUNT).
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

accesslog = None
loglevel = "warning"
control_socket_disable = True
