"""Ending what a learner's license pays for (contract: enterprise-learners, license_revoke)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from enrollments.models import CourseMode, CourseOverview
from tests import factories
from tests.enterprise.subsidies import (
    CLEARED,
    FLAGGED,
    NEVER,
    RUN,
    callers,
    enrolled,
    flags,
    history,
    is_revoked,
    plain,
)

pytestmark = pytest.mark.django_db
PATH = "/enterprise/api/v1/licensed-enterprise-course-enrollment/license_revoke/"
BOTH_NEEDED = "user_id and enterprise_id must be provided."
NO_LINK = {"detail": "No EnterpriseCustomerUser matches the given query."}


@pytest.fixture
def link(customer):
    return factories.LearnerFactory(enterprise_customer=customer)


def run_with(*modes, **fields):
    return factories.CourseRunFactory(modes=list(modes), **fields)


def licensed(link, run, *, is_revoked=False, **fields):
    enrollment = enrolled(link.enterprise_customer, run, user=link.user_fk, link=link, **fields)
    return enrollment, factories.LicenseFactory(enterprise_course_enrollment=enrollment, is_revoked=is_revoked)


def revoke(client, link):
    return client.post(PATH, {"user_id": link.user_id, "enterprise_id": str(link.enterprise_customer_id)})


def message(text):
    return {"success": True, "message": text}


def test_each_run_ends_as_its_modes_allow_and_completed_ones_stay(boss, link):
    past = timezone.now() - timedelta(days=1)
    with_audit, without, ended, passed, saved = (
        run_with("audit", "verified"), run_with("verified"), run_with("verified", end=past), run_with("verified"),
        run_with("verified", end=past),
    )  # fmt: skip
    factories.GeneratedCertificateFactory(user=link.user_fk, course_id=passed.pk)
    audited, audited_license = licensed(link, with_audit)
    left, left_license = licensed(link, without)
    kept = [licensed(link, ended), licensed(link, passed)]
    later, later_license = licensed(link, saved, saved_for_later=True)

    answer = revoke(boss, link)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            with_audit.pk: message("moved to audit"),
            without.pk: message("unenrolled"),
            ended.pk: message("course already completed"),
            passed.pk: message("course already completed"),
            saved.pk: message("unenrolled"),
        },
    )
    assert (plain(audited), plain(left), plain(later)) == (("audit", True), ("verified", False), ("verified", False))
    assert flags(audited) == flags(left) == flags(later) == FLAGGED
    assert all(is_revoked(each) for each in (audited_license, left_license, later_license))
    for enrollment, paid_by in kept:
        assert (plain(enrollment), flags(enrollment), is_revoked(paid_by)) == (("verified", True), NEVER, False)
        assert history(enrollment) == history(paid_by) == "+"
    assert history(left_license) == "+~"


@pytest.mark.parametrize(
    ("certificate", "completed"),
    [
        ({"status": "downloadable"}, True),
        ({"status": "generating"}, True),
        ({"status": "notpassing"}, False),
        ({"status": "downloadable", "stored_is_passing": False}, False),
        ({"status": "notpassing", "stored_is_passing": True}, True),
    ],
)
def test_a_certificate_counts_when_it_is_a_passing_one(boss, link, certificate, completed):
    run = run_with("verified")
    licensed(link, run)
    factories.GeneratedCertificateFactory(user=link.user_fk, course_id=run.pk, **certificate)
    factories.GeneratedCertificateFactory(course_id=run.pk)

    text = "course already completed" if completed else "unenrolled"
    assert revoke(boss, link).json() == {run.pk: message(text)}


@pytest.mark.parametrize(
    ("modes", "expired", "text"),
    [
        ([], [], "moved to audit"),
        (["audit"], [], "moved to audit"),
        (["verified"], ["audit"], "unenrolled"),
        (["honor"], [], "unenrolled"),
        ([], ["verified"], "unenrolled"),
    ],
)
def test_a_run_has_audit_when_it_offers_it_now_or_has_no_modes_at_all(boss, link, modes, expired, text):
    run = run_with(*modes)
    for slug in expired:
        factories.CourseModeFactory(course_id=run.pk, mode_slug=slug, expired=True)
    licensed(link, run)

    assert revoke(boss, link).json() == {run.pk: message(text)}


def test_a_failure_leaves_its_license_alone_and_the_others_go_on(boss, link):
    with_audit, without, good = run_with("audit"), run_with("verified"), run_with("verified")
    username, uuid = link.user_fk.username, link.enterprise_customer_id
    failing = [licensed(link, run, mode=None) for run in (with_audit, without)]
    _, good_license = licensed(link, good)

    answer = revoke(boss, link)

    body = answer.json()
    assert answer.status_code == 422
    assert body[good.pk] == message("unenrolled")
    assert not body[with_audit.pk]["success"]
    assert not body[without.pk]["success"]
    assert body[with_audit.pk]["message"].startswith(
        f"Enrollment termination: unable to update LMS enrollment for User {username} and Enterprise {uuid} in Course "
        f"{with_audit.pk} to Course Mode audit because: "
    )
    assert body[without.pk]["message"].startswith(
        f"Enrollment termination: unable to unenroll User {username} in Enterprise {uuid} from Course {without.pk}  "
        "because: "
    )
    assert is_revoked(good_license)
    for enrollment, paid_by in failing:
        assert (flags(enrollment), is_revoked(paid_by)) == (NEVER, False)


def test_runs_that_do_not_exist_are_left_out(boss, link):
    gone, gone_license = licensed(link, RUN)

    answer = revoke(boss, link)

    assert (answer.status_code, answer.json()) == (200, {})
    assert (plain(gone), is_revoked(gone_license)) == (("verified", True), False)


def test_repeating_works_and_says_the_same(boss, link):
    with_audit, without = run_with("audit", "verified"), run_with("verified")
    audited, paid_by = licensed(link, with_audit)
    licensed(link, without)
    first = revoke(boss, link).json()
    CourseOverview.objects.update(end=timezone.now() - timedelta(days=1))  # saved for later: not completed

    again = revoke(boss, link)

    assert (again.status_code, again.json()) == (200, first)
    assert flags(audited) == FLAGGED
    assert history(paid_by) == "+~"


def test_licenses_that_were_revoked_before_are_gone_through_too(boss, link):
    run = run_with("audit", "verified")
    enrollment, paid_by = licensed(link, run, is_revoked=True, unenrolled=False)

    assert revoke(boss, link).json() == {run.pk: message("moved to audit")}
    assert (plain(enrollment), flags(enrollment)) == (("audit", True), FLAGGED)
    assert history(paid_by) == "+"


def test_learner_credit_and_other_learners_are_not_touched(boss, link, customer):
    run = run_with("verified")
    credit = factories.LearnerCreditFactory(
        enterprise_course_enrollment=enrolled(customer, run, user=link.user_fk, link=link)
    )
    colleague, colleagues = licensed(factories.LearnerFactory(enterprise_customer=customer), run)

    assert revoke(boss, link).json() == {}
    assert not is_revoked(credit)
    assert plain(credit.enterprise_course_enrollment) == plain(colleague) == ("verified", True)
    assert not is_revoked(colleagues)


def test_moving_to_audit_clears_what_another_customer_flagged_but_not_ones_own(boss, link):
    run = run_with("audit", "verified")
    mine, _ = licensed(link, run)
    theirs = factories.EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=factories.LearnerFactory(user=link.user_fk, active=False),
        course_id=run.pk,
        unenrolled=True,
        saved_for_later=True,
    )

    revoke(boss, link)

    assert (flags(mine), flags(theirs)) == (FLAGGED, CLEARED)


def test_who_may_revoke(client, as_user, customer):
    expected = {"admin": 200, "operator": 200, "superuser": 200, "anonymous": 401}
    for name, account in callers(customer).items():
        link = factories.LearnerFactory(enterprise_customer=customer)
        answer = revoke(client if account is None else as_user(account), link)
        assert answer.status_code == expected.get(name, 403), name
        if answer.status_code == 403:
            assert answer.json() == {"detail": "Missing: enterprise.can_access_admin_dashboard"}


def test_both_values_are_needed_and_the_role_is_asked_for_first(boss, as_user, customer, link):
    nobody = as_user(factories.UserFactory())
    uuid = str(customer.pk)
    for body in (
        {}, [], None, "x", {"user_id": link.user_id}, {"enterprise_id": uuid},
        {"user_id": "", "enterprise_id": uuid}, {"user_id": 0, "enterprise_id": uuid},
        {"user_id": link.user_id, "enterprise_id": None}, [{"user_id": 1}],
    ):  # fmt: skip
        answer = boss.post(PATH, body, format="json")
        assert (answer.status_code, answer.json()) == (400, BOTH_NEEDED), body
        assert nobody.post(PATH, body, format="json").status_code == 403


@pytest.mark.parametrize("user_id", ["nope", "1.5", -1, [1], {"a": 1}, True, 10**30, "9" * 18, "\u0661"])
def test_whoever_is_not_linked_is_not_found(boss, customer, user_id):
    answer = boss.post(PATH, {"user_id": user_id, "enterprise_id": str(customer.pk)}, format="json")

    assert (answer.status_code, answer.json()) == (404, NO_LINK)


def test_unlinked_learners_and_unknown_customers_are_not_found(boss, as_user, customer):
    op = as_user(factories.operator())
    unlinked = factories.LearnerFactory(enterprise_customer=customer, linked=False, active=False)

    assert revoke(boss, unlinked).json() == NO_LINK
    for uuid in (str(uuid4()), "nope", [str(customer.pk)], 7):
        answer = op.post(PATH, {"user_id": 1, "enterprise_id": uuid}, format="json")
        assert (answer.status_code, answer.json()) == (404, NO_LINK), uuid
        assert boss.post(PATH, {"user_id": 1, "enterprise_id": uuid}, format="json").status_code == 403


def test_an_id_may_be_given_as_text_and_in_a_form(boss, link):
    body = {"user_id": str(link.user_id), "enterprise_id": str(link.enterprise_customer_id)}

    assert boss.post(PATH, body, format="json").status_code == 200
    assert boss.post(PATH, "&".join(f"{k}={v}" for k, v in body.items()),
                     content_type="application/x-www-form-urlencoded").status_code == 200  # fmt: skip


def test_get_is_not_allowed(boss):
    assert boss.get(PATH).status_code == 405


def test_the_number_of_statements_does_not_depend_on_that_of_runs(boss, customer, django_assert_max_num_queries):
    counts = []
    for number in (1, 5):
        link = factories.LearnerFactory(enterprise_customer=customer)
        for _ in range(number):
            licensed(link, run_with("audit", "verified"))
            licensed(link, run_with("verified"))
        with django_assert_max_num_queries(60) as captured:
            assert len(revoke(boss, link).json()) == 2 * number
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert not CourseMode.objects.filter(mode_slug="honor").exists()
