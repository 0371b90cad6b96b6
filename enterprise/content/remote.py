"""A catalog service that evaluates content filters in place of the local index (setting CATALOG_SERVICE_URL).

`POST <url>/search/all/?page=&page_size=` with a content filter as its JSON body answers `{"count", "results"}`, the
results being search documents (contract: enterprise-customers 5.1, 7). Membership is asked for by narrowing the filter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import httpx
from django.conf import settings
from django.core.cache import cache

from config.api.exceptions import Refusal
from enterprise.content.documents import ContentPage
from enterprise.content.language import read, without_explicit
from enterprise.content.runs import course_key_of

TIMEOUT = httpx.Timeout(10.0, connect=3.0)  # seconds
PAGE_SIZE = 100
MOST_PAGES = 100  # of one membership question
FAILED = "The catalog service does not answer as it should."


def is_configured() -> bool:
    """Whether a catalog service stands in for the local index."""
    return bool(settings.CATALOG_SERVICE_URL)


def search(
    written: Any, *, page: int, page_size: int, ordering: str | None = None, exclude_expired: bool = False
) -> ContentPage:
    """A page of what a content filter holds; the answer is kept for ENTERPRISE_API_CACHE_TIMEOUT seconds.

    Raises:
        Refusal: 502, the service does not answer as it should.
    """
    asked = {"page": page, "page_size": page_size, "ordering": ordering}
    asked |= {"exclude_expired_course_run": "true"} if exclude_expired else {}
    parameters = {name: str(value) for name, value in asked.items() if value}
    key = json.dumps([settings.CATALOG_SERVICE_URL, written, parameters], sort_keys=True)
    name = f"catalog-service:{hashlib.sha256(key.encode()).hexdigest()}"
    kept = cache.get(name)
    if kept is None:
        kept = _post(written, parameters)
        cache.set(name, kept, settings.ENTERPRISE_API_CACHE_TIMEOUT)
    return ContentPage(*kept)


def _post(written: Any, parameters: dict[str, str]) -> tuple[int, list[dict[str, Any]]]:
    url = f"{str(settings.CATALOG_SERVICE_URL).rstrip('/')}/search/all/"
    try:
        response = httpx.post(url, params=parameters, json=written or {}, timeout=TIMEOUT)
        response.raise_for_status()
        answer = response.json()
        count, results = answer["count"], answer["results"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as failure:
        raise Refusal(FAILED, status=502) from failure
    if not isinstance(count, int) or not isinstance(results, list) or not all(isinstance(r, dict) for r in results):
        raise Refusal(FAILED, status=502)
    return count, results


def contains(filters: Iterable[Any], course_ids: Collection[str], program_uuids: Collection[str]) -> bool:
    """Whether one of the filters holds everything by rule 1 (contract: enterprise-customers 5.4)."""
    asked_ids, asked_uuids = set(course_ids), set(program_uuids)
    course_keys = {course_key_of(key) for key in asked_ids}
    for written in filters:
        explicit = read(written).explicit
        if explicit:
            courses_held = asked_ids <= explicit or course_keys <= explicit
            programs_held = asked_uuids <= explicit
        else:
            free = without_explicit(written)
            courses_held = course_keys <= _found(free, "key", course_keys, "key")
            programs_held = asked_uuids <= _found(free, "uuid", asked_uuids, "uuid")
        if courses_held and programs_held:
            return True
    return False


def holds(written: Any, key_or_uuid: str) -> bool:
    """Whether a filter holds the content by rule 2 (contract: enterprise-customers 5.4)."""
    course_key = course_key_of(key_or_uuid)
    return bool(
        _found(written, "key", {key_or_uuid, course_key}, "key")
        or _found(written, "uuid", {key_or_uuid}, "uuid")
        or (course_key == key_or_uuid and _found(written, "aggregation_key", {f"courserun:{course_key}"}, "key"))
    )


def runs_held(written: Any, run_keys: Sequence[str]) -> set[str]:
    """Which of the runs a filter holds, themselves or by their courses."""
    courses = {key: course_key_of(key) for key in run_keys}
    explicit = read(written).explicit
    names = explicit or _found(written, "key", {*courses, *courses.values()}, "key")
    return {key for key, course in courses.items() if {key, course} & names}


def _found(written: Any, member: str, values: set[str], named: str) -> set[str]:
    """What a document is named by, of those that a filter holds among some."""
    if member in written:
        given = written[member]
        values = values & set(given if isinstance(given, list) else [given])
    if not values:
        return set()
    names: set[str] = set()
    for page in range(1, MOST_PAGES + 1):
        result = search({**written, member: sorted(values)}, page=page, page_size=PAGE_SIZE)
        names.update(str(each[named]) for each in result.documents if named in each)
        if page * PAGE_SIZE >= result.count or not result.documents:
            break
    return names
