"""`enterprise-course-enrollment`: who sees which rows, how they are cut, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.api.fields import wire_time
from enrollments.models import User
from enterprise.models import EnterpriseCourseEnrollment, EnterpriseCustomer
from enterprise.queries import long_lists
from enterprise.serializers.course_enrollments import EnterpriseCourseEnrollmentSerializer
from tests.factories import (
    CourseEnrollmentFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

LIST = "/enterprise/api/v1/enterprise-course-enrollment/"
RUN = "course-v1:Acme+Sail+T1"
NO_CHOICE = {"enterprise_customer_user": ["Select a valid choice. That choice is not one of the available choices."]}


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="bolt")


def enrolled(customer: EnterpriseCustomer, user: User | None = None, run: str = RUN, **link: Any) -> Any:
    learner = LearnerFactory(enterprise_customer=customer, user=user or UserFactory(), **link)
    return EnterpriseCourseEnrollmentFactory(enterprise_customer_user=learner, course_id=run)


def links_in(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["enterprise_customer_user"] for row in answer.json()["results"]]


# --- Shape ----------------------------------------------------------------------------------------------------------


def test_a_row_shows_the_enrollment_its_plain_one_and_its_run(staff: APIClient, customer: EnterpriseCustomer) -> None:
    start = datetime(2031, 1, 1, tzinfo=UTC)
    CourseRunFactory(id=RUN, start=start, end=None)
    user = UserFactory(email="Mia@acme.test")
    row = enrolled(customer, user)
    plain = CourseEnrollmentFactory(user=user, course_id=RUN, mode="verified", is_active=False)
    answer = staff.get(LIST)
    assert answer.json() == {
        "next": None,
        "previous": None,
        "count": 1,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": [
            {
                "enterprise_customer_user": row.enterprise_customer_user_id,
                "course_id": RUN,
                "created": wire_time(row.created),
                "unenrolled_at": None,
                "enrollment_date": wire_time(plain.created),
                "enrollment_track": "verified",
                "user_email": "Mia@acme.test",
                "course_start": "2031-01-01T00:00:00Z",
                "course_end": None,
            }
        ],
    }
    assert list(answer.json()["results"][0]) == list(EnterpriseCourseEnrollmentSerializer().fields)


def test_what_is_not_known_is_null(staff: APIClient, customer: EnterpriseCustomer) -> None:
    row = enrolled(customer)
    row.unenrolled_at = datetime(2031, 2, 3, 4, 5, 6, 700, tzinfo=UTC)
    row.save()
    CourseEnrollmentFactory(user=row.enterprise_customer_user.user_fk, course_id="course-v1:Acme+Other+T1")
    (shown,) = staff.get(LIST).json()["results"]
    assert shown["unenrolled_at"] == "2031-02-03T04:05:06.000700Z"
    assert {shown[name] for name in ("enrollment_date", "enrollment_track", "course_start", "course_end")} == {None}


def test_one_enrollment_is_shown_by_its_id_and_with_a_format_suffix(
    staff: APIClient, customer: EnterpriseCustomer
) -> None:
    row = enrolled(customer)
    shown = staff.get(f"{LIST}{row.pk}/")
    assert shown.status_code == 200
    assert shown.json() == staff.get(LIST).json()["results"][0]
    assert staff.get(f"{LIST[:-1]}/{row.pk}.json").json() == shown.json()
    assert staff.get(f"{LIST[:-1]}.json").json()["count"] == 1


# --- Who sees which -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LIST, f"{LIST}1/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_anonymous_callers_are_refused_whatever_they_ask(client: APIClient, path: str, method: str) -> None:
    answer = getattr(client, method)(path)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}


@pytest.fixture
def scene(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> dict[str, int]:
    """Rows of two customers; the one of an unlinked learner is nobody's."""
    return {
        "acme": enrolled(customer).enterprise_customer_user_id,
        "bolt": enrolled(other).enterprise_customer_user_id,
        "gone": enrolled(customer, linked=False, active=False).enterprise_customer_user_id,
    }


def plain_learner(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    return UserFactory()


def learner(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = UserFactory()
    enrolled(customer, user)
    return user


def admin(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    return customer_admin(customer)


def admin_who_learns_elsewhere(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = customer_admin(customer)
    enrolled(other, user)
    return user


def unlinked_admin(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = UserFactory()
    RoleAssignmentFactory(user=user, enterprise_customer=customer)
    LearnerFactory(enterprise_customer=customer, user=user, linked=False, active=False)
    return user


def linked_operator(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = operator()
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def unlinked_operator(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    return operator()


def holder_of_the_feature_role(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = UserFactory()
    FeatureRoleAssignmentFactory(user=user, role="enrollment_api_admin")
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def provisioning_admin(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role="enterprise_provisioning_admin")
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def superuser(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    return UserFactory(superuser=True)


def linked_superuser(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    user = UserFactory(superuser=True)
    LearnerFactory(enterprise_customer=other, user=user)
    return user


def staff_member(customer: EnterpriseCustomer, other: EnterpriseCustomer) -> User:
    return UserFactory(staff=True)


@pytest.mark.parametrize(
    ("caller", "sees", "own"),
    [
        (plain_learner, "", 0),
        (learner, "", 1),
        (admin, "acme", 0),
        (admin_who_learns_elsewhere, "acme", 1),
        (unlinked_admin, "", 0),
        (linked_operator, "acme", 0),
        (unlinked_operator, "", 0),
        (holder_of_the_feature_role, "acme", 0),
        (provisioning_admin, "", 0),
        (superuser, "", 0),
        (linked_superuser, "bolt", 0),
        (staff_member, "acme bolt", 0),
    ],
)
def test_rows_are_those_of_linked_customers_one_may_enroll_for_and_ones_own(
    as_user: Any,
    customer: EnterpriseCustomer,
    other: EnterpriseCustomer,
    scene: dict[str, int],
    caller: Callable[..., User],
    sees: str,
    own: int,
) -> None:
    user = caller(customer, other)
    client = as_user(user)
    answer = client.get(LIST)
    shown = links_in(answer)
    mine = list(EnterpriseCourseEnrollment.objects.filter(enterprise_customer_user__user_id=user.pk))
    assert len(mine) == own
    wanted = {scene[name] for name in sees.split()} | {row.enterprise_customer_user_id for row in mine}
    assert set(shown) == wanted
    assert answer.json()["count"] == len(wanted)
    for row in EnterpriseCourseEnrollment.all_objects.all():
        single = client.get(f"{LIST}{row.pk}/")
        if row.enterprise_customer_user_id in wanted:
            assert single.status_code == 200
        else:
            assert single.status_code == 404
            assert single.json() == {"detail": "No EnterpriseCourseEnrollment matches the given query."}


@pytest.mark.parametrize("text", ["x", "1.5", "-1", "²", "None"])
def test_a_text_that_is_no_id_is_not_found(staff: APIClient, text: str) -> None:
    answer = staff.get(f"{LIST}{text}/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("text", ["0", "99999999", "9" * 18, "9" * 19, "9" * 60])
def test_an_id_that_nothing_has_is_not_found(staff: APIClient, text: str) -> None:
    answer = staff.get(f"{LIST}{text}/")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "No EnterpriseCourseEnrollment matches the given query."}


# --- Filters, order, pages ------------------------------------------------------------------------------------------


def test_rows_are_narrowed_by_link_and_run(staff: APIClient, customer: EnterpriseCustomer) -> None:
    first, second = enrolled(customer), enrolled(customer, run="course-v1:Acme+Knot+T1")
    link = first.enterprise_customer_user_id
    assert links_in(staff.get(LIST, {"enterprise_customer_user": link})) == [link]
    assert links_in(staff.get(LIST, {"course_id": second.course_id})) == [second.enterprise_customer_user_id]
    assert links_in(staff.get(f"{LIST}?course_id=course-v1:Acme+Knot+T1")) == [second.enterprise_customer_user_id]
    assert links_in(staff.get(LIST, {"enterprise_customer_user": link, "course_id": second.course_id})) == []
    assert len(links_in(staff.get(LIST, {"enterprise_customer_user": "", "course_id": "", "mode": "x"}))) == 2


def test_a_single_enrollment_must_meet_the_filters_too(staff: APIClient, customer: EnterpriseCustomer) -> None:
    row = enrolled(customer)
    assert staff.get(f"{LIST}{row.pk}/", {"course_id": RUN}).status_code == 200
    assert staff.get(f"{LIST}{row.pk}/", {"course_id": "course-v1:Acme+Knot+T1"}).status_code == 404
    assert staff.get(f"{LIST}{row.pk}/", {"enterprise_customer_user": "0"}).json() == NO_CHOICE


@pytest.mark.parametrize("value", ["0", "999999", "x", "1.5", "9" * 40])
def test_a_link_that_does_not_exist_is_no_valid_choice(staff: APIClient, value: str) -> None:
    answer = staff.get(LIST, {"enterprise_customer_user": value})
    assert (answer.status_code, answer.json()) == (400, NO_CHOICE)


def test_an_unlinked_learner_is_no_valid_choice(staff: APIClient, scene: dict[str, int]) -> None:
    assert staff.get(LIST, {"enterprise_customer_user": scene["gone"]}).json() == NO_CHOICE


def test_a_foreign_link_is_a_choice_without_rows(
    as_user: Any, customer: EnterpriseCustomer, scene: dict[str, int]
) -> None:
    assert links_in(as_user(customer_admin(customer)).get(LIST, {"enterprise_customer_user": scene["bolt"]})) == []


def test_rows_come_by_id_or_in_the_order_asked_for(staff: APIClient, customer: EnterpriseCustomer) -> None:
    runs = [f"course-v1:Acme+{name}+T1" for name in "CAB"]
    rows = [enrolled(customer, run=run) for run in runs]
    links = [row.enterprise_customer_user_id for row in rows]
    assert links_in(staff.get(LIST)) == links
    assert links_in(staff.get(LIST, {"ordering": "course_id"})) == [links[1], links[2], links[0]]
    assert links_in(staff.get(LIST, {"ordering": "-enterprise_customer_user"})) == links[::-1]
    assert links_in(staff.get(LIST, {"ordering": "created,nonsense"})) == links


def test_pages_are_cut_and_linked(staff: APIClient, customer: EnterpriseCustomer) -> None:
    links = [enrolled(customer).enterprise_customer_user_id for _ in range(5)]
    second = staff.get(LIST, {"page": 2, "page_size": 2, "course_id": RUN})
    assert links_in(second) == links[2:4]
    body = second.json()
    assert (body["count"], body["num_pages"], body["current_page"], body["start"]) == (5, 3, 2, 2)
    assert body["next"] == "http://testserver" + LIST + "?course_id=course-v1%3AAcme%2BSail%2BT1&page=3&page_size=2"
    assert links_in(staff.get(body["next"])) == links[4:]
    assert links_in(staff.get(LIST, {"page": "last", "page_size": 2})) == links[4:]
    for page in ("4", "0", "x"):
        answer = staff.get(LIST, {"page": page, "page_size": 2})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_enrollment_is_never_changed(as_user: Any, customer: EnterpriseCustomer, method: str) -> None:
    row = enrolled(customer)
    root = as_user(UserFactory(superuser=True, staff=True))
    for path in (LIST, f"{LIST}{row.pk}/"):
        answer = getattr(root, method)(path, {})
        assert answer.status_code == 405
        assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}
        assert getattr(as_user(row.enterprise_customer_user.user_fk), method)(path, {}).status_code == 403


def test_the_list_is_throttled_in_the_callers_bucket(as_user: Any, settings: Any) -> None:
    settings.USER_RATE = "1/minute"
    client = as_user(UserFactory())
    assert client.get(LIST).status_code == 200
    assert client.get(LIST).status_code == 429
    assert client.post(LIST, {}).status_code == 403


# --- Cost -----------------------------------------------------------------------------------------------------------


def statements(client: APIClient, query: dict[str, Any] | None = None) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(LIST, query or {}).status_code == 200
    return len(captured)


def many(customer: EnterpriseCustomer, number: int) -> None:
    before = EnterpriseCourseEnrollment.objects.count()
    for place in range(before, before + number):
        row = enrolled(customer, run=f"course-v1:Acme+C{place}+T1")
        CourseRunFactory(id=row.course_id, course=None)
        CourseEnrollmentFactory(user=row.enterprise_customer_user.user_fk, course_id=row.course_id)


def test_a_page_costs_a_fixed_number_of_statements(as_user: Any, customer: EnterpriseCustomer) -> None:
    boss, staff = as_user(customer_admin(customer)), as_user(UserFactory(staff=True))
    many(customer, 2)
    # the account, the caller's links, ids of the page, its rows; a page that is not full counts itself
    assert (statements(boss), statements(staff)) == (4, 3)
    many(customer, 15)
    assert (statements(boss), statements(staff)) == (6, 5)  # and the count: all, less those of unlinked learners
    assert (statements(boss, {"page_size": 17}), statements(boss, {"page_size": 100})) == (6, 4)
    learner = EnterpriseCourseEnrollment.objects.order_by("id")[0].enterprise_customer_user.user_fk
    assert statements(as_user(learner)) == 5  # feature roles in the database, which the JWT does not tell
    assert statements(as_user(UserFactory())) == 2


def test_the_count_of_a_long_list_is_kept_until_something_changes(
    as_user: Any, customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_lists, "LONG", 12)
    boss = as_user(customer_admin(customer))
    many(customer, 12)
    rows = EnterpriseCourseEnrollment.objects.order_by("id")
    count = lambda: boss.get(LIST).json()["count"]  # noqa: E731
    assert [count() for _ in range(3)] == [12, 12, 12]
    assert statements(boss) == 5  # what is newest in the history, instead of two counts
    one_more = enrolled(customer)
    assert count() == 13
    link = one_more.enterprise_customer_user
    link.linked = False
    link.save()
    assert count() == 12
    link.linked = True
    link.save()
    assert count() == 13
    assert as_user(UserFactory(superuser=True)).delete(f"{LIST}{one_more.pk}/").status_code == 404
    rows[0].delete()
    assert count() == 12


def test_a_far_page_is_read_from_the_end(
    as_user: Any, customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.db.reads.EitherEnd.NEAR", 2)
    boss = as_user(customer_admin(customer))
    links = [enrolled(customer).enterprise_customer_user_id for _ in range(11)]
    for size in (1, 2, 3, 4):
        walked = []
        for page in range(1, -(-11 // size) + 1):
            walked += links_in(boss.get(LIST, {"page": page, "page_size": size}))
        assert walked == links
        backwards = {"page": "last", "page_size": size, "ordering": "-enterprise_customer_user"}
        assert links_in(boss.get(LIST, backwards))[-1] == min(links)


def test_the_list_reads_from_the_replica(
    staff: APIClient, customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("enterprise.views.course_enrollments.read_alias", lambda: asked.append(1) or "default")
    assert staff.get(LIST).status_code == 200
    assert asked
