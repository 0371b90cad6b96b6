"""What the support desk's pages hold and cost, without a browser (contract: support, section 3)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enrollments.models import CourseEnrollment, User, UserRetirementStatus, UserSocialAuth
from support.models import CourseEntitlement, CourseResetAudit
from tests.factories import (
    CourseEntitlementFactory,
    CourseResetAuditFactory,
    CourseResetOptInFactory,
    EntitlementDetailFactory,
    GeneratedCertificateFactory,
    PasswordToggleFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import program_of
from tests.program_enrollments.students import student
from tests.support.agents import agent, signed_in
from tests.support.scenes import enrolled, run_with

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
LEARNER_PAGES = ("enrollment", "manage_user", "certificates", "course_entitlement", "resets", "sso", "onboarding")


@pytest.fixture
def sue() -> User:
    return agent(username="sue")


@pytest.fixture
def desk(sue: User) -> Client:
    return signed_in(sue)


@pytest.fixture
def mira() -> User:
    account: User = UserFactory(username="mira", email="mira+oak@oak.example")
    return account


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_index_lists_the_pages_in_the_contracts_order_with_a_line_each(desk: Client) -> None:
    page = text_of(desk.get("/support/"))
    assert re.search(r"<h1>[^<]*Support", page)
    cards = re.findall(r'<li><a href="([^"]+)">([^<]+)</a><p>([^<]+)</p></li>', page)
    assert [(address, title) for address, title, _ in cards][:7] == [
        ("/support/certificates", "Certificates"),
        ("/support/enrollment", "Enrollment"),
        ("/support/manage_user", "Manage User"),
        ("/support/course_entitlement", "Entitlements"),
        ("/support/feature_based_enrollments", "Feature Based Enrollments"),
        ("/support/link_program_enrollments", "Link Program Enrollments"),
        ("/support/program_enrollments_inspector", "Program Enrollments Inspector"),
    ]
    assert all(line.endswith(".") for _, _, line in cards)
    assert all(desk.get(address).status_code in (200, 302) for address, _, _ in cards)


@pytest.mark.parametrize("page", LEARNER_PAGES)
def test_the_query_fills_the_search_field_and_searches(desk: Client, mira: User, page: str) -> None:
    for asked in ("mira", "mira%2Boak@oak.example", "mira+oak@oak.example"):
        shown = text_of(desk.get(f"/support/{page}?user={asked}"))
        value = "mira" if asked == "mira" else "mira+oak@oak.example"
        assert f'name="user" type="text" value="{value}"' in shown
        assert 'aria-label="About mira"' in shown
    unknown = text_of(desk.get(f"/support/{page}?user=<script>alert(1)</script>"))
    assert "Nobody is called “&lt;script&gt;" in unknown
    assert "<script>alert" not in unknown
    assert "About" not in text_of(desk.get(f"/support/{page}"))
    assert desk.get(f"/support/{page}", {"user": "x" * 10_000}).status_code == 200


def test_addresses_of_persons_that_the_contract_keeps_empty_stay_so(desk: Client) -> None:
    for name in ("sso_records", "onboarding_status", "course_reset"):
        for slash in ("", "/"):
            assert desk.get(f"/support/{name}{slash}").status_code == 404


def scene(mira: User, number: int) -> None:
    """So many of everything that pages list."""
    for each in range(number):
        run = run_with("audit", "verified")
        enrollment = enrolled(run, mira, mode="verified")
        opt_in = CourseResetOptInFactory(course_id=run.pk)
        CourseResetAuditFactory(course=opt_in, course_enrollment=enrollment, status="failed")
        GeneratedCertificateFactory(user=mira, course_id=run.pk)
        right = CourseEntitlementFactory(user=mira, course_uuid=run.course.uuid)
        EntitlementDetailFactory(entitlement=right)
        UserSocialAuth.objects.create(user=mira, provider="tpa-saml", uid=f"oak:{mira.pk}-{number}-{each}")
        PasswordToggleFactory(user=mira)
        student(program_of(run), f"K-{number}-{each}", run, user=mira)


@pytest.mark.parametrize(
    "address",
    [*(f"{page}?user=mira" for page in LEARNER_PAGES), "program_enrollments_inspector?edx_user=mira"],
)
def test_a_page_costs_the_same_however_much_it_lists(desk: Client, mira: User, address: str) -> None:
    costs = []
    for number in (2, 5):
        scene(mira, number)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert desk.get(f"/support/{address}").status_code == 200
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 20


# --- Changes --------------------------------------------------------------------------------------


def test_a_change_answers_with_a_redirect_and_scripts_with_where_to_go(desk: Client, mira: User) -> None:
    enrollment = enrolled(run_with("audit", "verified"), mira)
    change = {"old_mode": "audit", "new_mode": "verified", "reason": "Upset Learner"}
    address = f"/support/change_enrollment?user=mira&course_id={enrollment.course_id}"
    plain = desk.post(address, change)
    assert (plain.status_code, plain["Location"]) == (303, "/support/enrollment?user=mira")
    back = {**change, "old_mode": "verified", "new_mode": "audit"}
    scripted = desk.post(address, back, headers=HTMX)
    assert (scripted.status_code, scripted["HX-Redirect"]) == (204, "/support/enrollment?user=mira")
    enrollment.refresh_from_db()
    assert enrollment.mode == "audit"


def test_a_refused_change_is_a_400_and_for_scripts_the_form_again(desk: Client, mira: User) -> None:
    enrollment = enrolled(run_with("audit", "verified"), mira)
    address = f"/support/change_enrollment?user=mira&course_id={enrollment.course_id}"
    refused = desk.post(address, {"old_mode": "honor", "new_mode": "verified", "reason": "Upset Learner"})
    assert refused.status_code == 400
    assert "User mira is not enrolled with mode honor." in text_of(refused)
    again = desk.post(address, {"old_mode": "honor", "new_mode": "verified"}, headers=HTMX)
    assert again.status_code == 200
    assert "Choose a reason, or write one." in text_of(again)
    assert CourseEnrollment.objects.get().mode == "audit"


@pytest.mark.parametrize("name", ["expire_entitlement", "reissue_entitlement"])
def test_a_change_that_is_made_is_reported_however_long_the_way_back_would_be(
    desk: Client, mira: User, name: str
) -> None:
    row = CourseEntitlementFactory(user=mira, expired_at=None)
    form = {"uuid": str(row.uuid), "user": "x" * 70_000, "comment": "moved"}
    plain = desk.post(f"/support/{name}", form)
    assert (plain.status_code, plain["Location"]) == (303, "/support/course_entitlement")
    scripted = desk.post(f"/support/{name}", form, headers=HTMX)
    assert (scripted.status_code, scripted["HX-Redirect"]) == (204, "/support/course_entitlement")
    assert row.support_details.count() == 2


@pytest.mark.parametrize("user", ["", "   ", "\0", None])
def test_a_change_for_nobody_is_not_made_for_an_account_without_an_email(desk: Client, user: str | None) -> None:
    nameless = UserFactory(email="")
    run, named = run_with("audit"), {} if user is None else {"user": user}
    form = {"course_id": run.pk, "mode": "audit", "reason": "Upset Learner"}
    disabling = {"wanted": "disable"}
    for name, fields in (("create_enrollment", form), ("toggle_password", disabling), ("reset_course", form)):
        assert desk.post(f"/support/{name}", {**fields, **named}).status_code == 400
    nameless.refresh_from_db()
    assert nameless.has_usable_password()
    assert not CourseEnrollment.objects.exists()


def test_an_entitlement_comes_in_one_of_the_modes_that_the_form_offers(desk: Client, mira: User) -> None:
    form = {"user": "mira", "course_uuid": str(run_with("audit").course.uuid), "comment": "goodwill"}
    refused = desk.post("/support/create_entitlement", {**form, "mode": "<b>"})
    assert refused.status_code == 400
    assert "in one of the modes verified, professional, no-id-professional." in text_of(refused)
    assert not CourseEntitlement.objects.exists()
    assert desk.post("/support/create_entitlement", {**form, "mode": "professional"}).status_code == 303


def test_a_certificate_is_made_whatever_was_searched_for_before(desk: Client, mira: User) -> None:
    enrollment = enrolled(run_with("audit", "verified"), mira)
    form = {"user": "mira", "course_id": enrollment.course_id, "searched": "x" * 70_000}
    answer = desk.post("/support/make_certificate", form)
    assert (answer.status_code, answer["Location"]) == (303, "/support/certificates?user=mira")


@pytest.mark.parametrize(
    ("name", "query", "text"),
    [
        ("change_enrollment", {"course_id": "course-v1:A+B+C"}, "Could not find enrollment for user mira"),
        ("reissue_entitlement", {"uuid": "no uuid"}, "Could not find entitlement no uuid to update"),
        ("expire_entitlement", {}, "Could not find entitlement  to update"),
        ("make_certificate", {"course_id": "x"}, "x is not a valid course key"),
        ("reset_course", {"course_id": "course-v1:A+B+C"}, "Course is not eligible"),
    ],
)
def test_a_question_about_nothing_says_so(
    desk: Client, mira: User, name: str, query: dict[str, str], text: str
) -> None:
    answer = desk.get(f"/support/{name}", {"user": "mira", **query})
    assert answer.status_code == 400
    assert text in text_of(answer)
    assert "<form method=" not in text_of(answer).split('id="action"')[1]


def test_a_course_that_cannot_be_reset_is_not_offered_for_it(desk: Client, mira: User) -> None:
    run = run_with("audit")
    audit = CourseResetAuditFactory(
        course=CourseResetOptInFactory(course_id=run.pk), course_enrollment=enrolled(run, mira), status="complete"
    )
    assert "reset_course" not in text_of(desk.get("/support/resets?user=mira"))
    address = f"/support/reset_course?user=mira&course_id={run.pk}"
    for answer in (desk.get(address), desk.post(address)):
        assert answer.status_code == 400
        assert "Cannot reset course: Completed on" in text_of(answer)
    audit.delete()
    assert desk.post(address, {"comment": "x" * 256}).status_code == 400
    assert not CourseResetAudit.objects.exists()


def test_who_asked_for_retirement_has_no_resets_when_found_by_name(desk: Client, mira: User) -> None:
    from enrollments.services.retirement import begin

    begin(mira)
    assert UserRetirementStatus.objects.exists()
    assert "Nobody is called “mira” here." in text_of(desk.get("/support/resets?user=mira"))


def test_disabling_oneself_is_warned_of(desk: Client, sue: User) -> None:
    assert "This is your own account" in text_of(desk.get("/support/toggle_password?user=sue"))
    UserFactory(username="root", staff=True)
    assert "root is staff of the platform." in text_of(desk.get("/support/toggle_password?user=root"))


def test_a_comment_that_no_column_holds_is_refused(desk: Client, mira: User) -> None:
    answer = desk.post("/support/toggle_password?user=mira", {"wanted": "disable", "comment": "x" * 256})
    assert answer.status_code == 400
    assert "255 characters at most" in text_of(answer)
    mira.refresh_from_db()
    assert mira.has_usable_password()


def test_order_numbers_are_links_where_orders_have_a_page(desk: Client, mira: User, settings: Any) -> None:
    CourseEntitlementFactory(user=mira, order_number="OAK 1/2")
    assert (
        "<a href="
        not in text_of(desk.get("/support/course_entitlement?user=mira")).split('data-column="Order"')[1][:20]
    )
    settings.ORDER_DASHBOARD_URL = "https://orders.example/"
    assert 'href="https://orders.example/OAK%201%2F2"' in text_of(desk.get("/support/course_entitlement?user=mira"))


@pytest.mark.parametrize("form", [{}, {"program_uuid": "x"}, {"program_uuid": "\0", "text": "\0"}])
def test_linking_with_half_a_form_is_a_200_with_one_error(desk: Client, form: dict[str, str]) -> None:
    answer = desk.post("/support/link_program_enrollments/", form)
    assert answer.status_code == 200
    assert "0 linkages succeeded, 1 error" in text_of(answer)
    assert "You must provide both a program uuid" in text_of(answer)
