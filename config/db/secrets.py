"""Texts that are encrypted at rest and shown in clear again: passwords of deliveries, secrets of API credentials.

Each field names the setting that holds its Fernet keys, a list: the first encrypts, all of them decrypt. To replace a
key, put the new one first, save the rows again, and take the old one out.
Contract: settings, ENTERPRISE_REPORTING_SECRET; enterprise-customers 2, OAuth2 application.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.validators import MaxLengthValidator
from django.db import models

logger = logging.getLogger(__name__)


def encrypted(text: str, keys: str) -> str:
    """A text under the first key of a setting; every call gives another one.

    Args:
        keys: the name of the setting.
    """
    return _fernet(keys).encrypt(text.encode()).decode()


def decrypted(token: str, keys: str) -> str:
    """The text that `encrypted` hid under any key of the setting.

    Raises:
        InvalidToken: none of the keys fits, or it is no such token.
    """
    return _fernet(keys).decrypt(token.encode()).decode()


class Unreadable(str):
    """Reads as an empty text and is stored as it was: what the keys of today do not decrypt is not lost by a save."""

    __slots__ = ("token",)
    token: str

    def __new__(cls, token: str) -> Unreadable:
        made = super().__new__(cls)
        made.token = token
        return made


class EncryptedTextField(models.TextField):
    """A text whose column holds a Fernet token; NULL and the empty text are stored as they are.

    Tokens differ each time, so rows cannot be found by it, except by `isnull`.

    Args:
        keys: the name of the setting with the Fernet keys, read whenever it is used.
        max_length: how many characters the text in clear may have.
    """

    def __init__(self, *args: Any, keys: str, **options: Any) -> None:
        self.keys = keys
        super().__init__(*args, **options)
        if self.max_length is not None:
            self.validators.append(MaxLengthValidator(self.max_length))

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "keys": self.keys}

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if not value:
            return value
        try:
            return decrypted(value, self.keys)
        except InvalidToken:
            logger.error("no key of the setting %s decrypts %s", self.keys, self)
            return Unreadable(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if isinstance(value, Unreadable):
            return value.token
        if not value or hasattr(value, "as_sql"):
            return super().get_db_prep_save(value, connection)
        return encrypted(str(value), self.keys)


def _fernet(keys: str) -> MultiFernet:
    return _fernet_of(tuple(getattr(settings, keys)), keys)


@lru_cache(maxsize=16)
def _fernet_of(values: tuple[str, ...], setting: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(value) for value in values])
    except ValueError as problem:
        raise ImproperlyConfigured(f"{setting} is no list of Fernet keys (32 bytes in URL-safe base64).") from problem
