"""Who puts the figures of a customer into words: a local text generator, or a remote one by setting.

A summariser is any callable from a `Question` to a text. The local one reads the figures, a remote one the prompt.
Contract: enterprise-customers 4.12; settings `ANALYTICS_SUMMARY_*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be put into words.

    Args:
        kind: `learner_progress` or `learner_engagement`.
        figures: the validated members of that part of the request.
        prompt: the same as a text for a language model; answers are kept by it.
    """

    kind: str
    figures: Mapping[str, Any]
    prompt: str


Summariser = Callable[[Question], str]


class SummariserFailed(Exception):
    """The summariser gave no usable text. The message is for the log; it never holds a key or an answer."""


def summariser() -> Summariser:
    """The summariser that the settings choose: remote when `ANALYTICS_SUMMARY_URL` is set, else local."""
    from enterprise.summarisers import local, remote

    if not settings.ANALYTICS_SUMMARY_URL:
        return local.summarise
    return remote.RemoteSummariser(
        settings.ANALYTICS_SUMMARY_URL,
        api_key=settings.ANALYTICS_SUMMARY_API_KEY,
        model=settings.ANALYTICS_SUMMARY_MODEL,
    )
