"""Which renderer writes which mails. Apps register theirs in `ready()`, so that delivery imports no app above."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.core.mail import EmailMessage

from enrollments.models import OutboxMessage

# The mail; a sentence saying why there is nothing to send; or what went wrong with this one message.
Rendered = EmailMessage | str | Exception
Renderer = Callable[[list[OutboxMessage]], Mapping[int, Rendered]]

# Hears of messages of its type: that a try to send them failed (True), or that one after a failed try was sent (False).
Listener = Callable[[list[OutboxMessage], bool], None]

_renderers: dict[str, Renderer] = {}
_listeners: dict[str, Listener] = {}


def register(message_type: str, renderer: Renderer, listener: Listener | None = None) -> None:
    """Names the renderer of a message type; naming it again replaces it.

    Args:
        message_type: with the app's name in front: `enterprise.enrollment`.
        renderer: writes the mails of a whole delivery batch at once, with a fixed number of queries. It answers by
            message id and may leave out messages that need no mail. An exception among the answers counts for that
            message only; one that is raised makes delivery ask again, message by message.
        listener: called with messages and whether sending them failed: for who keeps account of it elsewhere.
    """
    _renderers[message_type] = renderer
    if listener is not None:
        _listeners[message_type] = listener


def listener_of(message_type: str) -> Listener | None:
    """The registered listener, if there is one."""
    return _listeners.get(message_type)


def renderer_of(message_type: str) -> Renderer:
    """The registered renderer.

    Raises:
        LookupError: nobody registered one.
    """
    try:
        return _renderers[message_type]
    except KeyError:
        raise LookupError(f"no renderer is registered for {message_type!r}") from None
