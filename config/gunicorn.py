"""How gunicorn serves Matricula: `gunicorn --config config/gunicorn.py config.wsgi:application`.

Environment: BIND (address and port), WEB_CONCURRENCY (worker processes), WEB_THREADS (threads of each), WEB_TIMEOUT
(seconds after which a hung worker is replaced), WEB_GRACEFUL_TIMEOUT (seconds that running requests get at a stop),
WEB_ACCESS_LOG (a line per request; off, since the service writes a structured one of its own), FORWARDED_ALLOW_IPS
(addresses of proxies whose X-Forwarded-Proto counts).
"""

from __future__ import annotations

import os
from pathlib import Path

# With no services named, the cache, the throttles' counters and the task thread live in the one process.
EMBEDDED = not (os.environ.get("REDIS_URL") and os.environ.get("CELERY_BROKER_URL"))

bind = os.environ.get("BIND") or f"127.0.0.1:{os.environ.get('PORT') or 8000}"
workers = int(os.environ.get("WEB_CONCURRENCY") or (1 if EMBEDDED else max(2, os.cpu_count() or 1)))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS") or (8 if EMBEDDED else 4))
timeout = int(os.environ.get("WEB_TIMEOUT") or 120)
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_TIMEOUT") or 30)
keepalive = 30
backlog = 512

# Workers are replaced now and then, which gives fragmented memory back; never the one that runs the tasks itself.
max_requests = 0 if EMBEDDED else 20_000
max_requests_jitter = 0 if EMBEDDED else 2_000

# Heartbeat files on a disk may block a worker long enough to have it killed; memory does not.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
control_socket_disable = True

# Long queries of ids, and tokens that name many customers, are legitimate.
limit_request_line = 8190
limit_request_field_size = 32_768

accesslog = "-" if (os.environ.get("WEB_ACCESS_LOG") or "").lower() in {"1", "true", "yes", "on"} else None
errorlog = "-"
loglevel = os.environ.get("WEB_LOG_LEVEL") or "info"

if os.environ.get("LOG_FORMAT") == "json":
    from config.logs import logging_settings

    # The server's own lines take the form of all others.
    logconfig_dict = logging_settings((os.environ.get("LOG_LEVEL") or "INFO").upper(), "json")
    logconfig_dict["loggers"]["gunicorn.error"] = {"level": loglevel.upper(), "handlers": [], "propagate": True}
    _requests = "INFO" if accesslog else "CRITICAL"  # given a dict, gunicorn logs requests whatever accesslog says
    logconfig_dict["loggers"]["gunicorn.access"] = {"level": _requests, "handlers": [], "propagate": True}
