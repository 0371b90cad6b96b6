"""GET /api/entitlements/v1/entitlements/ and {uuid}/ (contract: support, 4.1)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from support.models import CourseEntitlement
from tests.factories import (
    CourseEntitlementFactory,
    EntitlementDetailFactory,
    EntitlementPolicyFactory,
    GeneratedCertificateFactory,
    UserFactory,
)
from tests.support.agents import ANONYMOUS, agent
from tests.support.entitlements import URL, one
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db
NOBODYS = "00000000-0000-4000-8000-000000000001"


def uuids(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["uuid"] for row in answer.json()["results"]]


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [URL, f"{URL}{NOBODYS}/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_whoever_is_not_signed_in_is_refused(client, path, method):
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)


def test_the_session_of_an_inactive_account_counts_as_nobody(by_session):
    assert by_session(UserFactory(staff=True, is_active=False)).get(URL).status_code == 401


def test_the_token_of_an_inactive_account_counts(as_user, mira):
    staff = UserFactory(staff=True, is_active=False)
    found = CourseEntitlementFactory(user=mira)
    assert uuids(as_user(staff).get(URL, {"user": "mira"})) == [str(found.uuid)]


def test_a_session_counts(by_session, mira):
    found = CourseEntitlementFactory(user=mira)
    assert uuids(by_session(mira).get(URL)) == [str(found.uuid)]


def test_a_learner_reads_their_own_alone(as_user, mira):
    own = CourseEntitlementFactory(user=mira)
    others = CourseEntitlementFactory()
    client = as_user(mira)
    assert uuids(client.get(URL)) == [str(own.uuid)]
    assert uuids(client.get(URL, {"user": others.user.username})) == []
    assert client.get(one(own)).status_code == 200
    assert client.get(one(others)).status_code == 404


@pytest.mark.parametrize("caller", [agent, lambda: UserFactory(staff=True)], ids=["support role", "staff"])
def test_who_supports_learners_reads_those_of_everybody_they_name(as_user, mira, caller):
    found = CourseEntitlementFactory(user=mira)
    account = caller()
    own = CourseEntitlementFactory(user=account)
    client = as_user(account)
    assert uuids(client.get(URL, {"user": "mira"})) == [str(found.uuid)]
    assert client.get(one(found)).json()["user"] == "mira"
    assert uuids(client.get(URL)) == [str(own.uuid)]


def test_a_superuser_alone_reads_their_own(as_user, mira):
    CourseEntitlementFactory(user=mira)
    assert uuids(as_user(UserFactory(superuser=True)).get(URL, {"user": "mira"})) == []


# --- What is shown ----------------------------------------------------------------------------------------------------


def test_an_entitlement_is_shown_with_what_agents_did(desk, sue, mira):
    moment = datetime(2031, 2, 1, 9, 30, 0, 123456, tzinfo=UTC)
    found = CourseEntitlementFactory(user=mira, created=moment, modified=moment)
    for day, action in ((1, "create"), (3, "reissue"), (2, "expire")):
        EntitlementDetailFactory(
            entitlement=found, support_user=sue, action=action, created=moment.replace(day=day), comments=None
        )
    (row,) = desk.get(URL, {"user": "mira"}).json()["results"]
    details = row.pop("support_details")
    assert row == {
        "user": "mira",
        "uuid": str(found.uuid),
        "course_uuid": str(found.course_uuid),
        "expired_at": None,
        "created": "2031-02-01T09:30:00.123456Z",
        "modified": "2031-02-01T09:30:00.123456Z",
        "mode": "verified",
        "refund_locked": False,
        "order_number": None,
    }
    assert [detail["action"] for detail in details] == ["reissue", "expire", "create"]
    assert details[0] == {
        "support_user": "sue",
        "action": "reissue",
        "comments": None,
        "unenrolled_run": None,
        "created": "2031-02-03T09:30:00.123456Z",
    }
    assert desk.get(one(found)).json() == {**row, "support_details": details}


def test_the_run_is_shown_once_an_enrollment_uses_the_entitlement(desk, mira):
    run = run_with("verified")
    used = CourseEntitlementFactory(user=mira, enrollment_course_run=enrolled(run, mira))
    assert desk.get(one(used)).json()["enrollment_course_run"] == run.pk


def test_a_list_costs_the_same_whatever_its_length(desk, mira, django_assert_num_queries):
    def more():
        for run in (run_with("verified") for _ in range(3)):
            row = CourseEntitlementFactory(user=mira, enrollment_course_run=enrolled(run, mira))
            EntitlementDetailFactory(entitlement=row)

    more()
    # Caller, role, rows, details.
    with django_assert_num_queries(4):
        assert len(uuids(desk.get(URL, {"user": "mira"}))) == 3
    more()
    with django_assert_num_queries(4):
        assert len(uuids(desk.get(URL, {"user": "mira"}))) == 6


def test_an_owners_list_costs_the_same_however_many_expire(as_user, mira, django_assert_num_queries):
    client = as_user(mira)
    for number in (2, 5):
        for run in (run_with("verified") for _ in range(number)):
            CourseEntitlementFactory(user=mira, created=ago(900), enrollment_course_run=enrolled(run, mira))
        # Caller, role, open ones, starts, certificates, savepoint and its end, update, history, rows, details.
        with django_assert_num_queries(11):
            client.get(URL)


def test_the_pages_have_seven_keys_and_fifty_rows(desk, mira):
    CourseEntitlement.objects.bulk_create(
        CourseEntitlement(user=mira, course_uuid=uuid.uuid4(), mode="verified") for _ in range(52)
    )
    first = desk.get(URL, {"user": "mira"}).json()
    assert list(first) == ["next", "previous", "count", "num_pages", "current_page", "start", "results"]
    assert (first["count"], first["num_pages"], first["current_page"], first["start"]) == (52, 2, 1, 0)
    assert (len(first["results"]), first["previous"]) == (50, None)
    second = desk.get(first["next"]).json()
    assert (second["current_page"], second["start"], len(second["results"]), second["next"]) == (2, 50, 2, None)
    assert len(desk.get(URL, {"user": "mira", "page_size": 3}).json()["results"]) == 3
    assert len(desk.get(URL, {"user": "mira", "page_size": 1000}).json()["results"]) == 52
    assert desk.get(URL, {"user": "mira", "page": 9}).status_code == 404


def test_a_page_has_a_hundred_rows_at_most(desk, mira):
    CourseEntitlement.objects.bulk_create(
        CourseEntitlement(user=mira, course_uuid=uuid.uuid4(), mode="verified") for _ in range(101)
    )
    assert len(desk.get(URL, {"user": "mira", "page_size": 1000}).json()["results"]) == 100


# --- Filters ----------------------------------------------------------------------------------------------------------


def test_the_list_is_narrowed_by_uuids_courses_and_expiry(desk, mira):
    first, second, third = (CourseEntitlementFactory(user=mira) for _ in range(3))
    third.expired_at = timezone.now()
    third.save()
    CourseEntitlementFactory(course_uuid=first.course_uuid)

    def found(**query):
        return uuids(desk.get(URL, {"user": "mira", **query}))

    assert found(uuid=f"{first.uuid},{third.uuid}") == [str(first.uuid), str(third.uuid)]
    assert found(course_uuid=f"{second.course_uuid}, {uuid.uuid4()}") == [str(second.uuid)]
    assert found(course_uuid=first.course_uuid) == [str(first.uuid)]
    assert found(expired_at__isnull="True") == [str(first.uuid), str(second.uuid)]
    assert found(expired_at__isnull="False") == [str(third.uuid)]
    assert found(expired_at__isnull="False", uuid=first.uuid) == []


@pytest.mark.parametrize("name", ["Mira", "mira ", "nobody", "m" * 10_000])
def test_a_user_is_named_exactly(desk, mira, name):
    CourseEntitlementFactory(user=mira)
    assert uuids(desk.get(URL, {"user": name})) == []


@pytest.mark.parametrize("parameter", ["uuid", "course_uuid"])
def test_what_is_no_uuid_is_refused(desk, parameter):
    answer = desk.get(URL, {"user": "mira", parameter: f"{uuid.uuid4()},x"})
    assert (answer.status_code, answer.json()) == (400, {parameter: ["“x” is not a valid UUID."]})


@pytest.mark.parametrize("text", ["abc", "1234-", NOBODYS])
def test_an_unknown_uuid_is_not_found(desk, text):
    assert desk.get(f"{URL}{text}/").status_code == 404


def test_what_is_not_there_is_told_as_a_detail_and_to_the_browser_app_as_a_text(desk, mira):
    nothing = f"{URL}{uuid.uuid4()}/"
    for answer in (desk.get(nothing), desk.delete(nothing)):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    beyond = {"user": "mira", "page": 9}
    assert desk.get(URL, beyond).json() == {"detail": "Invalid page."}
    for path, asked, text in ((nothing, {}, "Not found."), (URL, beyond, "Invalid page.")):
        answer = desk.get(path, asked, headers={"USE-JWT-COOKIE": "true"})
        assert (answer.status_code, answer.json()) == (404, text)


def test_the_path_takes_lower_case_and_a_slash(desk, mira):
    found = CourseEntitlementFactory(user=mira, uuid=uuid.UUID("3a0bffff-0000-4000-8000-000000000001"))
    assert desk.get(one(found)).status_code == 200
    assert desk.get(one(found).upper().replace(URL.upper(), URL)).status_code == 404


# --- What expires by being read ---------------------------------------------------------------------------------------


def is_marked(entitlement) -> bool:
    entitlement.refresh_from_db()
    return entitlement.expired_at is not None


def test_the_owners_list_expires_what_is_over_and_the_list_of_an_agent_does_not(desk, as_user, mira):
    over = CourseEntitlementFactory(user=mira, created=ago(731))
    others = CourseEntitlementFactory(created=ago(731))
    assert desk.get(URL, {"user": "mira"}).json()["results"][0]["expired_at"] is None
    assert not is_marked(over)
    assert as_user(mira).get(URL).json()["results"][0]["expired_at"] is not None
    assert is_marked(over)
    assert not is_marked(others)
    assert over.history.first().history_type == "~"


def test_an_agents_own_list_expires_nothing(desk, sue):
    over = CourseEntitlementFactory(user=sue, created=ago(731))
    assert uuids(desk.get(URL)) == [str(over.uuid)]
    assert not is_marked(over)


def test_the_owner_who_asks_for_open_ones_gets_none_that_is_over(as_user, mira):
    CourseEntitlementFactory(user=mira, created=ago(731))
    still = CourseEntitlementFactory(user=mira)
    assert uuids(as_user(mira).get(URL, {"expired_at__isnull": "True"})) == [str(still.uuid)]


def test_whoever_reads_one_alone_expires_it(desk, mira):
    over = CourseEntitlementFactory(user=mira, created=ago(731))
    shown = desk.get(one(over)).json()
    assert is_marked(over)
    assert shown["expired_at"] == f"{over.expired_at.replace(tzinfo=None).isoformat()}Z"


def test_one_that_has_expired_keeps_its_moment(desk, mira):
    before = datetime(2030, 1, 1, tzinfo=UTC)
    found = CourseEntitlementFactory(user=mira, created=ago(731), expired_at=before)
    assert desk.get(one(found)).json()["expired_at"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(("age", "over"), [(729.5, False), (730.5, True)])
def test_an_unused_one_lasts_730_days(desk, age, over):
    found = CourseEntitlementFactory(created=ago(age))
    desk.get(one(found))
    assert is_marked(found) is over


def test_the_policy_says_how_long_one_lasts(desk):
    found = CourseEntitlementFactory(
        created=ago(10), policy=EntitlementPolicyFactory(expiration_period=ago(0) - ago(5))
    )
    desk.get(one(found))
    assert is_marked(found)


@pytest.mark.parametrize(
    ("started", "enrolled_since", "made", "over"),
    [(30, 20, 40, True), (30, 13, 40, False), (13, 20, 40, False), (30, 20, 13, False), (None, 20, 40, True)],
)
def test_a_used_one_is_over_when_start_enrollment_and_creation_are_all_over_14_days_ago(
    desk, started, enrolled_since, made, over
):
    run = run_with("verified", start=None if started is None else ago(started))
    enrollment = enrolled(run, mode="verified", created=ago(enrolled_since))
    found = CourseEntitlementFactory(user=enrollment.user, created=ago(made), enrollment_course_run=enrollment)
    desk.get(one(found))
    assert is_marked(found) is over


@pytest.mark.parametrize(("status", "over"), [("downloadable", True), ("unavailable", True), ("notpassing", False)])
def test_a_used_one_is_over_once_there_is_a_certificate(desk, status, over):
    run = run_with("verified")
    enrollment = enrolled(run, mode="verified")
    found = CourseEntitlementFactory(user=enrollment.user, enrollment_course_run=enrollment)
    GeneratedCertificateFactory(course_id=run.pk, status="downloadable")  # another learner's
    GeneratedCertificateFactory(user=enrollment.user, course_id=run.pk, status=status)
    desk.get(one(found))
    assert is_marked(found) is over


def test_an_entitlement_outlives_its_enrollment_and_is_unused_again(desk, mira):
    enrollment = enrolled(run_with("verified"), mira)
    found = CourseEntitlementFactory(user=mira, enrollment_course_run=enrollment)
    enrollment.delete()
    assert "enrollment_course_run" not in desk.get(one(found)).json()
