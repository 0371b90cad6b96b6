"""A language model behind an HTTP address that speaks the chat-completions protocol of OpenAI."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from enterprise.summarisers import Question, SummariserFailed

TIMEOUT = httpx.Timeout(connect=5.0, read=20.0, write=20.0, pool=5.0)  # seconds
LONGEST_ANSWER = 20.0  # seconds from the first byte on: one that drips never ends by itself
LARGEST_ANSWER = 1024 * 1024  # bytes
ATTEMPTS = 2
SYSTEM_MESSAGE = "You write short, factual summaries of learning figures for the managers of a company."

# What may go well a moment later. A server that stays silent for 20 seconds is not asked again.
_PASSING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class _Unwell(SummariserFailed):
    """An answer of 500 or above."""


class RemoteSummariser:
    """Asks for one completion per question; redirects are not followed.

    Args:
        url: the whole address of the endpoint, such as `https://host/v1/chat/completions`.
        api_key: sent as a bearer token; empty: none.
        model: the name of the model; empty: the server chooses.
    """

    def __init__(self, url: str, *, api_key: str | None = None, model: str | None = None) -> None:
        self._url = url
        # Uncompressed, so that the cap on the answer's size is one on what unpacks from it too.
        self._headers = {"Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._model = {"model": model} if model else {}

    def __call__(self, question: Question) -> str:
        """
        Raises:
            SummariserFailed: no usable answer; refused connections and answers of 500 and above are tried once more.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _text_of(self._post(question.prompt))
            except (*_PASSING, _Unwell) as failure:
                if attempt == ATTEMPTS:
                    raise SummariserFailed(f"{type(failure).__name__}: {failure}") from failure
            except (httpx.HTTPError, httpx.InvalidURL) as failure:
                raise SummariserFailed(f"{type(failure).__name__}: {failure}") from failure
        raise AssertionError("unreachable")

    def _post(self, prompt: str) -> bytes:
        messages = [{"role": "system", "content": SYSTEM_MESSAGE}, {"role": "user", "content": prompt}]
        body = {**self._model, "messages": messages}
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream("POST", self._url, json=body, headers=self._headers) as response,
        ):
            if response.status_code >= 500:
                raise _Unwell(f"the answer was {response.status_code}")
            if response.status_code != 200:
                raise SummariserFailed(f"the answer was {response.status_code}")
            return _read(response)


def _read(response: httpx.Response) -> bytes:
    parts, size, latest = [], 0, time.monotonic() + LONGEST_ANSWER
    for part in response.iter_raw():
        size += len(part)
        if size > LARGEST_ANSWER:
            raise SummariserFailed(f"the answer is larger than {LARGEST_ANSWER} bytes")
        if time.monotonic() > latest:
            raise SummariserFailed(f"the answer took longer than {LONGEST_ANSWER:.0f} seconds")
        parts.append(part)
    return b"".join(parts)


def _text_of(body: bytes) -> str:
    """The text of the first choice, or of the first message where the answer is a plain list of messages."""
    try:
        answer: Any = json.loads(body)
        message = answer[0] if isinstance(answer, list) else answer["choices"][0]["message"]
        content = message["content"]
    except (ValueError, RecursionError, LookupError, TypeError) as problem:
        raise SummariserFailed("the answer is no completion") from problem
    text = _clean(content) if isinstance(content, str) else ""
    if not text:
        raise SummariserFailed("the answer has no text")
    return text


def _clean(text: str) -> str:
    """The text without what no database stores: NUL characters and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode().strip()
