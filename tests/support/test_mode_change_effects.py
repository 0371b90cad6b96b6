"""What follows when an agent changes a learner's mode: scores and mails (contract: support, section 5)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core import mail

from enrollments.emails import verification_expiry
from enrollments.models import (
    CourseEnrollment,
    CourseGrade,
    CourseOverview,
    GeneratedCertificate,
    IDVerificationAttempt,
    OutboxMessage,
    User,
    VerificationDeadline,
)
from enrollments.services import scores
from enrollments.tasks import generate_certificate, recalculate_scores
from support.emails import proctoring_requirements
from support.models import OnboardingStatus
from tests.enrollments.calls import ask
from tests.factories import (
    CourseGradeFactory,
    CourseRunFactory,
    GeneratedCertificateFactory,
    OnboardingFactory,
    UserFactory,
    VerificationFactory,
)
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db
BIO = "course-v1:Oak+BIO1+2024"
BIO_URL = f"/course/{BIO}/home"
PROCTORING, EXPIRY = "support.proctoring_requirements", "enrollments.verification_expiry"


@pytest.fixture
def mira(mira):
    mira.profile.name = "Mira Oak"
    mira.profile.save()
    return mira


@pytest.fixture
def run():
    return run_with("audit", "verified", "professional", "honor", id=BIO, display_name="Biology <One>")


@pytest.fixture
def enrollment(run, mira):
    return enrolled(run, mira)


@pytest.fixture
def change(desk, enrollment, django_capture_on_commit_callbacks):
    """`change(mode)` is an agent who changes mira's mode, and the tasks and mails of that; answers the response."""

    def patch(mode, *, then=None):
        with django_capture_on_commit_callbacks(execute=True):
            old = CourseEnrollment.objects.get(pk=enrollment.pk).mode
            body = {"course_id": BIO, "old_mode": old, "new_mode": mode, "reason": ""}
            answer = desk.patch("/support/enrollment/mira", body, format="json")
            if then is not None:
                then()
        return answer

    return patch


def mails(message_type):
    """Whom mails of this type were asked for, and what became of them."""
    return list(OutboxMessage.objects.filter(message_type=message_type).values_list("recipient", "state"))


# --- Scores -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """The options of each task that was asked to see scores anew; it runs all the same."""
    calls: list[dict] = []
    real = recalculate_scores.apply_async
    monkeypatch.setattr(recalculate_scores, "apply_async", lambda **options: calls.append(options) or real(**options))
    return calls


def certificates():
    return list(GeneratedCertificate.objects.values_list("user__username", "mode", "status"))


def test_scores_are_seen_anew_half_a_minute_after_the_mode_has_changed(change, mira, asked):
    assert change("verified").status_code == 200
    assert asked == [{"args": [[(mira.pk, BIO)]], "countdown": 30}]


def test_the_same_mode_and_a_refused_change_bring_nothing(change, asked, mira):
    OnboardingFactory(course_id=BIO)
    VerificationFactory(user=mira, expired=True)
    CourseEnrollment.objects.update(mode="verified")
    assert change("verified").status_code == 200
    assert change("no such mode").status_code == 400
    assert (asked, mails(PROCTORING), mails(EXPIRY)) == ([], [], [])


def test_a_grade_that_comes_after_the_change_counts_too(change, mira):
    late = change("verified", then=lambda: CourseGradeFactory(user=mira, course_id=BIO))
    assert (late.status_code, certificates()) == (200, [("mira", "verified", "downloadable")])


@pytest.mark.parametrize(
    ("before", "passed", "standing", "after"),
    [
        ("audit", False, "audit_notpassing", ("verified", "notpassing")),
        ("audit", True, "audit_passing", ("verified", "downloadable")),
        ("verified", False, "notpassing", ("audit", "audit_notpassing")),
        ("verified", True, "notpassing", ("audit", "audit_passing")),
        ("honor", False, "notpassing", ("verified", "notpassing")),
    ],
)
def test_how_a_learner_stands_follows_the_mode(change, desk, mira, before, passed, standing, after):
    CourseEnrollment.objects.update(mode=before)
    CourseGradeFactory(user=mira, course_id=BIO, passed=passed)
    GeneratedCertificateFactory(user=mira, course_id=BIO, mode=before, status=standing, stored_is_passing=True)
    change(after[0])
    (row,) = desk.get(f"/certificates/search?user=mira&course_id={BIO.replace('+', '%2B')}").json()
    assert (row["type"], row["status"], row["is_passing"]) == (*after, after[1] == "downloadable")


@pytest.mark.parametrize("status", ["downloadable", "generating", "unavailable", "unverified", "error", "requesting"])
def test_what_is_more_than_a_standing_stays(change, mira, status):
    CourseEnrollment.objects.update(mode="verified")
    CourseGradeFactory(user=mira, course_id=BIO, passed=False)
    GeneratedCertificateFactory(user=mira, course_id=BIO, mode="verified", status=status)
    change("audit")
    assert certificates() == [("mira", "verified", status)]


@pytest.mark.parametrize("grade", [None, {"error": "Grade store is away"}], ids=["none", "unreadable"])
def test_without_a_grade_that_can_be_read_nothing_is_decided(change, mira, grade):
    if grade:
        CourseGradeFactory(user=mira, course_id=BIO, **grade)
    GeneratedCertificateFactory(user=mira, course_id=BIO, mode="audit", status="audit_passing")
    change("verified")
    assert certificates() == [("mira", "audit", "audit_passing")]


def test_who_is_not_active_is_left_alone(change, mira):
    CourseEnrollment.objects.update(is_active=False)
    CourseGradeFactory(user=mira, course_id=BIO)
    GeneratedCertificateFactory(user=mira, course_id=BIO, mode="audit", status="audit_passing")
    change("verified")
    assert certificates() == [("mira", "audit", "audit_passing")]


def test_grades_stay_as_they_are_and_so_do_others(change, mira):
    CourseGradeFactory(user=mira, course_id=BIO, passed=False, letter_grade=None, percent=0.3)
    others = [{"user": mira}, {"user": UserFactory(username="otto"), "course_id": BIO}]
    for other in others:
        GeneratedCertificateFactory(mode="audit", status="audit_notpassing", **other)
    change("verified")
    grade = CourseGrade.objects.get()
    assert (grade.passed, grade.letter_grade, grade.percent) == (False, None, 0.3)
    assert sorted(certificates()) == [("mira", "audit", "audit_notpassing"), ("otto", "audit", "audit_notpassing")]


@pytest.mark.parametrize(("passed", "standing"), [(True, None), (False, "audit_notpassing")])
def test_the_task_may_run_twice(change, mira, passed, standing, django_capture_on_commit_callbacks):
    CourseGradeFactory(user=mira, course_id=BIO, passed=passed)
    if standing:
        GeneratedCertificateFactory(user=mira, course_id=BIO, mode="audit", status=standing)
    change("verified")
    before = GeneratedCertificate.objects.values().get()
    with django_capture_on_commit_callbacks(execute=True):
        recalculate_scores([[mira.pk, BIO], [mira.pk, BIO], [10**6, BIO], [mira.pk, "course-v1:Gone+X+1"]])
    assert GeneratedCertificate.objects.values().get() == before


def test_many_learners_cost_as_few_statements_as_one(run, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(generate_certificate, "delay", lambda *place: None)
    for number in (1, 20):
        learners = [UserFactory() for _ in range(number)]
        for learner in learners:
            enrolled(run, learner, mode="verified")
            CourseGradeFactory(user=learner, course_id=BIO, passed=False)
            GeneratedCertificateFactory(user=learner, course_id=BIO, mode="audit", status="audit_notpassing")
        with django_assert_num_queries(7):  # savepoint, accounts, modes, certificates, grades, update, release
            scores.recalculate([(learner.pk, BIO) for learner in learners])


# --- Proctored exams --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["verified", "professional"])
def test_who_moves_to_a_mode_with_proctored_exams_is_told_of_them(change, mode):
    OnboardingFactory(course_id=BIO)
    change(mode)
    assert mails(PROCTORING) == [("mira@oak.example", "sent")]
    assert [letter.to for letter in mail.outbox] == [["mira@oak.example"]]


def test_the_mail_names_the_course_and_what_is_needed(change, settings):
    settings.PLATFORM_NAME, settings.DEFAULT_FROM_EMAIL = "Oak Online", "desk@oak.example"
    OnboardingFactory(course_id=BIO)
    change("verified")
    (letter,) = mail.outbox
    assert letter.subject == "What the proctored exams in Biology <One> ask of you"
    assert (letter.to, letter.from_email) == (["mira@oak.example"], "desk@oak.example")
    ((html, kind),) = letter.alternatives
    assert (kind, "Biology &lt;One&gt;" in html, "Biology <One>" in letter.body) == ("text/html", True, True)
    for text in (letter.body, html):
        for words in ("Mira Oak", "proctored exams", "camera", "photo ID", "onboarding exam", BIO_URL, "Online team"):
            assert words in text
        assert "Go to the onboarding exam" not in text
        assert "Read all requirements" not in text


def test_where_the_learner_has_an_onboarding_exam_the_mail_leads_to_it(change, mira, settings):
    settings.LMS_ROOT_URL = "https://learn.oak.example"
    OnboardingFactory(
        user=mira,
        course_id=BIO,
        onboarding_link=f"/courses/{BIO}/jump_to/block-v1:x",
        review_requirements_url="https://proctor.example/rules?a=1&b=2",
    )
    change("verified")
    (letter,) = mail.outbox
    assert f"https://learn.oak.example/courses/{BIO}/jump_to/block-v1:x" in letter.body
    assert "https://proctor.example/rules?a=1&b=2" in letter.body
    assert 'href="https://proctor.example/rules?a=1&amp;b=2"' in letter.alternatives[0][0]


@pytest.mark.parametrize("status", ["verified", "other_course_approved"])
def test_who_has_passed_the_onboarding_exam_is_not_asked_for_it(change, mira, status):
    OnboardingFactory(user=mira, course_id=BIO, onboarding_status=status)
    change("verified")
    (letter,) = mail.outbox
    assert "onboarding exam" not in letter.body + letter.alternatives[0][0]


def test_a_run_without_proctored_exams_brings_no_mail(change, mira):
    OnboardingFactory(user=mira, course_id=CourseRunFactory().pk)
    change("verified")
    assert (mails(PROCTORING), mail.outbox) == ([], [])


@pytest.mark.parametrize(("stored", "mode"), [("audit", "honor"), ("verified", "audit")])
def test_a_mode_without_proctored_exams_brings_no_mail(change, stored, mode):
    OnboardingFactory(course_id=BIO)
    CourseEnrollment.objects.update(mode=stored)
    change(mode)
    assert (mails(PROCTORING), mail.outbox) == ([], [])


# --- An ID verification that has expired ------------------------------------------------------------------------------


@pytest.fixture
def expired(mira):
    return VerificationFactory(user=mira, created_at=ago(800), expiration_datetime=datetime(2024, 2, 3, 9, tzinfo=UTC))


def test_who_moves_to_verified_hears_that_the_verification_has_expired(change, expired, settings):
    settings.PLATFORM_NAME, settings.DEFAULT_FROM_EMAIL = "Oak & Online", "desk@oak.example"
    VerificationDeadline.objects.create(course_id=BIO, deadline=datetime(2130, 7, 8, 9, tzinfo=UTC))
    change("verified")
    assert mails(EXPIRY) == [("mira@oak.example", "sent")]
    (letter,) = mail.outbox
    assert letter.subject == "Your ID verification for Oak & Online has expired"
    assert (letter.to, letter.from_email) == (["mira@oak.example"], "desk@oak.example")
    ((html, kind),) = letter.alternatives
    assert (kind, "Biology &lt;One&gt;" in html, "Biology <One>" in letter.body) == ("text/html", True, True)
    for text in (letter.body, html):
        for words in ("Mira Oak", "expired on February 3, 2024", "again by July 8, 2130", BIO_URL):
            assert words in text


@pytest.mark.parametrize("deadline", [None, datetime(2024, 7, 8, 9, tzinfo=UTC)], ids=["none", "past"])
def test_without_a_deadline_ahead_the_mail_names_none(change, expired, deadline):
    if deadline:
        VerificationDeadline.objects.create(course_id=BIO, deadline=deadline)
    change("verified")
    assert "please verify your identity again.\n" in mail.outbox[0].body


@pytest.mark.parametrize(
    "attempts",
    [
        [],
        [{}],
        [{"expiration_datetime": ago(-9)}],
        [{"status": "denied", "expired": True}],
        [{"expired": True}, {"status": "submitted"}],
        [{"expired": True}, {"kind": "manual"}],
        [{"expired": True, "kind": "sso"}],
    ],
    ids=["never verified", "for ever", "still valid", "denied", "asked again", "valid of another kind", "not shown"],
)
def test_whose_verification_has_not_expired_gets_no_mail(change, mira, attempts):
    for age, attempt in enumerate(reversed(attempts)):
        VerificationFactory(user=mira, created_at=ago(age + 1), **attempt)
    change("verified")
    assert (mails(EXPIRY), mail.outbox) == ([], [])


@pytest.mark.parametrize(("stored", "mode"), [("audit", "professional"), ("verified", "audit")])
def test_another_mode_asks_for_no_verification(change, expired, stored, mode):
    CourseEnrollment.objects.update(mode=stored)
    change(mode)
    assert (mails(EXPIRY), mail.outbox) == ([], [])


# --- Both mails -------------------------------------------------------------------------------------------------------


@pytest.fixture
def both(expired):
    """A change to `verified` that is worth both mails."""
    OnboardingFactory(course_id=BIO)


def both_mails():
    return [len(mails(EXPIRY)), len(mails(PROCTORING))]


def test_each_change_is_worth_its_mails(change, both):
    for mode in ("verified", "audit", "verified", "verified"):
        change(mode)
    assert both_mails() == [2, 2]
    assert len({letter.subject for letter in mail.outbox}) == 2


def test_an_inactive_enrollment_brings_no_mail(change, both):
    CourseEnrollment.objects.update(is_active=False)
    assert change("verified").status_code == 200
    assert both_mails() == [0, 0]


def test_a_deployment_may_send_none(change, both, settings):
    settings.SEND_VERIFICATION_EXPIRY_EMAIL = settings.SEND_PROCTORING_REQUIREMENTS_EMAIL = False
    change("verified")
    assert both_mails() == [0, 0]


def test_a_change_that_is_rolled_back_sends_nothing(change, desk, both, asked, monkeypatch):
    def fail(enrollment):
        raise RuntimeError("broken")

    monkeypatch.setattr("support.services.enrollments.pick_up_entitlement", fail)
    assert change("verified").status_code == 500
    assert CourseEnrollment.objects.get().mode == "audit"
    assert (both_mails(), mail.outbox, asked) == ([0, 0], [], [])


@pytest.mark.parametrize(
    "happens",
    [
        lambda: CourseEnrollment.objects.update(mode="audit"),
        lambda: CourseEnrollment.objects.update(is_active=False),
        lambda: CourseOverview.objects.all().delete(),
        lambda: CourseEnrollment.objects.all().delete(),
    ],
    ids=["another mode", "left", "no run", "no enrollment"],
)
def test_what_no_longer_holds_when_the_mail_is_written_is_not_sent(change, both, happens):
    change("verified", then=happens)
    assert (both_mails(), mail.outbox) == ([1, 1], [])


@pytest.mark.parametrize(
    "happens",
    [
        lambda: VerificationFactory(user=User.objects.get(username="mira")),
        lambda: IDVerificationAttempt.objects.update(expiration_datetime=None),
        lambda: IDVerificationAttempt.objects.all().delete(),
    ],
    ids=["verified again", "prolonged", "gone"],
)
def test_who_is_verified_in_the_meantime_is_not_reminded(change, expired, happens):
    change("verified", then=happens)
    assert (both_mails(), mail.outbox) == ([1, 0], [])


def test_the_api_changes_modes_with_the_same_effects(
    as_user, mira, enrollment, both, django_capture_on_commit_callbacks
):
    CourseGradeFactory(user=mira, course_id=BIO)
    staff = as_user(UserFactory(staff=True))
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(staff, CourseOverview.objects.get(), user="mira", mode="verified")
    assert answer.status_code == 200
    assert both_mails() == [1, 1]
    assert certificates() == [("mira", "verified", "downloadable")]


@pytest.mark.parametrize(("mode", "count"), [("verified", 1), ("audit", 0)])
def test_an_agent_who_enrolls_in_another_mode_than_the_default_changes_it_too(
    desk, mira, run, both, mode, count, django_capture_on_commit_callbacks
):
    body = {"course_id": BIO, "mode": mode, "reason": ""}
    with django_capture_on_commit_callbacks(execute=True):
        assert desk.post("/support/enrollment/mira", body, format="json").status_code == 200
    assert both_mails() == [count, count]


def test_mails_of_a_batch_cost_a_fixed_number_of_statements(run, django_assert_num_queries):
    def batch(number):
        for each in range(number):
            enrollment = enrolled(run, UserFactory(profile__name="A B"), mode="verified")
            attempt = VerificationFactory(user=enrollment.user, expired=True)
            OnboardingFactory(user=enrollment.user, course_id=BIO)
            yield OutboxMessage(pk=each + 1, context={"enrollment_id": enrollment.pk, "attempt_id": attempt.pk})

    for number in (1, 12):
        messages = list(batch(number))
        with django_assert_num_queries(5):
            letters = list(verification_expiry.render(messages).values())
        with django_assert_num_queries(3):
            letters += proctoring_requirements.render(messages).values()
        assert [letter.to for letter in letters] == [[]] * 2 * number


def test_the_world_file_states_the_facts_and_loading_it_mails_nobody(load, change, run, mira):
    load(
        {
            "verifications": [{"user": "mira", "status": "approved", "created": "-800d", "expiration": "-70d"}],
            "onboarding": [{"user": "mira", "course_run": BIO, "onboarding_status": None}],
            "enrollments": [{"user": "mira", "course_run": BIO, "mode": "professional"}],
        }
    )
    assert both_mails() == [0, 0]
    assert OnboardingStatus.objects.get().onboarding_status is None
    change("verified")
    assert both_mails() == [1, 1]
