"""Which renderer writes which mails. Apps register theirs in `ready()`, so that delivery imports no app above."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.core.mail import EmailMessage

from enrollments.models import OutboxMessage

# The mail; a sentence saying why there is nothing to send; or what went wrong with this one message.
Rendered = EmailMessage | str | Exception
Renderer = Callable[[list[OutboxMessage]], Mapping[int, Rendered]]

_renderers: dict[str, Renderer] = {}


def register(message_type: str, renderer: Renderer) -> None:
    """Names the renderer of a message type; naming it again replaces it.

    Args:
        message_type: with the app's name in front: `enterprise.enrollment`.
        renderer: writes the mails of a whole delivery batch at once, with a fixed number of queries. It answers by
            message id and may leave out messages that need no mail. An exception among the answers counts for that
            message only; one that is raised makes delivery ask again, message by message.
    """
    _renderers[message_type] = renderer


def renderer_of(message_type: str) -> Renderer:
    """The registered renderer.

    Raises:
        LookupError: nobody registered one.
    """
    try:
        return _renderers[message_type]
    except KeyError:
        raise LookupError(f"no renderer is registered for {message_type!r}") from None
