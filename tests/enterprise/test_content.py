"""Catalog membership, advertised runs, default intentions (contract: enterprise-customers 5; enterprise-learners)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from enrollments.models import CourseMode
from enterprise.models import DefaultEnterpriseEnrollmentIntention
from enterprise.queries.content import advertised_run, catalogs_containing, runs_in_catalogs, runs_of_courses
from enterprise.queries.default_intentions import UNRESOLVED, intended_runs, resolve
from enterprise.services import default_intentions
from tests import factories

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+Sail+T1"


def days(number):
    return timezone.now() + timedelta(days=number)


@pytest.fixture
def course():
    return factories.CourseFactory(
        key="Acme+Sail", level_type="Introductory", course_type="verified-audit", subjects=["Water"]
    )


@pytest.fixture
def run(course):
    return factories.CourseRunFactory(id=RUN, course=course, modes=["audit", "verified"])


def held(content_filter, run_key=RUN):
    catalog = factories.CatalogFactory(content_filter=content_filter)
    factories.CatalogFactory(content_filter={"key": ["Acme+Other"]})
    found = catalogs_containing(catalog.enterprise_customer, [run_key])
    assert found in ({}, {run_key: [catalog.pk]})
    return bool(found)


@pytest.mark.parametrize(
    "content_filter",
    [
        {},
        {"key": ["Acme+Sail"]},
        {"key": [RUN]},
        {"key": ["Acme+Sail"], "level_type": "Advanced"},
        {"aggregation_key": "course:Acme+Sail"},
        {"aggregation_key": ["courserun:Acme+Sail", "course:Acme+Other"]},
        {"aggregation__key": ["course:Acme+Sail"]},
        {"org": "Acme"},
        {"org__exempt": "Bolt", "content_type": "course"},
        {"content_type": "courserun"},
        {"content_type": ["course", "program"], "partner": "EDX"},
        {"level_type": ["Introductory", "Advanced"], "content_type": "course"},
        {"level_type__exclude": ["Advanced"]},
        {"availability": ["Current", "Upcoming"], "status": "published"},
        {"availability__not": "Archived"},
        {"course_type__exclude": "executive-education-2u"},
        {"course_type": "verified-audit"},
        {"product_source": "edx"},
        {"subjects": ["Water", "Fire"]},
        {"subjects__exclude": "Fire"},
        {"seat_types": "verified"},
        {"first_enrollable_paid_seat_price__lte": "50"},
        {"first_enrollable_paid_seat_price__gt": ["10", 20]},
        {"nobody_knows_this": "word"},
        {"level_type": "Advanced", "enterprise_force_include_aggregation_keys": ["course:Acme+Sail"]},
        {"restricted_runs_allowed": {}},
    ],
)
def test_a_run_is_held_by_a_catalog_whose_filter_it_or_its_course_meets(run, content_filter):
    assert held(content_filter)


@pytest.mark.parametrize(
    "content_filter",
    [
        {"key": ["Acme+Other"]},
        {"key": ["acme+sail"]},
        {"uuid": ["00000000-0000-4000-8000-000000000000"]},
        {"aggregation_key": "program:Acme+Sail"},
        {"org": "Bolt"},
        {"org": "acme"},
        {"org__exclude": ["Acme", "Bolt"]},
        {"content_type": "program"},
        {"partner": "other"},
        {"level_type": "Advanced"},
        {"level_type__exclude": ["Introductory", "Advanced"]},
        {"availability": "Archived"},
        {"status": "unpublished"},
        {"status__not": "published"},
        {"course_type": ["audit"]},
        {"subjects__exclude": ["Water"]},
        {"course_type__exclude": "verified-audit"},
        {"product_source__not": "edx", "content_type": "courserun"},
        {"first_enrollable_paid_seat_price__lte": "49.99"},
        {"first_enrollable_paid_seat_price__gt": ["10", "70"]},
        {"first_enrollable_paid_seat_price__lt": "many"},
        {"level_type__gt": 1},
        {"level_type__startswith": "Intro"},
        {"course_runs__status__not": "archived"},
        {"level_type": None},
        {"level_type": []},
    ],
)
def test_a_run_that_misses_one_member_is_not_held(run, content_filter):
    assert not held(content_filter)


def test_the_course_and_its_uuid_count_as_explicit_ids(run, course):
    assert held({"uuid": [str(course.uuid)]})


def test_an_unknown_run_is_held_by_explicit_ids_only(run):
    assert held({"key": ["Acme+Ghost"]}, "course-v1:Acme+Ghost+T9")
    assert not held({}, "course-v1:Acme+Ghost+T9")
    assert not held({"key": ["Acme+Sail"]}, "no key at all")


def test_the_filter_of_the_query_wins_over_the_catalogs_own(run):
    query = factories.CatalogQueryFactory(content_filter={"org": "Bolt"})
    catalog = factories.CatalogFactory(content_filter={}, enterprise_catalog_query=query)

    assert catalogs_containing(catalog.enterprise_customer, [RUN]) == {}


@pytest.mark.parametrize("fields", [{"course_type": "bootcamp"}, {"product_source": "elsewhere"}])
def test_content_of_foreign_kinds_never_enters_unless_it_is_named(run, course, fields):
    for name, value in fields.items():
        setattr(course, name, value)
    course.save()

    assert not held({})
    assert held({"key": [course.key]})


def test_restricted_runs_show_in_catalogs_that_name_them(run):
    run.additional_metadata = {"restriction_type": "custom-b2b-enterprise"}
    run.save()

    assert not held({})
    assert not held({"restricted_runs_allowed": {"course:Acme+Sail": ["course-v1:Acme+Sail+T2"]}})
    assert held({"restricted_runs_allowed": {"course:Acme+Sail": [RUN]}})


def test_expired_runs_can_be_left_out(run):
    run.end = days(-1)
    run.save()

    assert held({"content_type": "courserun"})
    assert not held({"content_type": "courserun", "exclude_expired_course_run": True})


def test_the_availability_follows_the_dates_unless_one_is_stored(run):
    for start, end, word in (
        (days(-9), days(-1), "Archived"),
        (None, None, "Current"),
        (days(59), None, "Starting Soon"),
        (days(61), None, "Upcoming"),
    ):
        run.start, run.end = start, end
        run.save()
        assert held({"availability": word}), word
    run.availability = "Archived"
    run.save()
    assert held({"availability": "Archived", "content_type": "course"})


def test_many_runs_and_customers_cost_three_statements(django_assert_num_queries):
    keys = [f"course-v1:Acme+C{n}+T1" for n in range(8)]
    for key in keys:
        factories.CourseRunFactory(id=key, course=factories.CourseFactory(key=f"Acme+{key[15:17]}"), modes=["audit"])
    catalogs = [factories.CatalogFactory(content_filter={"org": "Acme"}) for _ in range(5)]

    with django_assert_num_queries(3):
        found = runs_in_catalogs([catalog.enterprise_customer_id for catalog in catalogs], keys)

    assert all(found[catalog.enterprise_customer_id] == {key: [catalog.pk] for key in keys} for catalog in catalogs)
    with django_assert_num_queries(0):
        assert runs_in_catalogs([], keys) == {}


# --- the advertised run -------------------------------------------------------------------------------------------


def advertised(course):
    found = advertised_run(course.advertised_run_key, runs_of_courses([course.pk]).get(course.pk, []))
    return found.row.pk[-2:] if found else None


def offers(course, name, start, **fields):
    modes = fields.pop("modes", ["audit", "verified"])
    return factories.CourseRunFactory(
        id=f"course-v1:Acme+Sail+{name}", course=course, start=start, modes=modes, **fields
    )


def test_a_course_advertises_its_latest_running_run_with_a_paid_seat(course):
    offers(course, "T1", days(-90))
    offers(course, "T2", days(-60))
    offers(course, "T3", days(-30), end=days(-1))
    offers(course, "T4", days(-20), modes=["audit"])
    offers(course, "T5", days(-10), published=False)
    expired = offers(course, "T6", days(-5))
    CourseMode.objects.filter(course_id=expired.pk, mode_slug="verified").update(expiration_datetime=days(-1))
    offers(course, "T7", days(5))

    assert advertised(course) == "T2"


def test_without_a_running_paid_run_it_advertises_the_next_else_the_latest(course):
    assert advertised(course) is None
    offers(course, "T0", days(-9), modes=[])
    assert advertised(course) is None
    offers(course, "T1", None, modes=["audit"])
    offers(course, "T2", days(-9), modes=["audit"])
    assert advertised(course) == "T2"
    offers(course, "T3", days(9))
    offers(course, "T4", days(5))
    assert advertised(course) == "T4"


def test_the_stored_run_is_advertised_if_it_exists(course):
    offers(course, "T1", days(-9))
    stored = offers(course, "T2", days(-90), published=False, modes=[])
    course.advertised_run_key = stored.pk
    assert advertised(course) == "T2"
    course.advertised_run_key = "course-v1:Acme+Sail+Gone"
    assert advertised(course) == "T1"


# --- default intentions -------------------------------------------------------------------------------------------


def intention(customer, content_key, **fields):
    made = DefaultEnterpriseEnrollmentIntention(enterprise_customer=customer, content_key=content_key, **fields)
    default_intentions.save(made)
    return made


def test_content_keys_of_courses_and_runs_are_resolved_ignoring_case(run, course, django_assert_max_num_queries):
    other = factories.CourseRunFactory(id="course-v1:Acme+Lone+T1", course=None)
    empty = factories.CourseFactory(key="Acme+Empty")

    with django_assert_max_num_queries(5):
        found = resolve(["acme+SAIL", RUN.upper(), other.pk, empty.key, "nothing", ""])

    assert (found["acme+SAIL"].content_type, found["acme+SAIL"].course_key) == ("course", course.key)
    assert found["acme+SAIL"].run.row == run
    assert (found[RUN.upper()].content_type, found[RUN.upper()].run.row) == ("course_run", run)
    assert (found[other.pk].course_key, found[other.pk].run.row) == ("Acme+Lone", other)
    assert (found[empty.key].content_type, found[empty.key].run) == ("course", None)
    assert found["nothing"] is found[""] is UNRESOLVED


def test_saving_an_intention_derives_its_type(run, course):
    customer = factories.EnterpriseCustomerFactory()

    assert intention(customer, course.key).content_type == "course"
    assert intention(customer, RUN).content_type == "course_run"


@pytest.mark.parametrize("content_key", ["nothing", "Acme+Empty"])
def test_content_without_a_run_is_refused(content_key):
    factories.CourseFactory(key="Acme+Empty")

    with pytest.raises(ValidationError) as refusal:
        intention(factories.EnterpriseCustomerFactory(), content_key)

    assert refusal.value.message_dict == {"content_key": ["The content key did not resolve to a valid course run."]}


def test_content_that_was_removed_before_is_refused_for_that_customer_only(run):
    customer, other = factories.EnterpriseCustomerFactory(), factories.EnterpriseCustomerFactory()
    removed = intention(customer, RUN, is_removed=True)

    with pytest.raises(ValidationError) as refusal:
        intention(customer, RUN)
    assert refusal.value.message_dict.keys() == {"content_key"}
    assert intention(other, RUN).pk

    removed.is_removed = False
    default_intentions.save(removed)
    assert DefaultEnterpriseEnrollmentIntention.objects.filter(enterprise_customer=customer).get() == removed


def test_the_first_available_intention_that_leads_to_a_run_is_found(run, course, django_assert_max_num_queries):
    customer, other = factories.EnterpriseCustomerFactory(), factories.EnterpriseCustomerFactory()
    intention(other, RUN)
    first = intention(customer, course.key, created=days(-2))
    intention(customer, RUN, created=days(-1))

    with django_assert_max_num_queries(6):
        assert intended_runs(customer) == {RUN: first.pk}
