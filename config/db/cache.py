"""The cache on Redis, without making a client object for every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache.backends import redis
from redis.commands.core import Script

# What `increment_and_read` has the server do: one command costs half of three.
COUNTING = b"""
local value = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {value, unpack(redis.call('MGET', unpack(KEYS, 2)))}
"""


class KeptClient(redis.RedisCacheClient):
    """Django makes a client for each command, which costs more than the command; one per server does as well."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clients: dict[Any, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        if pool not in self._clients:
            self._clients[pool] = self._client(connection_pool=pool)  # type: ignore[attr-defined]
        return self._clients[pool]


class RedisCache(redis.RedisCache):
    """As Django's, with clients that are kept; they are safe to share between threads."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient
        self._counting = Script(None, COUNTING)  # type: ignore[arg-type]  # each call names its client

    def increment_and_read(self, key: str, others: Sequence[str], timeout: int) -> list[int]:
        """Adds one to a counter and reads others, in one exchange with the server.

        Args:
            key: the counter, made when missing; it lives `timeout` seconds from now.
            others: further counters; a missing one reads as 0.
        Returns:
            The values of `key` and `others`, in this order.
        """
        # Keys are the service's own: Django's check of every letter of them finds nothing.
        names = [self.make_key(name) for name in (key, *others)]
        value, *found = self._counting(names, [timeout], client=self._cache.get_client(key, write=True))
        return [int(value), *(int(each or 0) for each in found)]
