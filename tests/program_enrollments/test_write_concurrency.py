"""Batches at the same time (contract: program-enrollments, Write rules): nobody twice, and no error."""

from __future__ import annotations

from collections import Counter

import pytest

from config.db.sets import Overtaken
from enrollments.models import CourseEnrollment
from program_enrollments.models import CourseAccessRoleAssignment, ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.services import course_writes
from tests.factories import ProgramEnrollmentFactory, UserFactory
from tests.parallel import at_once, concurrent_writers
from tests.program_enrollments.scenes import enrollments_path, program_of, send, staff
from tests.program_enrollments.students import identity, provider

pytestmark = pytest.mark.django_db(transaction=True)
CURRICULUM = "b1f0c0de-0000-4000-8000-000000000001"
KEYS = [f"S-{number}" for number in range(25)]


@pytest.fixture
def together(as_user):
    """`together((method, path, body), ...)` sends batches at once; their answers, status and words."""

    def call(*batches):
        clients = [as_user(staff()) for _ in batches]
        answers = []

        def one(client, method, path, body):
            answer = send(client, method, path, body)
            answers.append((answer.status_code, answer.json()))

        pairs = zip(clients, batches, strict=True)
        raised = at_once(*(lambda client=client, batch=batch: one(client, *batch) for client, batch in pairs))
        assert raised == []
        return answers

    return call


def rows(status="enrolled", keys=KEYS, **more):
    return [{"student_key": key, "status": status, "curriculum_uuid": CURRICULUM, **more} for key in keys]


def said(answers):
    """How often each key was answered with each word."""
    return Counter((key, word) for _, words in answers for key, word in words.items())


@concurrent_writers
def test_of_identical_posts_one_makes_the_students_and_the_others_meet_conflicts(program, together):
    provider("acme-idp", "Acme")
    for key in KEYS[::2]:
        identity(UserFactory(), f"acme-idp:{key}")
    answers = together(*[("post", enrollments_path(program), rows())] * 4)
    assert sorted(status for status, _ in answers) == [200, 422, 422, 422]
    assert said(answers) == Counter(
        {**{(key, "enrolled"): 1 for key in KEYS}, **{(key, "conflict"): 3 for key in KEYS}}
    )
    assert ProgramEnrollment.objects.count() == 25
    assert ProgramEnrollment.objects.filter(user__isnull=False).count() == 13
    assert ProgramEnrollment.history.count() == 25


@concurrent_writers
def test_identical_puts_all_succeed_and_make_everybody_once(program, together):
    upper = rows(keys=[key.lower() for key in reversed(KEYS)])
    answers = together(*[("put", enrollments_path(program), body) for body in (rows(), upper) * 2])
    assert [status for status, _ in answers] == [200] * 4
    assert ProgramEnrollment.objects.count() == 25
    assert ProgramEnrollment.history.filter(history_type="+").count() == 25
    assert ProgramEnrollment.history.filter(history_type="~").count() == 75


@concurrent_writers
@pytest.mark.parametrize("method", ["post", "put"])
def test_identical_batches_of_a_run_make_everybody_once(program, run, together, method):
    for number, key in enumerate(KEYS):
        ProgramEnrollmentFactory(
            program_uuid=program.pk, external_user_key=key, user=UserFactory() if number % 2 else None
        )
    body = rows("active", course_staff=True)
    mixed = [body, list(reversed(body))] * 2
    answers = together(*[(method, enrollments_path(program, run), batch) for batch in mixed])
    allowed = {200} if method == "put" else {200, 422}
    assert {status for status, _ in answers} == allowed
    assert [status for status, _ in answers].count(200) == (4 if method == "put" else 1)
    assert ProgramCourseEnrollment.objects.count() == ProgramCourseEnrollment.history.count() == 25
    assert CourseEnrollment.objects.filter(mode="masters", is_active=True).count() == 12
    assert CourseEnrollment.history.count() == 12
    assert CourseAccessRoleAssignment.objects.count() == 13


@concurrent_writers
def test_a_waiting_student_becomes_active_in_a_run_in_one_of_two_programs(program, run, together):
    other = program_of(run, organizations=("Other",))
    for each in (program, other):
        for key in KEYS:
            ProgramEnrollmentFactory(program_uuid=each.pk, external_user_key=key)
    answers = together(*[("put", enrollments_path(each, run), rows("active")) for each in (program, other)])
    assert said(answers) == Counter({**{(key, "active"): 1 for key in KEYS}, **{(key, "conflict"): 1 for key in KEYS}})
    assert ProgramCourseEnrollment.objects.filter(status="active").count() == 25


@concurrent_writers
def test_contrary_batches_end_in_one_of_their_states_with_the_plain_enrollments_in_step(program, run, together):
    for key in KEYS:
        ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key=key, user=UserFactory())
    path = enrollments_path(program, run)
    answers = together(*[("put", path, rows(status)) for status in ("active", "inactive") * 3])
    assert {status for status, _ in answers} == {200}
    for each in ProgramCourseEnrollment.objects.select_related("course_enrollment"):
        assert each.course_enrollment.is_active is (each.status == "active")


@concurrent_writers
def test_a_student_who_is_linked_between_two_looks_is_put_in_the_masters_track(program, run, as_user, monkeypatch):
    here = ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key="S-1")
    account = UserFactory()
    accounts = course_writes._accounts
    tries = []

    def link():
        ProgramEnrollment.objects.filter(pk=here.pk).update(user=account)

    def linked_meanwhile(found, program_id):
        ids = accounts(found, program_id)
        if not tries:
            assert at_once(link) == []  # in another connection
        tries.append(ids)
        return ids

    monkeypatch.setattr(course_writes, "_accounts", linked_meanwhile)
    answer = send(as_user(staff()), "put", enrollments_path(program, run), rows("active", keys=["S-1"]))
    assert (answer.status_code, answer.json()) == (200, {"S-1": "active"})
    assert tries == [set(), {account.pk}, {account.pk}, {account.pk}]
    assert CourseEnrollment.objects.get().user == account
    assert ProgramCourseEnrollment.objects.get().course_enrollment == CourseEnrollment.objects.get()


def test_a_batch_that_is_overtaken_again_and_again_breaks_row_by_row(program, run, as_user, monkeypatch):
    ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key="S-1")

    def overtaken(*args):
        raise Overtaken("always")

    monkeypatch.setattr(course_writes, "_create", overtaken)
    monkeypatch.setattr("program_enrollments.services.batches.time.sleep", lambda seconds: None)
    body = rows("active", keys=["S-1", "S-2"])
    answer = send(as_user(staff()), "put", enrollments_path(program, run), body)
    assert (answer.status_code, answer.json()) == (422, {"S-1": "internal-error", "S-2": "internal-error"})
    assert not ProgramCourseEnrollment.objects.exists()
