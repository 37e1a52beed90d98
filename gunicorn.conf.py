"""The HTTP server's settings; an environment variable for each that depends on the machine (see .env.example)."""

import os
import sys
from pathlib import Path
from typing import Any


def _number(names: tuple[str, ...], default: int) -> int:
    for name in names:
        text = os.environ.get(name, "")
        if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000:
            return int(text)
        if text:
            sys.exit(f"bad environment: {name}: must be a whole number from 1 to 1000, not {text!r}")
    return default


wsgi_app = "qhse.wsgi:application"
bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"  # the container, which has a network of its own, widens it

# --- Processes ----------------------------------------------------------------------------------------------------

# gthread, with a limit to how long a request may take to arrive.
worker_class = "qhse.deployment.gunicorn_worker.BoundedReadWorker"
# One or two threads beat four, because the views are CPU-bound; what they wait for is the database.
workers = _number(("GUNICORN_WORKERS", "WEB_CONCURRENCY"), 2)
threads = _number(("GUNICORN_THREADS",), 2)
# Heartbeats go through a file: on a disk that stalls, healthy workers would be killed.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# Its default place is shared by all gunicorns of a user, and a read-only container has none.
control_socket_disable = True

# --- Limits -------------------------------------------------------------------------------------------------------

timeout = 30  # seconds without a sign of life, after which a worker is replaced
graceful_timeout = 20  # seconds for requests in hand at SIGTERM; less than the orchestrator's grace time
keepalive = 5  # seconds
limit_request_line = 4094  # bytes
limit_request_fields = 64
limit_request_field_size = 8190  # bytes
# Nobody: who may say that a request came by TLS stands in TRUSTED_PROXIES, and the application asks that.
forwarded_allow_ips = ""

# --- Logs: the application writes one line a request itself; gunicorn's own have the same form --------------------

accesslog = None
_production = os.environ.get("QHSE_ENV") == "production"
_log_format = os.environ.get("LOG_FORMAT") or ("json" if _production else "text")
_formatter = "JsonFormatter" if _log_format == "json" else "TextFormatter"
_stderr = {"handlers": ["stderr"], "level": os.environ.get("GUNICORN_LOG_LEVEL") or "INFO"}
logconfig_dict = {
    "formatters": {"qhse": {"()": f"qhse.observability.logs.{_formatter}"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "qhse"}},
    "root": _stderr,
    "loggers": {"gunicorn.error": _stderr | {"propagate": False}},
}

# --- Metrics of several processes: each writes files of its own, and whichever is asked reads all of them -------------


def on_starting(server: Any) -> None:
    """Join, before the processes are forked that count together. The product can be imported only now."""
    from qhse.observability import shared_counters

    try:
        shared_counters.join()
    except OSError as error:
        sys.exit(f"bad environment: {shared_counters.VARIABLE}: {error}")


def child_exit(server: Any, worker: Any) -> None:
    from qhse.observability import shared_counters

    shared_counters.bury(worker.pid)
