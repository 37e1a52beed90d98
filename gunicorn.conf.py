"""The HTTP server's settings; an environment variable for each that depends on the machine (see .env.example)."""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # gunicorn itself looks here only later

from django.core.exceptions import ImproperlyConfigured

from qhse.env import Env

env = Env(os.environ)

wsgi_app = "qhse.wsgi:application"
bind = f"127.0.0.1:{env.integer('PORT', 8000, minimum=1, maximum=65535)}"  # the container, with a network, widens it

# --- Processes ----------------------------------------------------------------------------------------------------

# gthread, with a limit to how long a request may take to arrive.
worker_class = "qhse.deployment.gunicorn_worker.BoundedReadWorker"
# One or two threads beat four, because the views are CPU-bound; what they wait for is the database.
workers = env.integer(
    "GUNICORN_WORKERS", env.integer("WEB_CONCURRENCY", 2, minimum=1, maximum=1000), minimum=1, maximum=1000
)
threads = env.integer("GUNICORN_THREADS", 2, minimum=1, maximum=1000)
# Heartbeats go through a file: on a disk that stalls, healthy workers would be killed.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# Its default place is shared by all gunicorns of a user, and a read-only container has none.
control_socket_disable = True

# --- Limits -------------------------------------------------------------------------------------------------------

timeout = 30  # seconds without a sign of life, after which a worker is replaced
graceful_timeout = 20  # seconds for requests in hand at SIGTERM; less than the orchestrator's grace time
# Seconds that a connection may be idle. A balancer must be the one that closes it: if it sends a request at the moment
# at which we close, its client gets a 502. Many close after 60 s. Idle connections take no thread.
keepalive = env.integer("GUNICORN_KEEPALIVE", 75, minimum=0, maximum=3600)
limit_request_line = 4094  # bytes
limit_request_fields = 64
# Bytes of one header. An identity provider's token with 200 groups, the most that Entra ID puts into one, has 11,000.
limit_request_field_size = env.integer("GUNICORN_HEADER_BYTES", 32_768, minimum=1_024, maximum=1_048_576)
# Nobody: who may say that a request came by TLS stands in TRUSTED_PROXIES, and the application asks that. By a Unix
# socket gunicorn would believe everybody, so that there is nothing to believe.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# --- Logs: the application writes one line a request itself; gunicorn's own have the same form --------------------

accesslog = None
_log_format = env.text("LOG_FORMAT") or ("json" if env.text("QHSE_ENV") == "production" else "text")
_formatter = "JsonFormatter" if _log_format == "json" else "TextFormatter"
_stderr = {
    "handlers": ["stderr"],
    "level": env.choice("GUNICORN_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"),
}
logconfig_dict = {
    "formatters": {"qhse": {"()": f"qhse.observability.logs.{_formatter}"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "qhse"}},
    "root": _stderr,
    "loggers": {"gunicorn.error": _stderr | {"propagate": False}},
}

env.leave("GUNICORN_CMD_ARGS", "GUNICORN_PID", "GUNICORN_FD", "GUNICORN_DIRTY_SOCKET")  # gunicorn's own
env.refuse_unknown("GUNICORN_")
try:
    env.finish()
except ImproperlyConfigured as refusal:
    sys.exit(f"qhse: {refusal}")

# --- Metrics of several processes: each writes files of its own, and whichever is asked reads all of them -------------


def on_starting(server: Any) -> None:
    """
    Load the application before processes are forked: they share its memory, count together, and are refused once.

    Not by `preload_app`, which answers a refusal with a traceback. No line and no thread is open after the loading.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        # gunicorn's own come later, and the first process of a container obeys none that it does not handle.
        signal.signal(number, lambda *told: sys.exit(0))
    try:
        if not server.cfg.reload:  # a developer's: there each process must load the code that is new
            server.app.wsgi()
    except ImproperlyConfigured as refusal:
        sys.exit(f"qhse: {refusal}")
    # A collection marks each object that it looks at, and a marked page is not shared any more.
    gc.collect()
    gc.freeze()


def on_reload(server: Any) -> None:
    """Log on by the application's settings. gunicorn has just put its own in their place, for processes to come too."""
    from django.conf import settings
    from django.utils.log import configure_logging

    if settings.configured:
        configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


def post_fork(server: Any, worker: Any) -> None:
    # Requests leave few cycles. Looking for them as often as Python does by itself (700) takes a tenth of the time of a
    # list, and so rarely as in workers of the outbox (50,000) costs 20 MiB.
    gc.set_threshold(5_000, 10, 10)


def child_exit(server: Any, worker: Any) -> None:
    from qhse.observability import shared_counters

    shared_counters.bury(worker.pid)
