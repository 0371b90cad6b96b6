"""`course_enrollments/` of a customer: single enrollment, one outcome per item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from enrollments.models import Cohort, CohortMembership, CourseEnrollment, CourseOverview, User, UserSocialAuth
from enterprise.models import (
    BulkJob,
    DataSharingConsent,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerUser,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
)
from enterprise.signals import learner_credit_revoked
from tests.factories import (
    CatalogFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerCreditFactory,
    LearnerFactory,
    LicenseFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

RUN = "course-v1:Acme+Sail+T1"
KNOT = "course-v1:Acme+Knot+T1"
SUCCESS = {"detail": "success"}
NOBODY = {
    "non_field_errors": [
        "At least one of the following fields must be specified and map to an EnterpriseCustomerUser: "
        "lms_user_id, tpa_user_id, user_email"
    ]
}
REQUIRED = ["This field is required."]


@pytest.fixture
def customer() -> EnterpriseCustomer:
    made = EnterpriseCustomerFactory(slug="acme", name="Acme")
    CatalogFactory(
        enterprise_customer=made,
        content_filter={
            "key": [RUN, KNOT, "course-v1:Acme+Ghost+T1", "course-v1:Acme+Shut+T1", "course-v1:Acme+Cap+T1"]
        },
    )
    return made


@pytest.fixture
def run() -> CourseOverview:
    return CourseRunFactory(id=RUN, modes=["audit", "verified", "professional"])


@pytest.fixture
def mia(customer: EnterpriseCustomer) -> User:
    user = UserFactory(username="mia", email="Mia@acme.test")
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


@pytest.fixture
def boss(as_user: Any, customer: EnterpriseCustomer) -> APIClient:
    return as_user(customer_admin(customer, username="boss"))


@pytest.fixture
def post(customer: EnterpriseCustomer, boss: APIClient, django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Sends items and gives their results."""

    def send(*items: Any, client: APIClient = boss) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(path_of(customer), list(items), format="json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return send


def path_of(customer: EnterpriseCustomer) -> str:
    return f"/enterprise/api/v1/enterprise-customer/{customer.pk}/course_enrollments/"


def item(user: User | None = None, mode: str = "verified", run: str = RUN, **fields: Any) -> dict[str, Any]:
    who = {"lms_user_id": user.pk} if user else {}
    return {**who, "course_run_id": run, "course_mode": mode, **fields}


def plain(user: User, run: str = RUN) -> tuple[str, bool] | None:
    return CourseEnrollment.objects.filter(user=user, course_id=run).values_list("mode", "is_active").first()


def enterprise(user: User, run: str = RUN) -> Any:
    rows = EnterpriseCourseEnrollment.all_objects.filter(enterprise_customer_user__user_id=user.pk, course_id=run)
    return rows.first()


# --- Who may, and what a body must be -------------------------------------------------------------------------------


def test_only_those_who_may_enroll_for_a_customer_they_see(
    client: APIClient, as_user: Any, customer: EnterpriseCustomer, mia: User, run: CourseOverview
) -> None:
    missing = {"detail": "Missing: enterprise.can_enroll_learners"}
    unseen = {"detail": "No EnterpriseCustomer matches the given query."}
    assert client.post(path_of(customer), {}).status_code == 401
    provisioning, unlinked = UserFactory(), UserFactory()
    RoleAssignmentFactory(user=provisioning, role="enterprise_provisioning_admin")
    RoleAssignmentFactory(user=unlinked, enterprise_customer=customer)
    linked_operator = operator()
    LearnerFactory(enterprise_customer=customer, user=linked_operator, active=False)
    for user, status, body in (
        (UserFactory(), 403, missing),
        (mia, 403, missing),
        (customer_admin(EnterpriseCustomerFactory()), 403, missing),
        (UserFactory(staff=True), 403, missing),
        (provisioning, 403, missing),
        (unlinked, 404, unseen),
        (operator(), 404, unseen),
        (UserFactory(superuser=True, staff=True), 200, []),
        (linked_operator, 200, []),
        (customer_admin(customer), 200, []),
    ):
        answer = as_user(user).post(path_of(customer), [], format="json")
        assert (answer.status_code, answer.json()) == (status, body)
        if status != 200:
            assert as_user(user).post(path_of(customer), {}).status_code == status
    assert as_user(customer_admin(customer)).get(path_of(customer)).status_code == 405


@pytest.mark.parametrize(("body", "kind"), [({}, "dict"), ("x", "str"), (7, "int"), (True, "bool"), (item(), "dict")])
def test_a_body_that_is_no_list_is_refused(boss: APIClient, customer: EnterpriseCustomer, body: Any, kind: str) -> None:
    answer = boss.post(path_of(customer), body, format="json")
    assert answer.status_code == 400
    assert answer.json() == {"non_field_errors": [f'Expected a list of items but got type "{kind}".']}
    assert boss.post(path_of(customer), {"a": "b"}, format="multipart").status_code == 400
    assert boss.post(path_of(customer), b"[", content_type="application/json").status_code == 400


def test_a_list_that_is_too_long_is_refused(boss: APIClient, customer: EnterpriseCustomer, settings: Any) -> None:
    settings.SINGLE_ENROLLMENT_MAX_ITEMS = 2
    assert boss.post(path_of(customer), [{}] * 2, format="json").status_code == 200
    answer = boss.post(path_of(customer), [{}] * 3, format="json")
    assert (answer.status_code, answer.json()) == (
        400,
        {"non_field_errors": ["Ensure this field has no more than 2 elements."]},
    )


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({}, {"course_mode": REQUIRED, "course_run_id": REQUIRED}),
        (item(mode="honor"), {"course_mode": ['"honor" is not a valid choice.']}),
        (item(run="course-v1:A+B+C"), {
            "course_run_id": ["The course run id course-v1:A+B+C is not in the catalog for Enterprise Customer Acme"]}),
        ({"course_run_id": "x" * 300}, {
            "course_mode": REQUIRED,
            "course_run_id": [f"The course run id {'x' * 300} is not in the catalog for Enterprise Customer Acme"]}),
        (item(), NOBODY),
        (item(lms_user_id="x"), NOBODY),
        (item(lms_user_id=2**70), NOBODY),
        (item(lms_user_id=1.5, tpa_user_id="t"), NOBODY),
        (item(user_email="no-address"), {"user_email": ["Enter a valid email address."]}),
        (item(lms_user_id=None, cohort="", is_active="maybe", email_students=[]), {
            "lms_user_id": ["This field may not be null."], "cohort": ["This field may not be blank."],
            "is_active": ["Must be a valid boolean."], "email_students": ["Must be a valid boolean."]}),
        (item(lms_user_id=True), {"lms_user_id": ["Not a valid string."]}),
        (item(lms_user_id=[1]), {"lms_user_id": ["Not a valid string."]}),
        ("mia", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
        (None, {"non_field_errors": ["This field may not be null."]}),
    ],
)  # fmt: skip
def test_an_item_that_will_not_do_has_its_errors_and_the_others_are_carried_out(
    post: Any, mia: User, run: CourseOverview, sent: Any, errors: dict[str, list[str]]
) -> None:
    assert post(sent, item(mia)) == [errors, SUCCESS]
    assert plain(mia) == ("verified", True)


# --- Who is meant ---------------------------------------------------------------------------------------------------


def test_a_learner_is_found_by_id_sso_identity_or_exact_address(
    post: Any, mia: User, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    EnterpriseCustomerIdentityProvider.objects.create(enterprise_customer=customer, provider_id="saml-acme")
    people = [UserFactory() for _ in range(3)]
    for user in people:
        LearnerFactory(enterprise_customer=customer, user=user)
    UserSocialAuth.objects.create(user=people[0], provider="tpa-saml", uid="acme:K-7")
    UserSocialAuth.objects.create(user=mia, provider="tpa-saml", uid="other:K-8")
    stranger = UserFactory()
    assert post(
        item(tpa_user_id="K-7"),
        item(tpa_user_id="K-8"),
        item(user_email=people[1].email),
        item(lms_user_id=str(people[2].pk), user_email=people[1].email, mode="audit"),
        item(lms_user_id=stranger.pk, tpa_user_id="K-7", run=KNOT, mode="audit"),
    ) == [SUCCESS, NOBODY, SUCCESS, SUCCESS, {"detail": f"No course '{KNOT}' found for enrollment"}]
    assert [plain(user) for user in people] == [("verified", True), ("verified", True), ("audit", True)]
    assert plain(mia) is None
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_who_is_not_linked_to_this_customer_waits_even_with_an_account(
    post: Any, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    elsewhere, gone = UserFactory(email="else@acme.test"), UserFactory(email="gone@acme.test")
    LearnerFactory(user=elsewhere)
    LearnerFactory(enterprise_customer=customer, user=gone, linked=False, active=False)
    assert post(item(elsewhere), item(gone), item(user_email="else@acme.test"), item(gone, user_email=gone.email)) == [
        NOBODY,
        NOBODY,
        SUCCESS,
        SUCCESS,
    ]
    assert plain(elsewhere) is None
    assert plain(gone) is None
    waiting = PendingEnrollment.objects.values_list(
        "user__user_email", "user__enterprise_customer__slug", "course_mode"
    )
    assert set(waiting) == {("else@acme.test", "acme", "verified"), ("gone@acme.test", "acme", "verified")}
    assert EnterpriseCustomerUser.objects.count() == 2  # the boss, and the one elsewhere


def test_an_address_in_another_case_is_nobodys_and_waits(post: Any, mia: User, run: CourseOverview) -> None:
    assert post(item(user_email="mia@acme.test")) == [SUCCESS]
    assert plain(mia) is None
    assert PendingEnrollment.objects.get().user.user_email == "mia@acme.test"


# --- Enrolling ------------------------------------------------------------------------------------------------------


def test_a_new_enrollment_is_made_with_its_enterprise_enrollment_and_no_consent(
    post: Any, mia: User, run: CourseOverview
) -> None:
    assert post(item(mia)) == [SUCCESS]
    assert plain(mia) == ("verified", True)
    made = enterprise(mia)
    assert (made.source.slug, made.unenrolled, made.saved_for_later) == ("enterprise_api", None, False)
    assert not LicensedEnterpriseCourseEnrollment.objects.exists()
    assert not DataSharingConsent.objects.exists()
    assert CourseEnrollment.history.get().history_user.username == "boss"
    assert post(item(mia)) == [SUCCESS]
    assert (CourseEnrollment.history.count(), EnterpriseCourseEnrollment.history.count()) == (1, 1)


@pytest.mark.parametrize("current", ["verified", "professional"])
@pytest.mark.parametrize("asked", ["audit"])
def test_who_is_in_a_paid_mode_is_not_moved_to_a_free_one(
    post: Any, mia: User, run: CourseOverview, current: str, asked: str
) -> None:
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode=current)
    text = f"The user is already enrolled in the course {RUN} in {current} mode and cannot be enrolled in {asked} mode"
    assert post(item(mia, asked, cohort="blue")) == [{"detail": text}]
    assert plain(mia) == (current, True)
    assert enterprise(mia) is None


@pytest.mark.parametrize(
    ("current", "asked"), [("verified", "professional"), ("audit", "audit"), ("no-id-professional", "verified")]
)
def test_who_is_in_already_and_asks_for_no_upgrade_stays_without_an_enterprise_enrollment(
    post: Any, mia: User, run: CourseOverview, current: str, asked: str
) -> None:
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode=current)
    assert post(item(mia, asked, cohort="blue")) == [SUCCESS]
    assert plain(mia) == (current, True)
    assert enterprise(mia) is None


def test_an_upgrade_and_a_return_change_the_enrollment_and_clear_the_flags(
    post: Any, mia: User, run: CourseOverview, customer: EnterpriseCustomer
) -> None:
    leo = UserFactory(username="leo")
    link = LearnerFactory(enterprise_customer=customer, user=leo)
    other = LearnerFactory(user=leo, active=False)
    for each in (link, other):
        EnterpriseCourseEnrollmentFactory(
            enterprise_customer_user=each, course_id=RUN, unenrolled=True, saved_for_later=True
        )
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode="audit")
    CourseEnrollmentFactory(user=leo, course_id=RUN, mode="verified", is_active=False)
    assert post(item(mia), item(leo, "audit")) == [SUCCESS, SUCCESS]
    assert (plain(mia), plain(leo)) == (("verified", True), ("audit", True))
    assert enterprise(mia) is not None
    flags = EnterpriseCourseEnrollment.objects.filter(enterprise_customer_user__user_id=leo.pk)
    assert set(flags.values_list("unenrolled", "saved_for_later")) == {(False, False)}
    assert EnterpriseCourseEnrollment.history.filter(id=flags[0].pk, history_type="~").count() == 1


def test_a_refusal_of_the_enrollment_layer_is_the_items_answer(
    post: Any, mia: User, run: CourseOverview, customer: EnterpriseCustomer
) -> None:
    CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True, modes=["audit"])
    CourseRunFactory(id="course-v1:Acme+Cap+T1", max_student_enrollments_allowed=1, modes=["audit"])
    CourseRunFactory(id=KNOT, modes=["audit"])
    CourseModeFactory(course_id=KNOT, mode_slug="verified", expired=True)
    leo = UserFactory(username="leo")
    LearnerFactory(enterprise_customer=customer, user=leo)
    generic = "An error occurred while creating the new course enrollment for user '{}' in course '{}'"
    assert post(
        item(mia, run="course-v1:Acme+Ghost+T1"),
        item(mia, "audit", run="course-v1:Acme+Shut+T1"),
        item(mia, "audit", run="course-v1:Acme+Cap+T1"),
        item(leo, "audit", run="course-v1:Acme+Cap+T1"),
        item(mia, run=KNOT),
        item(leo),
    ) == [
        {"detail": "No course 'course-v1:Acme+Ghost+T1' found for enrollment"},
        {"detail": generic.format("mia", "course-v1:Acme+Shut+T1")},
        SUCCESS,
        {"detail": generic.format("leo", "course-v1:Acme+Cap+T1")},
        {"detail": f"The [verified] course mode is expired or otherwise unavailable for course run [{KNOT}]."},
        SUCCESS,
    ]
    assert EnterpriseCourseEnrollment.objects.count() == 2


def test_a_learner_who_was_in_comes_back_into_a_closed_run(post: Any, mia: User, customer: EnterpriseCustomer) -> None:
    CourseRunFactory(id="course-v1:Acme+Shut+T1", closed=True, modes=["audit"])
    CourseEnrollmentFactory(user=mia, course_id="course-v1:Acme+Shut+T1", is_active=False)
    assert post(item(mia, "audit", run="course-v1:Acme+Shut+T1")) == [SUCCESS]
    assert plain(mia, "course-v1:Acme+Shut+T1") == ("audit", True)


def test_items_see_what_items_before_them_did(post: Any, mia: User, run: CourseOverview) -> None:
    downgrade = (
        f"The user is already enrolled in the course {RUN} in verified mode and cannot be enrolled in audit mode"
    )
    assert post(item(mia, "audit"), item(mia), item(mia, "audit"), item(mia, is_active=False), item(mia, "audit")) == [
        SUCCESS,
        SUCCESS,
        {"detail": downgrade},
        SUCCESS,
        SUCCESS,
    ]
    assert plain(mia) == ("audit", True)
    assert enterprise(mia) is not None


def test_a_seat_that_one_item_frees_is_there_for_the_next_and_not_for_the_one_before(
    post: Any, mia: User, customer: EnterpriseCustomer
) -> None:
    cap = "course-v1:Acme+Cap+T1"
    CourseRunFactory(id=cap, max_student_enrollments_allowed=1, modes=["audit"])
    CourseEnrollmentFactory(user=mia, course_id=cap)
    leo = UserFactory(username="leo")
    LearnerFactory(enterprise_customer=customer, user=leo)
    results = post(
        item(leo, "audit", run=cap), item(mia, "audit", run=cap, is_active=False), item(leo, "audit", run=cap)
    )
    assert [result == SUCCESS for result in results] == [False, True, True]


# --- Cohorts --------------------------------------------------------------------------------------------------------


def test_a_cohort_needs_auto_cohorting(post: Any, mia: User, run: CourseOverview) -> None:
    assert post(item(mia, cohort="blue")) == [{"detail": "Auto-cohorting is not enabled for this enterprise"}]
    assert plain(mia) is None
    assert enterprise(mia) is None


def test_with_auto_cohorting_learners_join_the_cohort_or_hear_that_there_is_none(
    post: Any, mia: User, run: CourseOverview, customer: EnterpriseCustomer
) -> None:
    customer.enable_autocohorting = True
    customer.save()
    leo = UserFactory()
    LearnerFactory(enterprise_customer=customer, user=leo)
    Cohort.objects.create(course_id=RUN, name="blue")
    assert post(item(mia, cohort="blue"), item(leo, cohort="red")) == [
        SUCCESS,
        {"detail": "An error occured while adding to cohort [red]"},
    ]
    assert CohortMembership.objects.get().user == mia
    assert enterprise(mia).source.slug == "enterprise_api"
    assert plain(leo) == ("verified", True)
    # Not from here: the task that follows every new enrollment of a learner who acts for a customer made it.
    assert enterprise(leo).source.slug == "enrollment_task"


# --- Unenrolling ----------------------------------------------------------------------------------------------------


def test_unenrolling_deactivates_and_deletes_what_the_customer_had(
    post: Any, mia: User, run: CourseOverview, customer: EnterpriseCustomer
) -> None:
    link = EnterpriseCustomerUser.objects.get(user_id=mia.pk)
    row = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=RUN)
    LicenseFactory(enterprise_course_enrollment=row)
    credit = LearnerCreditFactory(enterprise_course_enrollment=row)
    other = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=LearnerFactory(user=mia, active=False), course_id=RUN
    )
    theirs = LicenseFactory(enterprise_course_enrollment=other)
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode="verified")
    told: list[Any] = []
    receiver = lambda revocations, **kwargs: told.extend(revocations)  # noqa: E731
    learner_credit_revoked.connect(receiver)
    try:
        assert post(item(mia, "audit", is_active=False)) == [SUCCESS]
    finally:
        learner_credit_revoked.disconnect(receiver)
    assert plain(mia) == ("verified", False)
    assert [each.pk for each in EnterpriseCourseEnrollment.all_objects.all()] == [other.pk]
    assert not LearnerCreditEnterpriseCourseEnrollment.objects.exists()
    assert [(each["uuid"], each["is_revoked"]) for each in told] == [(str(credit.uuid), True)]
    other.refresh_from_db()
    theirs.refresh_from_db()
    assert (other.unenrolled, theirs.is_revoked) == (True, True)


def test_unenrolling_who_is_not_active_changes_nothing(post: Any, mia: User, run: CourseOverview) -> None:
    link = EnterpriseCustomerUser.objects.get(user_id=mia.pk)
    EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=RUN)
    assert post(item(mia, is_active=False)) == [SUCCESS]
    CourseEnrollmentFactory(user=mia, course_id=RUN, is_active=False)
    assert post(item(mia, is_active=False)) == [SUCCESS]
    assert enterprise(mia) is not None


# --- Addresses that wait --------------------------------------------------------------------------------------------


def test_an_address_waits_with_mode_cohort_and_the_customers_discount(
    post: Any, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    customer.default_contract_discount = "12.5"
    customer.save()
    assert post(item(user_email="New@acme.test", cohort="blue")) == [SUCCESS]
    waiting = PendingEnrollment.objects.get()
    assert waiting.user.user_email == "New@acme.test"
    assert (waiting.course_mode, waiting.cohort_name, waiting.discount_percentage) == ("verified", "blue", 12.5)
    assert (waiting.source.slug, waiting.license_uuid, waiting.transaction_id) == ("enterprise_api", None, None)
    assert post(item(user_email="new@ACME.test", mode="audit"), item(user_email="new@ACME.test", mode="audit")) == [
        SUCCESS,
        SUCCESS,
    ]
    waiting = PendingEnrollment.objects.get()
    assert (waiting.course_mode, waiting.cohort_name) == ("audit", None)
    assert PendingEnterpriseCustomerUser.objects.count() == 1
    assert [change.history_type for change in PendingEnrollment.history.order_by("history_id")] == ["+", "~"]


def test_what_pays_for_a_waiting_enrollment_stays(post: Any, customer: EnterpriseCustomer, run: CourseOverview) -> None:
    license_uuid = "e0000000-0000-4000-8000-000000000001"
    learner = PendingLearnerFactory(enterprise_customer=customer, user_email="new@acme.test")
    PendingEnrollmentFactory(user=learner, course_id=RUN, course_mode="verified", license_uuid=license_uuid)
    assert post(item(user_email="new@acme.test", mode="audit")) == [SUCCESS]
    waiting = PendingEnrollment.objects.get()
    assert (waiting.course_mode, str(waiting.license_uuid)) == ("audit", license_uuid)


def test_clearing_a_waiting_enrollment_leaves_the_learner_waiting(
    post: Any, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    learner = PendingLearnerFactory(enterprise_customer=customer, user_email="New@acme.test")
    PendingEnrollmentFactory(user=learner, course_id=RUN)
    kept = PendingEnrollmentFactory(user=learner, course_id=KNOT)
    foreign = PendingEnrollmentFactory(user=PendingLearnerFactory(user_email="new@acme.test"), course_id=RUN)
    leave = {"is_active": False}
    assert post(item(user_email="new@acme.test", **leave), item(user_email="none@acme.test", **leave)) == [SUCCESS] * 2
    assert set(PendingEnrollment.objects.all()) == {kept, foreign}
    assert PendingEnterpriseCustomerUser.objects.count() == 2
    assert PendingEnrollment.history.filter(history_type="-").count() == 1


# --- Mail -----------------------------------------------------------------------------------------------------------


def test_students_hear_of_their_enrollment_once(post: Any, mia: User, run: CourseOverview) -> None:
    asked = [item(mia, email_students=True), item(user_email="new@acme.test", email_students="true")]
    post(*asked)
    assert sorted(each.to[0] for each in mail.outbox) == ["Mia@acme.test", "new@acme.test"]
    assert mail.outbox[0].subject == f"Your enrollment in {run.display_name}"
    post(*asked)
    post(item(mia, is_active=False, email_students=True), item(user_email="new@acme.test", is_active=False))
    assert len(mail.outbox) == 2
    post(item(mia, email_students=False))
    post(item(mia, "audit", email_students=True))
    assert len(mail.outbox) == 2


# --- Cost, and many at once -----------------------------------------------------------------------------------------


def test_the_statements_do_not_grow_with_the_items(
    customer: EnterpriseCustomer, boss: APIClient, run: CourseOverview
) -> None:
    def cost(number: int) -> int:
        items = []
        for place in range(number):
            user = UserFactory()
            LearnerFactory(enterprise_customer=customer, user=user)
            items.append(item(user))
            items.append(item(user_email=f"new{number}-{place}@acme.test"))
            leaver = UserFactory()
            LearnerFactory(enterprise_customer=customer, user=leaver)
            items.append(item(leaver, run=KNOT, is_active=False))
        with CaptureQueriesContext(connection) as captured:
            answer = boss.post(path_of(customer), items, format="json")
        assert answer.json() == [SUCCESS] * (3 * number)
        return len(captured)

    cost(1)
    assert cost(2) == cost(12) <= 80


def test_what_is_so_already_is_not_carried_out(
    post: Any, mia: User, run: CourseOverview, django_assert_max_num_queries: Any
) -> None:
    CourseEnrollmentFactory(user=mia, course_id=RUN, mode="verified")
    with django_assert_max_num_queries(9):
        assert post(item(mia), item(mia, "professional")) == [SUCCESS] * 2
    assert not BulkJob.objects.exists()
    post(item(mia), item(mia, is_active=False))
    assert plain(mia) == ("verified", False)
    assert BulkJob.objects.get().succeeded == 2


def test_the_request_leaves_a_finished_job_that_bulk_lists_do_not_show(
    post: Any, mia: User, run: CourseOverview, boss: APIClient, customer: EnterpriseCustomer
) -> None:
    post(item(mia))
    job = BulkJob.objects.get()
    assert (job.kind, job.state, job.done, job.succeeded) == ("single_enrollment", "finished", 1, 1)
    listed = boss.get(f"/enterprise/api/v1/enterprise-customer/{customer.pk}/bulk-jobs/")
    assert listed.json()["count"] == 0


def test_an_item_that_breaks_leaves_the_others(
    post: Any, mia: User, run: CourseOverview, customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from enterprise.bulk.single import SingleEnrollmentWork

    leo = UserFactory(username="leo")
    LearnerFactory(enterprise_customer=customer, user=leo)
    refusal = SingleEnrollmentWork._refusal

    def breaks(self: Any, row: Any, mode: Any) -> Any:
        if row.account_id == leo.pk:
            raise RuntimeError("broken")
        return refusal(self, row, mode)

    monkeypatch.setattr(SingleEnrollmentWork, "_refusal", breaks)
    broken = "An unexpected error kept this row from being carried out; it was logged."
    assert post(item(leo), item(mia)) == [{"detail": broken}, SUCCESS]
    assert (plain(leo), plain(mia)) == (None, ("verified", True))


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_the_same_request_many_times_at_once_enrolls_everybody_once(
    as_user: Any, customer: EnterpriseCustomer, run: CourseOverview
) -> None:
    people = [UserFactory() for _ in range(10)]
    for user in people:
        LearnerFactory(enterprise_customer=customer, user=user)
    items = [item(user) for user in people] + [item(user_email=f"new{place}@acme.test") for place in range(10)]
    client = as_user(customer_admin(customer))
    answers: list[Any] = []

    def send(order: list[Any]) -> None:
        answers.append(client.post(path_of(customer), order, format="json").json())

    assert not at_once(*[lambda: send(items), lambda: send(items[::-1])] * 3)
    assert answers == [[SUCCESS] * 20] * 6
    assert CourseEnrollment.objects.count() == CourseEnrollment.history.count() == 10
    assert EnterpriseCourseEnrollment.objects.count() == EnterpriseCourseEnrollment.history.count() == 10
    assert PendingEnrollment.objects.count() == PendingEnterpriseCustomerUser.objects.count() == 10
