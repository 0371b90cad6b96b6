"""A country database of the kind that GEOIP_COUNTRY_DATABASE names, made for a test."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"


def country_database(countries: Mapping[str, str]) -> bytes:
    """The bytes of a database that knows these IPv4 networks.

    Args:
        countries: network such as `10.1.0.0/16` -> ISO code.
    """
    data, offsets = b"", {}
    for code in sorted(set(countries.values())):
        offsets[code] = len(data)
        data += _encoded({"country": {"iso_code": code}})
    nodes: list[list[int | str | None]] = [[None, None]]
    for network, code in countries.items():
        parsed = ipaddress.IPv4Network(network)
        bits = f"{int(parsed.network_address):032b}"[: parsed.prefixlen]
        place = 0
        for bit in bits[:-1]:
            following = nodes[place][int(bit)]
            if following is None:
                nodes.append([None, None])
                following = nodes[place][int(bit)] = len(nodes) - 1
            assert isinstance(following, int)
            place = following
        nodes[place][int(bits[-1])] = code
    tree = b""
    for node in nodes:
        for record in node:
            value = len(nodes) if record is None else record
            if isinstance(value, str):
                value = len(nodes) + 16 + offsets[value]
            tree += value.to_bytes(3, "big")
    about: dict[str, Any] = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "database_type": "Test-Country",
        "description": {"en": "made for a test"},
        "ip_version": 4,
        "languages": [],
        "node_count": len(nodes),
        "record_size": 24,
    }
    metadata = _head(7, len(about))
    for key, value in about.items():
        size = {"build_epoch": 8, "node_count": 4}.get(key)
        metadata += _encoded(key) + (_integer(value, size) if size else _encoded(value))
    return tree + bytes(16) + data + MARKER + metadata


def _encoded(value: Any) -> bytes:
    """A value in the data format; texts, objects and lists of up to 28 bytes or items are all it needs."""
    if isinstance(value, str):
        text = value.encode()
        return _head(2, len(text)) + text
    if isinstance(value, dict):
        return _head(7, len(value)) + b"".join(_encoded(key) + _encoded(each) for key, each in value.items())
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    return _integer(value, 2)


def _integer(value: int, size: int) -> bytes:
    """An unsigned integer of 2, 4 or 8 bytes; the last kind has a number that needs a byte of its own."""
    head = bytes([size, 9 - 7]) if size == 8 else _head({2: 5, 4: 6}[size], size)
    return head + value.to_bytes(size, "big")


def _head(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes([kind << 5 | size])
