"""The language of content filters (contract: enterprise-customers 5.6): reading, checking, and matching one document.

`ContentFilter.matches` is the reference; `enterprise.content.index` compiles the same conditions to SQL, and a property
test holds both to the same answers.
"""

from __future__ import annotations

import hashlib
import json
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

EQUAL = ""
DIFFERENT = frozenset({"not", "exclude"})
COMPARISONS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
OPERATORS = DIFFERENT | COMPARISONS.keys()

FORCED = "enterprise_force_include_aggregation_keys"
RESTRICTED_ALLOWED = "restricted_runs_allowed"
EXCLUDE_EXPIRED = "exclude_expired_course_run"
CONTROLS = frozenset({FORCED, RESTRICTED_ALLOWED, EXCLUDE_EXPIRED})
MISSPELLED = {
    "aggregration__key": "aggregation_key",
    "aggregation__key": "aggregation_key",
    "org__exempt": "org__exclude",
}
EXPLICIT = ("key", "uuid")
PRICE_LIMIT = "first_enrollable_paid_seat_price__lte"

# The fields of the search documents (5.1); a filter's other members are ignored.
DOCUMENT_FIELDS = frozenset(
    [
        "aggregation_key",
        "authoring_organization_uuids",
        "authoring_organizations",
        "availability",
        "card_image_url",
        "content_type",
        "course_runs",
        "course_type",
        "end",
        "enrollment_end",
        "enrollment_start",
        "first_enrollable_paid_seat_price",
        "full_description",
        "has_enrollable_seats",
        "hidden",
        "image_url",
        "is_program_eligible_for_one_click_purchase",
        "key",
        "language",
        "languages",
        "level_type",
        "logo_image_urls",
        "marketing_url",
        "max_effort",
        "max_hours_effort_per_week",
        "min_effort",
        "min_hours_effort_per_week",
        "mobile_available",
        "number",
        "org",
        "organizations",
        "pacing_type",
        "partner",
        "product_source",
        "program_types",
        "published",
        "seat_types",
        "short_description",
        "skill_names",
        "staff_uuids",
        "start",
        "status",
        "subject_uuids",
        "subjects",
        "subtitle",
        "title",
        "transcript_languages",
        "type",
        "uuid",
        "weeks_to_complete",
        "weeks_to_complete_max",
        "weeks_to_complete_min",
    ]
)

MOST_CHARACTERS = 200_000  # of a filter as JSON: some five thousand course keys
MOST_MEMBERS = 100

Scalar = str | int | float | bool
Document = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """One member that documents are compared with.

    Args:
        field: a field of the documents.
        operator: "" for equal, else one of OPERATORS.
        wanted: the alternatives; those that are neither text, number nor boolean are kept as None and equal nothing.
    """

    field: str
    operator: str
    wanted: tuple[Scalar | None, ...]

    def holds(self, document: Document) -> bool:
        values = list(scalars(document.get(self.field)))
        if self.operator in COMPARISONS:
            return self.limit is not None and any(
                (number := number_of(value)) is not None and COMPARISONS[self.operator](number, self.limit)
                for value in values
            )
        found = any(_same(self.field, value, wanted) for value in values for wanted in self.wanted)
        return not found if self.operator in DIFFERENT else found

    @cached_property
    def limit(self) -> float | None:
        """What a number is compared with so that the comparison holds for every alternative; None: it never does."""
        numbers = [number_of(wanted) for wanted in self.wanted]
        if not numbers or None in numbers:
            return None
        furthest = max if self.operator.startswith("g") else min
        return float(furthest(number for number in numbers if number is not None))

    @cached_property
    def texts(self) -> list[str]:
        """The alternatives as the index stores values."""
        return sorted({text for wanted in self.wanted if (text := value_text(self.field, wanted)) is not None})


@dataclass(frozen=True)
class ContentFilter:
    """A content filter, read.

    Args:
        conditions: all must hold.
        explicit: the ids of its members `key` and `uuid`.
        forced: aggregation keys of courses that join whatever the conditions say.
        restricted_allowed: aggregation key of a course -> its restricted runs that show.
        exclude_expired: runs that are over do not count.
        broken: some member makes no sense; then no document meets the conditions.
    """

    conditions: tuple[Condition, ...] = ()
    explicit: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()
    restricted_allowed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude_expired: bool = False
    broken: bool = False

    def matches(self, document: Document) -> bool:
        """Whether a document meets all conditions; the control members are not asked."""
        return not self.broken and all(condition.holds(document) for condition in self.conditions)

    def forces(self, aggregation_key: str) -> bool:
        """Whether a course joins without meeting the conditions."""
        return aggregation_key in self.forced

    def shows_restricted(self, course_key: str, run_key: str) -> bool:
        """Whether a restricted run of a course shows."""
        return run_key in self._shown.get(f"course:{course_key}", ())

    @cached_property
    def _shown(self) -> dict[str, tuple[str, ...]]:
        return dict(self.restricted_allowed)

    @cached_property
    def canonical(self) -> str:
        """One text for all filters that mean the same members."""
        meaning = [
            sorted([each.field, each.operator, _canonical_wanted(each)] for each in self.conditions),
            sorted(self.forced),
            sorted(self.restricted_allowed),
            self.exclude_expired,
            self.broken,
        ]
        return json.dumps(meaning, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """The canonical text's SHA-256, in hexadecimal."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def _canonical_wanted(condition: Condition) -> Any:
    return condition.limit if condition.operator in COMPARISONS else condition.texts


def read(content_filter: Any) -> ContentFilter:
    """Reads a stored content filter. Nothing raises here: what is no filter holds nothing, None is the empty filter."""
    if content_filter is None:
        return ContentFilter()
    if not isinstance(content_filter, dict):
        return ContentFilter(broken=True)
    conditions = []
    broken = False
    for member, wanted in content_filter.items():
        if member in CONTROLS:
            continue
        field, operator, known = split(member)
        if not known:
            broken = True
        elif field in DOCUMENT_FIELDS:
            conditions.append(Condition(field, operator, _alternatives(wanted)))
    allowed = content_filter.get(RESTRICTED_ALLOWED)
    return ContentFilter(
        conditions=tuple(conditions),
        explicit=frozenset(_texts(content_filter.get("key")) + _texts(content_filter.get("uuid"))),
        forced=frozenset(_texts(content_filter.get(FORCED))),
        restricted_allowed=tuple(
            (course, tuple(sorted(_texts(runs))))
            for course, runs in (allowed if isinstance(allowed, dict) else {}).items()
        ),
        exclude_expired=content_filter.get(EXCLUDE_EXPIRED) in (True, "true", "True"),
        broken=broken,
    )


def without_explicit(content_filter: Any) -> Any:
    """A filter as it was written, without its members `key` and `uuid`: for whoever puts other ids in their place."""
    if not isinstance(content_filter, dict):
        return content_filter
    return {member: wanted for member, wanted in content_filter.items() if member not in EXPLICIT}


def split(member: str) -> tuple[str, str, bool]:
    """A member's field and operator, and whether the operator is known; misspellings are put right."""
    field, separator, operator = MISSPELLED.get(member, member).partition("__")
    return field, operator, operator in OPERATORS if separator else True


def problems(content_filter: Any) -> Iterator[str]:
    """What is wrong with a content filter that is about to be stored (contract: enterprise-customers 2 and 5.6)."""
    if not isinstance(content_filter, dict):
        yield "Content filter must be an object."
        return
    keys = content_filter.get("key", [])
    if not isinstance(keys, list):
        yield "Content filter 'key' must be of type <class 'list'>"
    elif not all(isinstance(key, str) for key in keys):
        yield "Content filter 'key' must contain values of type <class 'str'>"
    if not isinstance(content_filter.get(PRICE_LIMIT, ""), str):
        yield f"Content filter '{PRICE_LIMIT}' must be of type <class 'str'>"
    if len(content_filter) > MOST_MEMBERS:
        yield f"Content filter must not have more than {MOST_MEMBERS} members."
        return
    for member, wanted in content_filter.items():
        if problem := _problem(member, wanted):
            yield f"Content filter '{member[:100]}' {problem}"
    if not _fits(content_filter):
        yield f"Content filter must not be longer than {MOST_CHARACTERS} characters."


def _problem(member: str, wanted: Any) -> str | None:
    if member == FORCED:
        return None if _is_list_of_texts(wanted) else "must be a list of texts."
    if member == RESTRICTED_ALLOWED:
        is_right = isinstance(wanted, dict) and all(_is_list_of_texts(runs) for runs in wanted.values())
        return None if is_right else "must be an object of lists of texts."
    if member == EXCLUDE_EXPIRED:
        return (
            None if isinstance(wanted, bool) or wanted in ("true", "false", "True", "False") else "must be a boolean."
        )
    field, operator, known = split(member)
    if not known:
        return f"has an unknown operator; known are {', '.join(sorted(OPERATORS))}."
    if field not in DOCUMENT_FIELDS:
        return None
    values = wanted if isinstance(wanted, list) else [wanted]
    if not all(value is None or isinstance(value, str | int | float) for value in values):
        return "must be a text, a number, a boolean, or a list of these."
    if operator in COMPARISONS and any(number_of(value) is None for value in values):
        return "must be a number, or a list of numbers."
    return None


def _fits(content_filter: Any) -> bool:
    try:
        return len(json.dumps(content_filter)) <= MOST_CHARACTERS
    except (TypeError, ValueError, RecursionError):
        return False


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# --- Values -------------------------------------------------------------------------------------------------------


def scalars(stored: Any) -> Iterator[Scalar]:
    """The values of a document's field that can be compared: itself, or the elements of a list."""
    for value in stored if isinstance(stored, list) else (stored,):
        if isinstance(value, str | int | float):
            yield value


def number_of(value: Any) -> float | None:
    """A number, which may be given as text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def value_text(field: str, value: Any) -> str | None:
    """A value as the index stores and compares it, in at most 200 characters; None for what equals nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        number = number_of(value)
        return None if number is None else repr(number + 0.0)  # 0.0 and -0.0 are one number
    if not isinstance(value, str):
        return None
    text = json.dumps(value.lower() if field == "partner" else value)
    return text if len(text) <= 200 else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _same(field: str, stored: Any, wanted: Any) -> bool:
    if isinstance(stored, bool) or isinstance(wanted, bool):
        return stored is wanted
    if isinstance(stored, str) and isinstance(wanted, str):
        return stored.lower() == wanted.lower() if field == "partner" else stored == wanted
    if isinstance(stored, str) or isinstance(wanted, str):
        return False
    number = number_of(stored)
    return number is not None and number == number_of(wanted)


def _alternatives(wanted: Any) -> tuple[Scalar | None, ...]:
    values = wanted if isinstance(wanted, list) else [wanted]
    return tuple(value if isinstance(value, str | int | float) else None for value in values)


def _texts(value: Any) -> list[str]:
    """The texts of a member that should be a text or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
