"""Lists read by position (config.db.keysets)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from django.db.models import CharField

from config.db.keysets import KeptKeyset, QueriedKeyset
from config.db.reads import Given
from enrollments.models import CourseEnrollment
from tests.factories import CourseEnrollmentFactory

pytestmark = pytest.mark.django_db


class Row(NamedTuple):
    id: int
    created: datetime


kept = KeptKeyset(
    lambda: CourseEnrollment.objects.filter(mode=Given("mode", CharField())).values_list("id", "created"), Row
)


@pytest.mark.parametrize("ordering", [("id",), ("-id",), ("created", "id"), ("-created", "-id")], ids=str)
def test_kept_pages_are_those_of_the_query_from_any_position(ordering: tuple[str, ...]) -> None:
    for number in range(9):
        enrollment = CourseEnrollmentFactory(mode="audit" if number % 4 else "verified")
        day = datetime(2031, 1, 1 + number // 3, tzinfo=UTC)
        CourseEnrollment.objects.filter(pk=enrollment.pk).update(created=day)
    rows = CourseEnrollment.objects.filter(mode="audit").values_list("id", "created")
    whole = [Row._make(row) for row in rows.order_by(*ordering)]
    positions: list[Any] = [None, *([getattr(row, name.lstrip("-")) for name in ordering] for row in whole)]
    for place, position in enumerate(positions):
        for number in (1, 2, 10):
            expected = whole[place : place + number]
            assert kept.of(mode="audit").read(ordering, position, number) == expected
            assert QueriedKeyset(rows, Row._make).read(ordering, position, number) == expected
    assert len(kept.of(mode="verified").read(ordering, None, 10)) == 3


def test_a_page_is_one_statement(django_assert_num_queries: Any) -> None:
    CourseEnrollmentFactory(mode="audit")
    for position in (None, [0]):
        with django_assert_num_queries(1):
            assert len(kept.of(mode="audit").read(("id",), position, 5)) == 1
