"""Secrets that the service makes for itself when the environment names none, and keeps in its data directory."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path


def kept_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(64)) -> str:
    """The secret stored at `path`, made on first use; several processes that start at once agree on one value.

    Args:
        path: the file; readable by its owner only.
        make: produces the text of a new secret.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    draft = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    draft.touch(mode=0o600)
    draft.write_text(make())
    try:
        os.link(draft, path)  # fails when another process was first: its value counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()


def derived_fernet_key(secret_key: str, purpose: str) -> str:
    """A URL-safe base64 key of 32 bytes, always the same for one secret key and purpose."""
    digest = hashlib.sha256(f"{purpose}:{secret_key}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()
