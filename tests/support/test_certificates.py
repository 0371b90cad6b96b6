"""/certificates/search, /certificates/regenerate and /certificates/generate (contract: support, 4.2)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from enrollments.models import GeneratedCertificate
from enrollments.services import certificates
from enrollments.tasks import generate_certificate
from tests.factories import CourseGradeFactory, GeneratedCertificateFactory, UserFactory
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import agent
from tests.support.scenes import enrolled, run_with

pytestmark = pytest.mark.django_db
SEARCH, REGENERATE, GENERATE = "/certificates/search", "/certificates/regenerate", "/certificates/generate"
PDF = "https://files.example/certificate.pdf"


@pytest.fixture
def mira():
    return UserFactory(username="mira", email="mira+oak@oak.example")


@pytest.fixture
def run():
    return run_with("audit", "verified", id="course-v1:Oak+BIO1+2024")


@pytest.fixture
def enrollment(run, mira):
    return enrolled(run, mira, mode="verified")


def refused(answer, text: str) -> None:
    assert (answer.status_code, answer.content.decode()) == (400, text)
    assert answer["Content-Type"] == "text/html; charset=utf-8"


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), [("get", SEARCH), ("post", REGENERATE), ("post", GENERATE)])
def test_everybody_but_agents_is_refused_without_a_word(client, as_user, by_session, method, path):
    callers = [
        client,
        as_user(UserFactory()),
        as_user(UserFactory(superuser=True)),
        as_user(agent(is_active=False)),
        by_session(UserFactory()),
        by_session(UserFactory(staff=True, is_active=False)),
    ]
    for caller in callers:
        answer = getattr(caller, method)(path)
        assert (answer.status_code, answer.content) == (403, b"")


@pytest.mark.parametrize(("method", "path"), [("get", SEARCH), ("post", REGENERATE), ("post", GENERATE)])
def test_agents_and_staff_may_with_a_token_or_a_session(as_user, by_session, method, path):
    for caller in (as_user(agent()), as_user(UserFactory(staff=True)), by_session(agent())):
        assert getattr(caller, method)(path).status_code == 400


def test_a_session_needs_a_csrf_token(by_session, mira):
    answer = by_session(agent(), enforce_csrf_checks=True).post(GENERATE, {"username": "mira"})
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed")


@pytest.mark.parametrize("path", [SEARCH, REGENERATE, GENERATE])
def test_no_slash_may_follow(desk, path):
    assert desk.get(f"{path}/").status_code == 404


def test_other_methods_are_not_allowed(desk):
    assert desk.post(SEARCH).status_code == desk.get(REGENERATE).status_code == desk.get(GENERATE).status_code == 405


# --- Search -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [{}, {"user": ""}, {"user": "<b></b>"}, {"course_id": "x"}])
def test_a_search_needs_a_user(desk, query):
    refused(desk.get(SEARCH, query), "user is not given.")


def test_an_unknown_user_comes_before_an_unknown_course(desk):
    refused(desk.get(SEARCH, {"user": "nobody", "course_id": "x"}), "user 'nobody' does not exist")


def test_markup_is_stripped_from_the_user(desk, mira):
    assert desk.get(SEARCH, {"user": "<b>mira</b>"}).json() == []
    refused(desk.get(SEARCH, {"user": "<script>nobody</script>"}), "user 'nobody' does not exist")


@pytest.mark.parametrize("query", ["mira", "mira%2Boak@oak.example", "mira+oak@oak.example"])
def test_a_user_is_found_by_name_or_email_and_keeps_a_plus_sign(desk, mira, query):
    row = GeneratedCertificateFactory(user=mira)
    GeneratedCertificateFactory()
    assert [each["uuid"] for each in desk.get(f"{SEARCH}?user={query}").json()] == [row.verify_uuid]


@pytest.mark.parametrize("key", ["no key", "course-v1:A+B", "k" * 10_000])
def test_what_is_no_course_key_is_refused(desk, mira, key):
    refused(desk.get(SEARCH, {"user": "mira", "course_id": key}), f"Course id '{key}' is not valid")


def test_an_unknown_course_is_refused(desk, mira):
    key = "course-v1:No+Such+Run"
    refused(
        desk.get(SEARCH, {"user": "mira", "course_id": key}), f"The course does not exist against the given key '{key}'"
    )


def test_a_certificate_is_shown_with_its_grade(desk, mira):
    moment = datetime(2031, 2, 1, 9, 30, 0, 123456, tzinfo=UTC)
    row = GeneratedCertificateFactory(user=mira, mode="verified", created=moment, modified=moment, download_url=PDF)
    CourseGradeFactory(user=mira, course_id=row.course_id, percent=0.85)
    CourseGradeFactory(course_id=row.course_id, percent=0.1)
    assert desk.get(SEARCH, {"user": "mira+oak@oak.example"}).json() == [
        {
            "username": "mira",
            "course_key": row.course_id,
            "type": "verified",
            "status": "downloadable",
            "grade": "0.85",
            "created": "2031-02-01T09:30:00.123456+00:00",
            "modified": "2031-02-01T09:30:00.123456+00:00",
            "is_passing": True,
            "is_pdf_certificate": True,
            "download_url": PDF,
            "uuid": row.verify_uuid,
            "regenerate": False,
        }
    ]


def only(desk) -> dict:
    (row,) = desk.get(SEARCH, {"user": "mira"}).json()
    return row


def test_one_that_is_no_file_can_be_made_anew_and_has_a_page_if_there_are_pages(desk, mira, settings):
    row = GeneratedCertificateFactory(user=mira)
    shown = only(desk)
    assert (shown["is_pdf_certificate"], shown["regenerate"]) == (False, True)
    assert shown["download_url"] == f"/certificates/{row.verify_uuid}"
    settings.CERTIFICATES_HTML_VIEW = False
    assert only(desk)["download_url"] is None


@pytest.mark.parametrize("status", ["generating", "notpassing", "unavailable", "error"])
def test_there_is_no_address_unless_it_is_downloadable(desk, mira, status):
    GeneratedCertificateFactory(user=mira, status=status, download_url=PDF)
    shown = only(desk)
    assert (shown["download_url"], shown["is_pdf_certificate"]) == (None, True)
    assert shown["is_passing"] is (status == "generating")


def test_a_stored_word_on_passing_counts(desk, mira):
    GeneratedCertificateFactory(user=mira, stored_is_passing=False)
    assert only(desk)["is_passing"] is False


@pytest.mark.parametrize("grade", [None, {"error": "unreadable"}])
def test_a_grade_that_is_not_there_or_cannot_be_read_is_empty(desk, mira, grade):
    row = GeneratedCertificateFactory(user=mira)
    if grade is not None:
        CourseGradeFactory(user=mira, course_id=row.course_id, **grade)
    assert only(desk)["grade"] == ""


def test_certificates_are_ordered_by_course(desk, mira):
    keys = [f"course-v1:Acme+{name}+R" for name in ("b", "C", "a")]
    for key in keys:
        GeneratedCertificateFactory(user=mira, course_id=key)
    assert [row["course_key"] for row in desk.get(SEARCH, {"user": "mira"}).json()] == sorted(keys)


def test_with_a_course_its_certificate_alone_is_shown(desk, mira, run):
    GeneratedCertificateFactory(user=mira)
    row = GeneratedCertificateFactory(user=mira, course_id=run.pk)
    for query in (f"course_id={run.pk}", f"course_id={run.pk.replace('+', '%2B')}"):
        found = desk.get(f"{SEARCH}?user=mira&{query}").json()
        assert [each["uuid"] for each in found] == [row.verify_uuid]


def test_with_a_course_without_a_certificate_that_is_said(desk, mira, run):
    GeneratedCertificateFactory(user=mira)
    answer = desk.get(SEARCH, {"user": "mira", "course_id": run.pk})
    assert answer.json() == [{"username": "mira", "course_key": run.pk, "regenerate": False}]


def test_without_certificates_the_list_is_empty(desk, mira):
    assert desk.get(SEARCH, {"user": "mira"}).json() == []


def test_a_search_costs_the_same_whatever_it_finds(desk, mira, django_assert_num_queries):
    for number in (1, 6):
        for _ in range(number):
            GeneratedCertificateFactory(user=mira, course_id=run_with().pk)
        # Caller, role, learner, grades, certificates.
        with django_assert_num_queries(5):
            desk.get(SEARCH, {"user": "mira"})


# --- Making them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [REGENERATE, GENERATE])
def test_what_does_not_exist_is_refused_in_order(desk, mira, path, run):
    gone = "course-v1:No+Such+Run"
    refused(desk.post(path, {"username": "nobody", "course_key": "x"}), "User nobody does not exist")
    refused(desk.post(path, {"username": mira.email, "course_key": run.pk}), f"User {mira.email} does not exist")
    refused(desk.post(path, {}), "User  does not exist")
    refused(desk.post(path, {"username": "mira", "course_key": "x"}), "x is not a valid course key")
    refused(desk.post(path, {"username": "mira"}), " is not a valid course key")
    refused(desk.post(path, {"username": "mira", "course_key": gone}), f"The course {gone} does not exist")


@pytest.mark.parametrize("enrollments", [[], [{"is_active": False}]], ids=["none", "inactive"])
def test_a_learner_who_is_not_active_is_refused(desk, mira, run, enrollments):
    for fields in enrollments:
        enrolled(run, mira, **fields)
    form = {"username": "mira", "course_key": run.pk}
    refused(desk.post(REGENERATE, form), f"User {mira.pk} is not enrolled in the course {run.pk}")
    refused(desk.post(GENERATE, form), f"User mira is not enrolled in the course {run.pk}")


@pytest.mark.parametrize("path", [REGENERATE, GENERATE])
@pytest.mark.parametrize("body", ["[]", "null", "3", "{", '{"username": ["mira"]}', '{"username": "\\u0000"}'])
def test_a_malformed_body_is_refused(desk, mira, path, body):
    assert desk.post(path, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("path", [REGENERATE, GENERATE])
def test_a_certificate_is_made_for_who_has_earned_it(
    desk, mira, run, enrollment, path, django_capture_on_commit_callbacks
):
    CourseGradeFactory(user=mira, course_id=run.pk)
    with django_capture_on_commit_callbacks(execute=True):
        answer = desk.post(path, {"username": "mira", "course_key": run.pk})
    assert (answer.status_code, answer.content) == (200, b"200")
    row = GeneratedCertificate.objects.get()
    assert (row.user, row.course_id, row.status, row.mode) == (mira, run.pk, "downloadable", "verified")
    assert (row.is_passing, len(row.verify_uuid)) == (True, 32)


@pytest.mark.parametrize("path", [REGENERATE, GENERATE])
def test_one_that_is_there_is_refreshed(desk, mira, run, enrollment, path, django_capture_on_commit_callbacks):
    CourseGradeFactory(user=mira, course_id=run.pk)
    before = GeneratedCertificateFactory(
        user=mira, course_id=run.pk, status="notpassing", mode="audit", stored_is_passing=False, download_url=PDF
    )
    with django_capture_on_commit_callbacks(execute=True):
        desk.post(path, {"username": "mira", "course_key": run.pk})
    row = GeneratedCertificate.objects.get()
    assert (row.pk, row.verify_uuid, row.created, row.download_url) == (
        before.pk, before.verify_uuid, before.created, PDF
    )  # fmt: skip
    assert (row.status, row.mode, row.is_passing) == ("downloadable", "verified", True)
    assert row.modified > before.modified


@pytest.mark.parametrize(
    ("mode", "grade", "reason"),
    [
        ("audit", {}, "The mode audit does not lead to a certificate."),
        ("verified", None, "The learner has no passing grade in the course {}."),
        ("verified", {"passed": False}, "The learner has no passing grade in the course {}."),
        ("verified", {"error": "unreadable"}, "The learner has no passing grade in the course {}."),
    ],
)
def test_who_has_not_earned_one_gets_none_and_regenerate_says_why(
    desk, mira, run, mode, grade, reason, django_capture_on_commit_callbacks
):
    enrolled(run, mira, mode=mode)
    CourseGradeFactory(course_id=run.pk)
    if grade is not None:
        CourseGradeFactory(user=mira, course_id=run.pk, **grade)
    form = {"username": "mira", "course_key": run.pk}
    with django_capture_on_commit_callbacks(execute=True):
        refused(desk.post(REGENERATE, form), reason.format(run.pk))
        assert desk.post(GENERATE, form).content == b"200"
    assert not GeneratedCertificate.objects.exists()


def test_who_left_before_the_task_ran_gets_none(mira, run, enrollment):
    CourseGradeFactory(user=mira, course_id=run.pk)
    enrollment.is_active = False
    enrollment.save()
    generate_certificate(mira.pk, run.pk)
    assert not GeneratedCertificate.objects.exists()


def test_an_unexpected_failure_of_regenerate_is_said_and_logged_with_the_number_of_the_user(
    desk, mira, run, enrollment, monkeypatch, caplog
):
    def broken(*args):
        raise RuntimeError("broken")

    monkeypatch.setattr(certificates, "has_passing_grade", broken)
    answer = desk.post(REGENERATE, {"username": "mira", "course_key": run.pk})
    assert answer.status_code == 500
    assert answer.content.decode() == "An unexpected error occurred while regenerating certificates."
    (line,) = [record for record in caplog.records if record.name == "support.views.certificates"]
    assert f"user {mira.pk} " in line.getMessage()
    assert "mira" not in line.getMessage()


def test_a_text_with_markup_comes_back_escaped(desk, mira):
    refused(desk.post(GENERATE, {"username": "<i>x</i>"}), "User &lt;i&gt;x&lt;/i&gt; does not exist")


# --- A mode change ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after", "made"), [("audit", "verified", True), ("verified", "audit", False)])
def test_a_mode_change_of_an_agent_makes_the_certificate_that_the_new_mode_leads_to(
    desk, mira, run, before, after, made, django_capture_on_commit_callbacks
):
    enrolled(run, mira, mode=before)
    CourseGradeFactory(user=mira, course_id=run.pk)
    body = {"course_id": run.pk, "old_mode": before, "new_mode": after, "reason": ""}
    with django_capture_on_commit_callbacks(execute=True):
        assert desk.patch("/support/enrollment/mira", body, format="json").status_code == 200
    assert GeneratedCertificate.objects.filter(mode=after).exists() is made


def test_a_mode_change_of_an_agent_revokes_no_certificate(
    desk, mira, run, enrollment, django_capture_on_commit_callbacks
):
    row = GeneratedCertificateFactory(user=mira, course_id=run.pk, mode="verified")
    for old, new in (("verified", "audit"), ("audit", "verified")):
        body = {"course_id": run.pk, "old_mode": old, "new_mode": new, "reason": ""}
        with django_capture_on_commit_callbacks(execute=True):
            desk.patch("/support/enrollment/mira", body, format="json")
        row.refresh_from_db()
        assert (row.status, row.mode) == ("downloadable", "verified")


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_tasks_at_once_make_one_certificate(mira, run, enrollment):
    CourseGradeFactory(user=mira, course_id=run.pk)
    assert at_once(*[lambda: generate_certificate(mira.pk, run.pk)] * 2) == []
    assert GeneratedCertificate.objects.count() == 1
