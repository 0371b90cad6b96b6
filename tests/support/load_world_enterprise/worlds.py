"""Worlds of customers and their learners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Load = Callable[..., dict[str, tuple[int, int, int]]]
Refused = Callable[..., str]
WORKS = "01000000-0000-4000-8000-000000000001"
MILLS = "01000000-0000-4000-8000-000000000002"
RUN = "course-v1:PineX+Trees+1"


def customers(**fields: Any) -> dict[str, Any]:
    return {"customers": [{"uuid": WORKS, "slug": "works", "name": "Works", **fields}]}
