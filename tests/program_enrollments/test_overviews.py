"""GET users/{username}/programs/{program}/courses and programs/{program}/overview/ (contract: program-enrollments)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.urls import reverse
from django.utils import timezone

from enrollments.models import BlockCompletion, CourseEmailOptout
from program_enrollments.serializers.overviews import RunOverviewSerializer
from tests.factories import (
    CourseEnrollmentFactory,
    CourseRunFactory,
    CurriculumFactory,
    DueDateFactory,
    GeneratedCertificateFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    ProgramFactory,
    UserFactory,
)
from tests.program_enrollments.scenes import (
    ANONYMOUS,
    API,
    FORBIDDEN,
    NO_PROGRAM,
    UNKNOWN_UUID,
    program_of,
    runs,
    staff,
)

pytestmark = pytest.mark.django_db
HOST = "http://testserver"


@pytest.fixture(autouse=True)
def frontend(settings):
    settings.LEARNING_MICROFRONTEND_URL = "https://learning.example/"


@pytest.fixture
def run():
    return CourseRunFactory(id="course-v1:Acme+Stats+R1", display_name="Statistics I")


@pytest.fixture
def learner(as_user, ana, program):
    """Ana's client; she is enrolled in the program."""
    ProgramEnrollmentFactory(user=ana, program_uuid=program.pk)
    return as_user(ana)


def courses(program, username="ana"):
    return f"{API}/users/{quote(username)}/programs/{program.pk}/courses"


def overview(program):
    return f"{API}/programs/{program.pk}/overview/"


def enrolled(account, *runs, mode="masters", **fields):
    for run in runs:
        CourseEnrollmentFactory(user=account, course_id=run.pk, mode=mode, **fields)


def shown(client, program):
    """The rows, which both addresses show alike."""
    paged, whole = client.get(courses(program)), client.get(overview(program))
    assert paged.status_code == whole.status_code == 200, (paged.content, whole.content)
    assert paged.json() == {"next": None, "previous": None, "results": whole.json()["course_runs"]}
    return paged.json()["results"]


def ids(client, program):
    return [row["course_run_id"] for row in shown(client, program)]


def only(client, program):
    (row,) = shown(client, program)
    return row


# --- Who may ask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [courses, overview])
def test_without_credentials_it_is_a_401(client, program, address):
    answer = client.get(address(program))
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)
    assert "WWW-Authenticate" not in answer


@pytest.mark.parametrize("address", [courses, overview])
def test_the_token_of_a_restricted_application_is_refused(as_user, ana, program, address):
    ProgramEnrollmentFactory(user=ana, program_uuid=program.pk)
    answer = as_user(ana, restricted=True).get(address(program))
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


@pytest.mark.parametrize("address", [courses, overview])
def test_a_program_that_is_not_known_is_a_404_before_anything_else(as_user, run, address):
    hidden = program_of(run, status="unpublished")
    answer = as_user(UserFactory()).get(address(hidden))
    assert (answer.status_code, answer.json()) == (404, NO_PROGRAM)


@pytest.mark.parametrize("path", [f"users/ana/programs/{UNKNOWN_UUID}/courses", f"programs/{UNKNOWN_UUID}/overview/"])
def test_a_uuid_that_no_program_has_is_unknown(learner, path):
    answer = learner.get(f"{API}/{path}")
    assert (answer.status_code, answer.json()) == (404, NO_PROGRAM)


@pytest.mark.parametrize("address", [courses, overview])
@pytest.mark.parametrize("status", ["pending", "suspended", "canceled", "ended"])
def test_only_who_is_enrolled_in_the_program_may_ask(as_user, ana, program, address, status):
    ProgramEnrollmentFactory(user=ana, program_uuid=program.pk, status=status)
    ProgramEnrollmentFactory(user=ana, program_uuid=program_of(organizations=("Other",)).pk)
    ProgramEnrollmentFactory(user=UserFactory(), program_uuid=program.pk)
    answer = as_user(ana).get(address(program))
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


@pytest.mark.parametrize("address", [courses, overview])
def test_one_enrollment_of_several_in_the_program_is_enough(as_user, ana, program, address):
    for status in ("canceled", "enrolled"):
        ProgramEnrollmentFactory(user=ana, program_uuid=program.pk, status=status)
    assert as_user(ana).get(address(program)).status_code == 200


@pytest.mark.parametrize("other", ["Ana", "ben", "ana ", "an a"])
def test_nobody_reads_the_courses_of_another_name_and_names_are_exact(learner, program, other):
    answer = learner.get(courses(program, other))
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_staff_read_their_own_courses_only(as_user, learner, program):
    boss = staff()
    assert as_user(boss).get(courses(program)).status_code == 403
    ProgramEnrollmentFactory(user=boss, program_uuid=program.pk)
    assert as_user(boss).get(courses(program)).status_code == 403
    answer = as_user(boss).get(courses(program, boss.username))
    assert answer.json() == {"next": None, "previous": None, "results": []}


def test_names_may_hold_what_names_may_hold(as_user, program):
    account = UserFactory(username="a.b@c_d-e+f")
    ProgramEnrollmentFactory(user=account, program_uuid=program.pk)
    assert as_user(account).get(courses(program, account.username)).status_code == 200


def test_an_inactive_account_may_ask_by_session(by_session, program):
    account = UserFactory(username="ana", is_active=False)
    ProgramEnrollmentFactory(user=account, program_uuid=program.pk)
    assert by_session(account).get(courses(program)).status_code == 200


@pytest.mark.parametrize("address", [courses, overview])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused(learner, program, address, method):
    answer = getattr(learner, method)(address(program))
    assert answer.status_code == 405
    assert answer.json() == {"developer_message": f'Method "{method.upper()}" not allowed.'}


def test_anything_may_follow_and_the_addresses_have_names(learner, program):
    for address in (f"{courses(program)}/", f"{courses(program)}/more", f"{overview(program)}more"):
        assert learner.get(address).status_code == 200
    assert learner.get(overview(program).rstrip("/")).status_code == 301
    named = {"username": "ana", "program_uuid": program.pk}
    assert reverse("programs_api:v1:user_program_course_enrollments", kwargs=named) == courses(program)
    name = "programs_api:v1:program_course_enrollments_overview"
    assert reverse(name, kwargs={"program_uuid": program.pk}) == overview(program)


# --- Which runs -----------------------------------------------------------------------------------------------------


def test_nobody_enrolled_in_no_run_gets_an_empty_list(learner, program):
    assert learner.get(overview(program)).json() == {"course_runs": []}
    assert learner.get(courses(program)).json() == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    ("mode", "listed"),
    [
        ("verified", True),
        ("masters", True),
        ("executive-education", True),
        ("paid-executive-education", True),
        ("paid-bootcamp", True),
        ("audit", False),
        ("honor", False),
        ("professional", False),
        ("no-id-professional", False),
        ("credit", False),
        ("unpaid-executive-education", False),
    ],
)
def test_enrollments_in_five_modes_are_listed(learner, ana, program, run, mode, listed):
    enrolled(ana, run, mode=mode)
    assert ids(learner, program) == ([run.pk] if listed else [])


def test_inactive_enrollments_those_of_others_and_those_outside_the_program_are_not_listed(learner, ana, program, run):
    outside = CourseRunFactory()
    program_of(outside, organizations=("Other",))
    enrolled(ana, outside)
    enrolled(ana, run, is_active=False)
    enrolled(UserFactory(), run)
    in_program = ProgramEnrollmentFactory(user=ana, program_uuid=program.pk)
    ProgramCourseEnrollmentFactory(program_enrollment=in_program, course_key=outside.pk)
    assert ids(learner, program) == []


def test_runs_are_those_of_the_program_and_its_children_in_order_of_enrollment(learner, ana, program, run):
    in_course, in_child, in_second, unknown_course = runs(4)
    child = ProgramFactory()
    child.courses.add(in_course.course)
    CurriculumFactory(program=child, course_runs=[in_child])
    CurriculumFactory(program=program, position=1, course_runs=[in_second])
    program.curricula.get(position=0).programs.add(child)
    enrolled(ana, in_child, in_second, run, unknown_course, in_course)
    assert ids(learner, program) == [in_child.pk, run.pk, in_course.pk]


# --- What is said of a run ------------------------------------------------------------------------------------------


def test_a_run_has_these_fields_and_leaves_out_what_does_not_apply(as_user, ana):
    start, end = datetime(2026, 1, 10, tzinfo=UTC), datetime(2099, 1, 10, 8, 30, tzinfo=UTC)
    run = CourseRunFactory(id="course-v1:Uni+C1+R1", display_name="Statistics I", start=start, end=end)
    program = program_of(run)
    ProgramEnrollmentFactory(user=ana, program_uuid=program.pk)
    enrolled(ana, run)
    assert only(as_user(ana), program) == {
        "course_run_id": "course-v1:Uni+C1+R1",
        "display_name": "Statistics I",
        "course_run_url": "https://learning.example/course/course-v1:Uni+C1+R1/home",
        "start_date": "2026-01-10T00:00:00Z",
        "end_date": "2099-01-10T08:30:00Z",
        "course_run_status": "in_progress",
        "due_dates": [],
    }


def test_a_run_with_everything_has_the_fields_of_the_schema_in_their_order(learner, ana, program, run, settings):
    settings.ENABLE_COURSE_EMAIL, settings.REQUIRE_COURSE_EMAIL_AUTH = True, False
    program.type = "MicroMasters"
    program.save()
    enrolled(ana, run)
    DueDateFactory(course_id=run.pk)
    GeneratedCertificateFactory(user=ana, course_id=run.pk)
    BlockCompletion.objects.create(user=ana, course_id=run.pk, block_key="block-v1:x")
    assert list(only(learner, program)) == list(RunOverviewSerializer().fields)


def test_dates_that_are_not_known_are_null_and_a_run_without_a_name_has_that_of_its_key(as_user, ana):
    run = CourseRunFactory(id="course-v1:Uni+C1+Fall_2031_B", display_name=None, start=None, end=None)
    program = program_of(run)
    ProgramEnrollmentFactory(user=ana, program_uuid=program.pk)
    enrolled(ana, run)
    row = only(as_user(ana), program)
    assert row["display_name"] == "Fall 2031 B"
    assert (row["start_date"], row["end_date"], row["course_run_status"]) == (None, None, "upcoming")


def test_the_status_follows_dates_pacing_and_certificates(learner, ana, program):
    now = timezone.now()
    ended = CourseRunFactory(end=now - timedelta(days=1))
    to_come = CourseRunFactory(start=now + timedelta(days=1))
    self_paced, instructor_paced, young = CourseRunFactory(self_paced=True), CourseRunFactory(), CourseRunFactory()
    young.self_paced = True
    young.save()
    program.curricula.get().course_runs.add(ended, to_come, self_paced, instructor_paced, young)
    enrolled(ana, ended, to_come, self_paced, instructor_paced, young)
    for run, days in ((self_paced, 31), (instructor_paced, 31), (young, 29)):
        GeneratedCertificateFactory(user=ana, course_id=run.pk, created=now - timedelta(days=days))
    GeneratedCertificateFactory(user=UserFactory(), course_id=young.pk, created=now - timedelta(days=90))
    statuses = [row["course_run_status"] for row in shown(learner, program)]
    assert statuses == ["completed", "upcoming", "completed", "in_progress", "in_progress"]


def test_whether_a_certificate_passes_is_told_by_its_status_alone(learner, ana, program, run):
    run.self_paced = True
    run.save()
    enrolled(ana, run)
    certificate = GeneratedCertificateFactory(
        user=ana,
        course_id=run.pk,
        status="audit_passing",
        stored_is_passing=True,
        created=timezone.now() - timedelta(days=60),
    )
    assert only(learner, program)["course_run_status"] == "in_progress"
    certificate.status, certificate.stored_is_passing = "generating", False
    certificate.save()
    assert only(learner, program)["course_run_status"] == "completed"


def block(run, name):
    return f"{run.pk.replace('course-v1', 'block-v1')}+type@sequential+block@{name}"


def test_a_run_in_progress_shows_every_due_date_of_everybody_and_of_the_learner(learner, ana, program, run):
    enrolled(ana, run)
    date = datetime(2031, 2, 1, tzinfo=UTC)
    past = datetime(2020, 2, 1, 12, tzinfo=UTC)
    own, extension = datetime(2032, 2, 1, tzinfo=UTC), datetime(2033, 2, 1, tzinfo=UTC)
    DueDateFactory(course_id=run.pk, name="Homework", block=block(run, "hw"), date=date)
    DueDateFactory(course_id=run.pk, name="Quiz", block=block(run, "quiz"), date=past)
    DueDateFactory(course_id=run.pk, name="Essay", block=block(run, "essay"), date=own, user=ana)
    DueDateFactory(course_id=run.pk, name="Exam", block=block(run, "exam"), date=date)
    DueDateFactory(course_id=run.pk, name="Exam", block=block(run, "exam"), date=extension, user=ana)
    DueDateFactory(course_id=run.pk, name="Exam", block=block(run, "exam"), date=past, user=UserFactory())
    DueDateFactory(course_id=run.pk, name="", block=block(run, "gone"), date=extension)
    DueDateFactory(course_id="course-v1:Acme+Other+R1", name="Other", date=date)
    jump = f"{HOST}/courses/{run.pk}/jump_to/"
    assert only(learner, program)["due_dates"] == [
        {"name": "Quiz", "url": jump + block(run, "quiz"), "date": "2020-02-01T12:00:00Z"},
        {"name": "Homework", "url": jump + block(run, "hw"), "date": "2031-02-01T00:00:00Z"},
        {"name": "Essay", "url": jump + block(run, "essay"), "date": "2032-02-01T00:00:00Z"},
        {"name": "Exam", "url": jump + block(run, "exam"), "date": "2033-02-01T00:00:00Z"},
        {"name": "UNKNOWN", "url": jump + block(run, "gone"), "date": "2033-02-01T00:00:00Z"},
    ]


def test_a_due_date_may_have_an_address_in_place_of_a_block(learner, ana, program, run):
    enrolled(ana, run)
    for number, url in enumerate(("https://elsewhere.example/essay", "/essays/1", "")):
        DueDateFactory(course_id=run.pk, name=str(number), block="", url=url)
    due = {row["name"]: row["url"] for row in only(learner, program)["due_dates"]}
    assert due == {
        "0": "https://elsewhere.example/essay",
        "1": f"{HOST}/essays/1",
        "2": f"{HOST}/courses/{run.pk}/",
    }


@pytest.mark.parametrize("days", [{"start": 1, "end": 9}, {"start": -9, "end": -1}])
def test_a_run_that_is_not_in_progress_shows_no_due_dates(learner, ana, program, run, days):
    run.start, run.end = (timezone.now() + timedelta(days=days[name]) for name in ("start", "end"))
    run.save()
    enrolled(ana, run)
    DueDateFactory(course_id=run.pk)
    assert only(learner, program)["due_dates"] == []


def test_whether_mails_reach_the_learner_is_left_out_unless_the_platform_sends_them(learner, ana, program, run):
    run.bulk_email_enabled = run.bulk_email_authorized = True
    run.save()
    enrolled(ana, run)
    assert "emails_enabled" not in only(learner, program)


@pytest.mark.parametrize(
    ("needs_authorization", "authorized", "enabled", "told"),
    [
        (True, True, True, True),
        (True, False, True, False),
        (True, True, False, False),
        (False, False, True, True),
        (False, True, False, False),
    ],
)
def test_whether_mails_reach_the_learner_is_told_of_authorised_runs_that_are_not_disabled(
    learner, ana, program, run, settings, needs_authorization, authorized, enabled, told
):
    settings.ENABLE_COURSE_EMAIL, settings.REQUIRE_COURSE_EMAIL_AUTH = True, needs_authorization
    run.bulk_email_authorized, run.bulk_email_enabled = authorized, enabled
    run.save()
    enrolled(ana, run)
    assert only(learner, program).get("emails_enabled") is (True if told else None)


def test_who_opted_out_of_a_runs_mails_gets_none_of_that_run(learner, ana, program, run, settings):
    settings.ENABLE_COURSE_EMAIL, settings.REQUIRE_COURSE_EMAIL_AUTH = True, False
    other = CourseRunFactory()
    program.curricula.get().course_runs.add(other)
    enrolled(ana, run, other)
    CourseEmailOptout.objects.create(user=ana, course_id=run.pk)
    CourseEmailOptout.objects.create(user=UserFactory(), course_id=other.pk)
    assert [row["emails_enabled"] for row in shown(learner, program)] == [False, True]


@pytest.mark.parametrize(
    ("stored", "pages", "address"),
    [
        ("https://cdn.example/one.pdf", True, "https://cdn.example/one.pdf"),
        ("/media/one.pdf", False, f"{HOST}/media/one.pdf"),
        (None, True, f"{HOST}/certificates/0a1b2c"),
        ("", True, f"{HOST}/certificates/0a1b2c"),
        (None, False, None),
    ],
)
def test_a_downloadable_certificate_has_the_address_of_its_file_or_of_its_page(
    learner, ana, program, run, settings, stored, pages, address
):
    settings.CERTIFICATES_HTML_VIEW = pages
    enrolled(ana, run)
    GeneratedCertificateFactory(user=ana, course_id=run.pk, download_url=stored, verify_uuid="0a1b2c")
    assert only(learner, program).get("certificate_download_url") == address


@pytest.mark.parametrize("status", ["generating", "notpassing", "audit_passing", "unavailable"])
def test_other_certificates_have_no_address(learner, ana, program, run, status):
    enrolled(ana, run)
    GeneratedCertificateFactory(user=ana, course_id=run.pk, status=status, download_url="https://cdn.example/one.pdf")
    assert "certificate_download_url" not in only(learner, program)


@pytest.mark.parametrize("kind", ["MicroMasters", "micromasters", "MICROMASTERS"])
def test_a_micromasters_tells_its_title_and_other_programs_do_not(learner, ana, program, run, kind):
    enrolled(ana, run)
    assert "micromasters_title" not in only(learner, program)
    program.type, program.title = kind, "Data Basics"
    program.save()
    assert only(learner, program)["micromasters_title"] == "Data Basics"


def test_who_completed_a_block_may_resume_there(learner, ana, program, run):
    enrolled(ana, run)
    BlockCompletion.objects.create(user=UserFactory(), course_id=run.pk, block_key=block(run, "foreign"))
    last = BlockCompletion.objects.create(user=ana, course_id=run.pk, block_key=block(run, "v7"))
    address = f"{HOST}/courses/{run.pk}/jump_to/{block(run, 'v7')}"
    assert only(learner, program)["resume_course_run_url"] == address
    last.block_key = ""
    last.save()
    assert "resume_course_run_url" not in only(learner, program)


# --- Pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(ana, program):
    """Thirty runs that Ana is enrolled in, in order."""
    made = runs(30)
    program.curricula.get().course_runs.add(*made)
    enrolled(ana, *made)
    return [run.pk for run in made]


def test_pages_hold_ten_runs_and_follow_each_other(learner, program, many):
    seen, address = [], courses(program)
    while address:
        answer = learner.get(address).json()
        seen.append([row["course_run_id"] for row in answer["results"]])
        address = answer["next"]
    assert seen == [many[:10], many[10:20], many[20:]]
    back = learner.get(answer["previous"]).json()
    assert [row["course_run_id"] for row in back["results"]] == many[10:20]


@pytest.mark.parametrize(("size", "number"), [("25", 25), ("26", 25), ("9999", 25), ("3", 3), ("0", 10), ("x", 10)])
def test_a_page_holds_up_to_twenty_five_runs_on_request(learner, program, many, size, number):
    assert len(learner.get(courses(program), {"page_size": size}).json()["results"]) == number


def test_the_overview_holds_all_runs(learner, program, many):
    answer = learner.get(overview(program), {"page_size": 3}).json()
    assert [row["course_run_id"] for row in answer["course_runs"]] == many


def test_a_bad_cursor_is_refused(learner, program):
    answer = learner.get(courses(program), {"cursor": "nonsense"})
    assert (answer.status_code, answer.json()) == (404, {"developer_message": "Invalid cursor"})


@pytest.mark.parametrize("number", [1, 20])
@pytest.mark.parametrize("address", [courses, overview])
def test_the_list_costs_ten_statements_however_many_runs_it_has(
    learner, ana, program, settings, number, address, django_assert_num_queries
):
    settings.ENABLE_COURSE_EMAIL, settings.REQUIRE_COURSE_EMAIL_AUTH = True, False
    made = runs(number)
    program.curricula.get().course_runs.add(*made)
    enrolled(ana, *made)
    for run in made:
        DueDateFactory(course_id=run.pk)
        GeneratedCertificateFactory(user=ana, course_id=run.pk)
        BlockCompletion.objects.create(user=ana, course_id=run.pk, block_key="block-v1:x")
    # The caller, the program, whether enrolled, what it holds, the page, and what is said of it: runs, certificates,
    # last blocks, due dates, opt-outs.
    with django_assert_num_queries(10):
        answer = learner.get(address(program), {"page_size": 25}).json()
    assert len(answer.get("results") or answer["course_runs"]) == number
