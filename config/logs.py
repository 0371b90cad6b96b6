"""Structured logs: every line carries the id of the request or task it belongs to, as text or as JSON.

The messages that the contract gives word for word (audit lines) stay literal; what is added stands beside them.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from django.dispatch import receiver
from django.utils.functional import LazyObject, empty
from django_structlog import signals

REQUEST_ID_HEADER = "X-Request-ID"

# What an address may carry that opens something: links for a new password, and whatever clients put into a query.
_SECRET_PARTS = re.compile(
    r"(?<=/password_reset_confirm/)[^\s?'\"]+|(?<=[?&])((?:\w*(?:token|secret|password|api_key)|code)=)[^&\s'\"]+", re.I
)


def _hide_secrets(logger: Any, method: str, line: Any) -> Any:
    """Blot out the secret parts of the address that a line tells of."""
    for name in ("request", "event"):
        if name in line:  # Django hands over the request itself
            line[name] = _SECRET_PARTS.sub(lambda found: f"{found[1] or ''}***", str(line[name]))
    return line


_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Without the values of local variables: those hold passwords and keys.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def logging_settings(level: str, style: str) -> dict[str, Any]:
    """Django's `LOGGING` for a level (`INFO` ...) and a style (`text` or `json`); sets structlog up to match."""
    structlog.configure(
        processors=[
            *_shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*_shared, structlog.stdlib.ExtraAdder()],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _hide_secrets,
                    *_renderer(style),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # django_structlog tells how a request ended, with the traceback if it failed.
            "django.request": {"level": "CRITICAL"},
            # Scanners make up host names all day; the line of the request says 400.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # They write the tokens that they issue, at DEBUG.
            "oauthlib": {"level": "INFO"},
            "oauth2_provider": {"level": "INFO"},
            # How many tokens a night's clearing took away, in six lines.
            "oauth2_provider.models": {"level": "WARNING"},
            # django_structlog tells of a task's begin and end too; what fails is an error.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "django.server": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


def _renderer(style: str) -> list[Any]:
    if style == "json":
        return [_tracebacks, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    ]


@receiver(signals.bind_extra_request_finished_metadata)
def _finish(request: Any, response: Any, log_kwargs: dict[str, Any], **kwargs: Any) -> None:
    """Give the caller the request's id, and the line of the request its account, if anything asked for it."""
    _show_request_id(response)
    account = request.__dict__.get("user")
    if isinstance(account, LazyObject) and account.__dict__.get("_wrapped") is empty:
        return
    if getattr(account, "pk", None) is not None:
        log_kwargs["user_id"] = account.pk


@receiver(signals.update_failure_response)
def _fail(response: Any, **kwargs: Any) -> None:
    _show_request_id(response)


def _show_request_id(response: Any) -> None:
    response[REQUEST_ID_HEADER] = structlog.contextvars.get_contextvars().get("request_id", "")
