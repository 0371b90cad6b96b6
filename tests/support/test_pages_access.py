"""Who may see the support desk's pages (contract: support, Roles and permissions and section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from enrollments.models import CourseAccessRole
from enterprise.models import BulkJob
from support.page_urls import urlpatterns
from tests.factories import EnterpriseCustomerFactory, UserFactory
from tests.support.agents import agent, signed_in

pytestmark = pytest.mark.django_db

# Every page with two addresses; both answer directly.
PAGES = [
    "certificates", "course_entitlement", "enrollment", "feature_based_enrollments", "jobs", "link_program_enrollments",
    "manage_user", "onboarding", "program_enrollments_inspector", "resets", "sso",
]  # fmt: skip
QUESTIONS = [
    "create_enrollment", "change_enrollment", "toggle_password", "make_certificate", "create_entitlement",
    "reissue_entitlement", "expire_entitlement", "reset_course",
]  # fmt: skip
ADDRESSES = ["/support/", *(f"/support/{page}{slash}" for page in PAGES for slash in ("", "/"))]


def no_agents() -> dict[str, Any]:
    """Accounts that come close to support permission."""
    of_a_run = UserFactory()
    CourseAccessRole.objects.create(user=of_a_run, role="staff", course_id="course-v1:Acme+C1+T1", org="Acme")
    support_of_a_run = UserFactory()
    CourseAccessRole.objects.create(user=support_of_a_run, role="support", course_id="course-v1:Acme+C1+T1")
    support_of_an_organization = UserFactory()
    CourseAccessRole.objects.create(user=support_of_an_organization, role="support", org="Acme")
    return {
        "a learner": UserFactory(),
        "staff of a run": of_a_run,
        "support of a run": support_of_a_run,
        "support of an organization": support_of_an_organization,
        "a superuser alone": UserFactory(superuser=True),
        "an inactive agent": agent(is_active=False),
    }


def test_the_list_of_pages_is_complete() -> None:
    assert {pattern.name for pattern in urlpatterns} - {"index", "job", "job_rows", "contact_us", "contact_ticket"} == {
        *PAGES,
        *QUESTIONS,
    }


@pytest.mark.parametrize("address", [*ADDRESSES, "/support/jobs?customer=a b&state=x"])
def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    quoted = address.replace("?", "%3F").replace(" ", "%2520").replace("&", "%26").replace("=", "%3D")
    assert answer["Location"] == f"/login?next={quoted}"


def test_a_token_is_no_session(as_user: Callable[..., Any]) -> None:
    assert as_user(agent()).get("/support/jobs").status_code == 302


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_support_permission_a_page_is_an_empty_403(address: str) -> None:
    for who, account in no_agents().items():
        answer = signed_in(account).get(address)
        assert (answer.status_code, answer.content) == (403, b""), who


@pytest.mark.parametrize("address", ADDRESSES)
def test_agents_and_global_staff_see_every_page(address: str) -> None:
    for account in (agent(), UserFactory(staff=True), UserFactory(staff=True, is_active=False)):
        answer = signed_in(account).get(address)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_refuse_other_methods(address: str) -> None:
    """With and without a CSRF token where a page only shows; who may not see a page learns nothing of its methods."""
    posts = "link_program" in address
    for client in (Client(enforce_csrf_checks=True), Client())[posts:]:
        client.force_login(agent())
        for method in ("post", "put", "patch", "delete")[posts:]:
            assert getattr(client, method)(address).status_code == 405
    assert signed_in(UserFactory()).post(address).status_code == 403
    assert Client().post(address).status_code == 302


def test_the_address_without_a_slash_leads_to_the_index() -> None:
    answer = signed_in(agent()).get("/support")
    assert (answer.status_code, answer["Location"]) == (301, "/support/")


def test_the_pages_forbid_scripts_and_styles_of_others_and_in_the_page() -> None:
    policy = signed_in(agent()).get("/support/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(client: Client) -> None:
    answer = client.get("/support/jobs", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/login?next=/support/jobs")


# --- Questions before a change ------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_and_its_answer_are_for_agents_only(name: str) -> None:
    address = f"/support/{name}?user=mira"
    for method in ("get", "post"):
        assert getattr(Client(), method)(address).status_code == 302
        for who, account in no_agents().items():
            answer = getattr(signed_in(account), method)(address)
            assert (answer.status_code, answer.content) == (403, b""), who


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_needs_a_csrf_token(name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(agent())
    assert client.post(f"/support/{name}?user=mira").status_code == 403
    assert client.post("/support/link_program_enrollments", {"program_uuid": "x", "text": "x"}).status_code == 403


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("text", ["", "nobody", "x" * 10_000, "<b>&", "\0"])
def test_an_answer_that_makes_no_sense_is_a_400_that_says_so(name: str, text: str) -> None:
    fields = ("user", "course_id", "mode", "new_mode", "old_mode", "reason", "comment", "wanted", "uuid", "text")
    answer = signed_in(agent()).post(f"/support/{name}", dict.fromkeys(fields, text))
    assert answer.status_code == 400
    assert "<b>&" not in answer.content.decode()


# --- Jobs -----------------------------------------------------------------------------------------


def test_a_job_and_its_file_are_for_agents_only() -> None:
    job = BulkJob.objects.create(enterprise_customer=EnterpriseCustomerFactory(), state="finished")
    for address in (f"/support/jobs/{job.pk}/", f"/support/jobs/{job.pk}/rows.csv"):
        assert Client().get(address).status_code == 302
        assert signed_in(UserFactory()).get(address).status_code == 403
        assert signed_in(agent()).get(address).status_code == 200
        assert signed_in(agent()).post(address).status_code == 405


def test_a_job_that_is_not_there_is_a_404() -> None:
    for address in (f"/support/jobs/{uuid4()}/", f"/support/jobs/{uuid4()}/rows.csv", "/support/jobs/7/"):
        assert signed_in(agent()).get(address).status_code == 404


def test_jobs_that_nobody_asked_for_are_not_shown() -> None:
    claim = BulkJob.objects.create(kind=BulkJob.Kind.PENDING_CLAIM)
    client = signed_in(agent())
    assert str(claim.pk) not in client.get("/support/jobs").content.decode()
    assert client.get(f"/support/jobs/{claim.pk}/").status_code == 404


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=99999999999999", "state=none", "customer=%25", "page=²"])
def test_odd_queries_of_the_jobs_show_a_list(query: str) -> None:
    assert signed_in(agent()).get(f"/support/jobs?{query}").status_code == 200


def test_the_list_of_jobs_costs_the_same_however_many_there_are(django_assert_num_queries: Any) -> None:
    customer = EnterpriseCustomerFactory()
    client = signed_in(agent())
    for _ in range(30):
        BulkJob.objects.create(enterprise_customer=customer, state="finished", actor=UserFactory())
    with django_assert_num_queries(4):  # session, account, support permission, jobs
        page = client.get("/support/jobs").content.decode()
    assert page.count('id="job-') == 25
    assert "page=2" in page
    assert client.get("/support/jobs?page=2").content.decode().count('id="job-') == 5
