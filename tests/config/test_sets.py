"""Set-based writes: the same on SQLite and PostgreSQL (config.db.sets)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone

from config.db.sets import (
    InPairs,
    Overtaken,
    insert_from,
    insert_given,
    insert_rows,
    like_text,
    record_history,
    update_from,
)
from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, Organization, User
from enterprise.models import PendingEnrollment, PendingEnterpriseCustomerUser
from tests.factories import (
    CourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_a_set_of_more_than_a_thousand_values_is_one_parameter(django_assert_num_queries):
    account = UserFactory()
    with django_assert_num_queries(1):
        assert list(User.objects.filter(pk__in_set=[account.pk, *range(10_000_000, 10_040_000)])) == [account]


@pytest.mark.parametrize("field", ["user", "user_id", "user__id"])
def test_foreign_keys_take_sets_too(field):
    enrollment = CourseEnrollmentFactory()

    assert CourseEnrollment.objects.filter(**{f"{field}__in_set": {enrollment.user_id}}).get() == enrollment
    assert not CourseEnrollment.objects.filter(**{f"{field}__in_set": []}).exists()


def test_sets_hold_texts_with_any_sign_and_uuids():
    odd = 'it\'s {odd}, "quoted" %s \\ ü'
    UserFactory(username=odd)
    waiting = PendingEnrollmentFactory(license_uuid=uuid4())

    assert User.objects.filter(username__in_set=[odd, "NULL"]).count() == 1
    assert PendingEnrollment.objects.get(license_uuid__in_set=[waiting.license_uuid, uuid4()]) == waiting


def test_pairs_match_together_and_not_crosswise():
    first, second = CourseEnrollmentFactory(course_id="a+b+c"), CourseEnrollmentFactory(course_id="d+e+f")

    together = InPairs("user_id", "course_id", [(first.user_id, "a+b+c"), (second.user_id, "a+b+c")])

    assert list(CourseEnrollment.objects.filter(together)) == [first]
    assert not CourseEnrollment.objects.filter(InPairs("user_id", "course_id", [])).exists()


def test_rows_come_from_another_table_and_existing_ones_are_left_out():
    people = [UserFactory() for _ in range(3)]
    CourseEnrollmentFactory(user=people[0], course_id="run", mode="honor")

    made = insert_from(
        CourseEnrollment,
        User.objects.filter(pk__in_set=[person.pk for person in people]).order_by("-pk"),
        {
            "user_id": F("pk"),
            "course_id": "run",
            "is_active": False,
            "mode": Concat(Value("v-"), "username"),
            "created": people[0].date_joined,
        },
        returning=("user_id", "mode"),
    )

    assert made == [(person.pk, f"v-{person.username}") for person in (people[2], people[1])]
    stored = CourseEnrollment.objects.get(user=people[2])
    assert (stored.is_active, stored.created) == (False, people[0].date_joined)
    assert CourseEnrollment.objects.get(user=people[0]).mode == "honor"


def test_fewer_rows_than_expected_are_reported():
    enrollment = CourseEnrollmentFactory(course_id="run")
    columns = {"user_id": F("pk"), "course_id": "run", "is_active": True, "mode": "audit"}

    with pytest.raises(Overtaken, match="0 of 1 rows"):
        insert_from(
            CourseEnrollment,
            User.objects.filter(pk=enrollment.user_id),
            {**columns, "created": enrollment.created},
            expect=1,
        )


def test_history_is_written_as_the_rows_stand():
    boss = UserFactory()
    enrollment = CourseEnrollmentFactory(mode="honor")

    record_history(CourseEnrollment, [enrollment.pk], "~", user_id=boss.pk, reason="because", moment=boss.date_joined)
    record_history(CourseEnrollment, [], "~")

    written = enrollment.history.get(history_type="~")
    assert (written.mode, written.user_id, written.course_id) == ("honor", enrollment.user_id, enrollment.course_id)
    assert (written.history_user, written.history_change_reason) == (boss, "because")
    assert written.history_date == boss.date_joined


def test_every_row_gets_its_own_values_in_one_statement(django_assert_num_queries):
    waiting = [PendingEnrollmentFactory() for _ in range(3)]
    values = [(each.pk, f"mode {place}", uuid4() if place else None) for place, each in enumerate(waiting)]

    with django_assert_num_queries(1):
        update_from(
            PendingEnrollment,
            ("id", "course_mode", "transaction_id"),
            values,
            same={"discount_percentage": 12, "source_id": None, "modified": waiting[0].created},
        )
        update_from(PendingEnrollment, ("id", "course_mode"), [])

    stored = PendingEnrollment.objects.order_by("pk")
    assert list(stored.values_list("pk", "course_mode", "transaction_id")) == values
    assert set(stored.values_list("discount_percentage", "modified")) == {(12, waiting[0].created)}


def test_rows_of_values_go_in_together_or_not_at_all():
    columns = ("email", "course_id", "auto_enroll", "created")
    moment = UserFactory().date_joined
    insert_rows(CourseEnrollmentAllowed, columns, [(f"{n}@x.example\t'", "run", n == 1, moment) for n in range(3)])

    assert CourseEnrollmentAllowed.objects.filter(auto_enroll=True).get().email == "1@x.example\t'"
    clashing = [("new", "run", True, moment), ("0@x.example\t'", "run", True, moment)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(CourseEnrollmentAllowed, columns, clashing)
    assert CourseEnrollmentAllowed.objects.count() == 3


def test_a_set_of_texts_may_hold_quotes_backslashes_commas_and_braces():
    names = ['a"b', "c\\d", "e,f", "{g}", "h'i", "NULL", "", "ü"]
    Organization.objects.bulk_create(Organization(short_name=name) for name in names)
    Organization.objects.create(short_name="other")
    found = Organization.objects.filter(short_name__in_set=names).values_list("short_name", flat=True)
    assert sorted(found) == sorted(names)
    assert Organization.objects.filter(short_name__in_set=["e,f", "other"]).count() == 2


def test_given_rows_go_in_with_one_statement_and_existing_ones_are_left_out(django_assert_num_queries):
    customer = EnterpriseCustomerFactory()
    PendingLearnerFactory(enterprise_customer=customer, user_email="Old@acme.test")
    odd = 'it\'s "odd", %s \\ {ü}@acme.test'
    rows = [(customer.pk, email) for email in ("new@acme.test", "old@ACME.test", odd, "New@acme.test")]
    moment = timezone.now()
    with django_assert_num_queries(1):
        made = insert_given(
            PendingEnterpriseCustomerUser,
            ("enterprise_customer", "user_email"),
            rows,
            {"created": moment, "modified": moment},
            order_by=("enterprise_customer", "user_email"),
            returning=("pk", "user_email"),
        )
    stored = PendingEnterpriseCustomerUser.objects.filter(created=moment).values_list("pk", "user_email")
    assert sorted(made) == sorted(stored)
    assert {email.lower() for _, email in made} == {"new@acme.test", odd}
    with django_assert_num_queries(0):
        assert insert_given(PendingEnterpriseCustomerUser, ("enterprise_customer", "user_email"), []) == []


@pytest.mark.parametrize("text", ["50%", "a_b", "back\\slash"])
def test_a_text_as_a_pattern_matches_itself_alone(text):
    UserFactory(username="exact", first_name=text)
    UserFactory(username="other", first_name=f"{text}!")
    UserFactory(username="alike", first_name=text.replace("%", "x").replace("_", "x").replace("\\", "") or "-")
    found = User.objects.filter(first_name__like=Value(like_text(text)))
    assert [account.username for account in found] == ["exact"]


def test_few_values_are_read_before_the_rows_that_have_them():
    kim, lou = UserFactory(), UserFactory()
    first = User.objects.filter(pk=kim.pk).order_by().values("pk")
    assert list(User.objects.filter(pk__in_few=first)) == [kim]
    assert lou in User.objects.exclude(pk__in_few=first)
