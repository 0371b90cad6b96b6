"""The documents that catalogs hold, as pages, and membership by rule 2 (contract: enterprise-customers 5.1 to 5.6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from enrollments.models import Course, CourseMode, CourseOverview
from enrollments.models.courses import course_uuid
from enterprise.content import index
from enterprise.queries.content import holds, search
from tests import factories

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+Sail+T1"


def days(number):
    return timezone.now() + timedelta(days=number)


def make_run(name="Acme+Sail+T1", modes=("audit", "verified"), **fields):
    org, course, _ = name.split("+")
    return factories.CourseRunFactory(
        id=f"course-v1:{name}", course=factories.CourseFactory(key=f"{org}+{course}"), modes=list(modes), **fields
    )


def found(content_filter, **options):
    return search(content_filter, **{"page": 1, "page_size": 100, **options})


def names(content_filter, **options):
    return [each.get("key") or each["uuid"] for each in found(content_filter, **options).documents]


# --- Documents ----------------------------------------------------------------------------------------------------


def test_a_course_document():
    course = factories.CourseFactory(
        key="Acme+Sail",
        title="Sailing",
        level_type="Introductory",
        subjects=["Water"],
        languages=["en"],
        skills=["Knots"],
        course_type="verified-audit",
        additional_metadata={"subject_uuids": ["s"], "marketing_url": "https://acme.example/sail", "video": "no field"},
    )
    run = make_run(end=days(30), enrollment_end=days(20))
    (document,) = found({"content_type": "course"}).documents

    entry = document.pop("course_runs")[0]
    assert document.pop("content_last_modified")
    assert document == {
        "content_type": "course",
        "key": "Acme+Sail",
        "uuid": str(course.uuid),
        "aggregation_key": "course:Acme+Sail",
        "title": "Sailing",
        "short_description": None,
        "full_description": None,
        "course_type": "verified-audit",
        "product_source": "edx",
        "partner": "edx",
        "org": "Acme",
        "organizations": ["Acme"],
        "level_type": "Introductory",
        "subjects": ["Water"],
        "subject_uuids": ["s"],
        "languages": ["en"],
        "skill_names": ["Knots"],
        "seat_types": ["audit", "verified"],
        "image_url": None,
        "status": "published",
        "published": True,
        "availability": "Current",
        "first_enrollable_paid_seat_price": 50,
        "enrollment_start": None,
        "enrollment_end": entry["enrollment_end"],
        "marketing_url": "https://acme.example/sail",
    }
    assert entry == {
        "key": run.pk,
        "uuid": str(run.uuid),
        "status": "published",
        "availability": "Current",
        "start": entry["start"],
        "end": entry["end"],
        "enrollment_start": None,
        "enrollment_end": entry["enrollment_end"],
        "is_enrollable": True,
        "is_marketable": True,
        "pacing_type": "instructor_paced",
        "first_enrollable_paid_seat_price": 50,
        "seats": entry["seats"],
    }
    assert [(seat["type"], seat["price"], seat["currency"]) for seat in entry["seats"]] == [
        ("audit", 0, "USD"),
        ("verified", 50, "USD"),
    ]
    assert entry["start"][-1] == entry["end"][-1] == "Z"


def test_a_run_document():
    program = factories.ProgramFactory(type="MicroMasters")
    run = make_run(self_paced=True, language="fr", short_description="Short")
    program.courses.add(run.course)
    (document,) = found({"content_type": "courserun"}).documents

    expected = {
        "content_type": "courserun",
        "key": RUN,
        "aggregation_key": "courserun:Acme+Sail",
        "org": "Acme",
        "number": "Sail",
        "partner": "edx",
        "published": True,
        "short_description": "Short",
        "end": None,
        "availability": "Current",
        "pacing_type": "self_paced",
        "type": "verified",
        "seat_types": ["audit", "verified"],
        "has_enrollable_seats": True,
        "mobile_available": False,
        "language": "fr",
        "transcript_languages": [],
        "level_type": None,
        "program_types": ["MicroMasters"],
        "logo_image_urls": [],
        "staff_uuids": [],
        "subject_uuids": [],
        "marketing_url": None,
    }
    assert expected.items() <= document.items()
    further = {"full_description", "min_effort", "max_effort", "weeks_to_complete", "image_url", "title", "start"}
    assert further | {"authoring_organization_uuids", "enrollment_start", "enrollment_end"} <= document.keys()

    program.delete()
    assert found({"content_type": "courserun"}).documents[0]["program_types"] == []


def test_a_program_document():
    program = factories.ProgramFactory(title="Sailing", subtitle="All of it", additional_metadata={"language": ["en"]})
    owner = factories.OrganizationFactory(short_name="Acme")
    program.program_organizations.create(organization=owner)
    (document,) = found({"content_type": "program"}).documents

    expected = {
        "content_type": "program",
        "uuid": str(program.pk),
        "aggregation_key": f"program:{program.pk}",
        "title": "Sailing",
        "subtitle": "All of it",
        "type": "Professional Certificate",
        "status": "active",
        "published": True,
        "partner": "edx",
        "hidden": False,
        "is_program_eligible_for_one_click_purchase": True,
        "authoring_organization_uuids": [str(owner.uuid)],
        "language": ["en"],
        "marketing_url": None,
        "card_image_url": None,
    }
    assert expected.items() <= document.items()
    further = {"weeks_to_complete_min", "weeks_to_complete_max", "subject_uuids", "staff_uuids"}
    assert further | {"min_hours_effort_per_week", "max_hours_effort_per_week"} <= document.keys()
    assert "key" not in document
    assert document["authoring_organizations"][0].keys() == {
        "uuid",
        "key",
        "name",
        "logo_image_url",
        "description",
        "homepage_url",
        "marketing_url",
        "certificate_logo_image_url",
        "tags",
    }
    owner.name = "Renamed"
    owner.save()
    assert found({}).documents[0]["authoring_organizations"][0]["name"] == "Renamed"


def test_a_price_is_that_of_the_advertised_run_else_of_the_first_open_one():
    make_run("Acme+Sail+T1", start=days(-90))
    make_run("Acme+Sail+T2", start=days(-30))
    CourseMode.objects.get(course_id="course-v1:Acme+Sail+T2", mode_slug="verified").delete()
    price = "first_enrollable_paid_seat_price"
    assert found({"content_type": "course"}).documents[0][price] == 50

    unpublished = make_run("Acme+Row+T1", published=False)
    factories.CourseModeFactory(course_id=unpublished.pk, mode_slug="professional", min_price=70)
    unpublished.save()
    assert found({"key": ["Acme+Row"]}).documents[0][price] == 50
    unpublished.enrollment_end = days(-1)
    unpublished.save()
    assert found({"key": ["Acme+Row"]}).documents[0][price] is None


def test_a_run_has_enrollable_seats_while_one_mode_is_not_expired():
    run = make_run(modes=[])
    assert found({"has_enrollable_seats": False}).count == 1
    mode = factories.CourseModeFactory(course_id=run.pk, mode_slug="verified", expiration_datetime=days(-1))
    assert found({"has_enrollable_seats": True}).count == 0
    mode.expiration_datetime = days(1)
    mode.save()
    assert found({"has_enrollable_seats": True}).count == 1


# --- Pages --------------------------------------------------------------------------------------------------------


def test_results_go_by_aggregation_key_then_start():
    program = factories.ProgramFactory()
    make_run("Acme+Sail+T2", start=days(-3))
    make_run("Acme+Sail+T1", start=days(-1))
    make_run("Acme+Row+T1", start=None)
    make_run("Acme+Sail+T3", start=None)

    assert names({}) == [
        "Acme+Row",
        "Acme+Sail",
        "course-v1:Acme+Row+T1",
        "course-v1:Acme+Sail+T3",
        "course-v1:Acme+Sail+T2",
        "course-v1:Acme+Sail+T1",
        str(program.pk),
    ]


def test_pages_hold_their_share_and_all_say_the_count():
    for number in range(5):
        factories.CourseFactory(key=f"Acme+C{number}")

    pages = [found({"content_type": "course"}, page=page, page_size=2) for page in (1, 2, 3, 4)]

    assert [page.count for page in pages] == [5, 5, 5, 5]
    assert [[each["key"] for each in page.documents] for page in pages] == [
        ["Acme+C0", "Acme+C1"],
        ["Acme+C2", "Acme+C3"],
        ["Acme+C4"],
        [],
    ]


@pytest.mark.parametrize(
    ("ordering", "order"),
    [
        ("title", ["Acme+B", "Acme+C", "Acme+A"]),
        ("-title", ["Acme+A", "Acme+C", "Acme+B"]),
        ("-key", ["Acme+C", "Acme+B", "Acme+A"]),
        ("nonsense, -aggregation_key", ["Acme+C", "Acme+B", "Acme+A"]),
        ("document", ["Acme+A", "Acme+B", "Acme+C"]),
        ("", ["Acme+A", "Acme+B", "Acme+C"]),
    ],
)
def test_results_may_be_ordered_otherwise(ordering, order):
    for key, title in (("A", "z"), ("B", "a"), ("C", "m")):
        factories.CourseFactory(key=f"Acme+{key}", title=title)

    assert names({"content_type": "course"}, ordering=ordering) == order


def test_runs_that_are_over_can_be_left_out_of_results_and_count():
    make_run("Acme+Sail+T1", end=days(-1))
    make_run("Acme+Sail+T2", enrollment_end=days(-1))
    make_run("Acme+Sail+T3", end=days(1), enrollment_end=days(1))
    left = ["Acme+Sail", "course-v1:Acme+Sail+T3"]

    page = found({}, exclude_expired=True)
    assert [each["key"] for each in page.documents] == left
    assert page.count == 2
    assert found({}).count == 4
    assert names({"exclude_expired_course_run": True}) == left


def test_a_page_costs_two_statements_however_much_there_is(django_assert_num_queries):
    catalog = factories.CatalogFactory(content_filter={"content_type": ["course", "courserun"]})
    for rows in (1, 30):
        for number in range(rows):
            make_run(f"Acme+C{number}+T{rows}")
        with django_assert_num_queries(2):
            assert len(search(catalog, page=1, page_size=100).documents) == {1: 2, 30: 61}[rows]


# --- Courses by force, restricted runs, kinds that never enter -------------------------------------------------------


def test_forced_courses_join_and_count_as_published_and_current():
    make_run(published=False, availability="Archived")
    content_filter = {"org": "Bolt", "enterprise_force_include_aggregation_keys": ["course:Acme+Sail"]}
    catalog = factories.CatalogFactory(content_filter=content_filter)

    (document,) = found(content_filter).documents
    shown = [document[name] for name in ("key", "status", "published", "availability")]
    assert shown == ["Acme+Sail", "published", True, "Current"]
    assert holds(catalog, RUN)
    assert found({"org": "Acme", "content_type": "course"}).documents[0]["status"] == "unpublished"


def test_restricted_runs_are_hidden_where_they_are_not_named():
    make_run("Acme+Sail+T1", additional_metadata={"restriction_type": "custom-b2b-enterprise"})
    make_run("Acme+Sail+T2", additional_metadata={"restriction_type": "something-else"})
    allowed = {"restricted_runs_allowed": {"course:Acme+Sail": [RUN]}}
    elsewhere = {"restricted_runs_allowed": {"course:Acme+Row": [RUN], RUN: [RUN]}}

    for content_filter, runs in ({}, ["T2"]), (allowed, ["T1", "T2"]), (elsewhere, ["T2"]):
        documents = found(content_filter).documents
        assert [each["key"][-2:] for each in documents if each["content_type"] == "courserun"] == runs
        assert [each["key"][-2:] for each in documents[0]["course_runs"]] == runs
        assert holds(factories.CatalogFactory(content_filter=content_filter or {"partner": "edx"}), RUN) == (
            "T1" in runs
        )


def test_the_price_of_a_course_is_not_that_of_a_hidden_restricted_run():
    make_run("Acme+Sail+T1", start=days(-90), enrollment_end=days(20))
    make_run("Acme+Sail+T2", start=days(-30), additional_metadata={"restriction_type": "custom-b2b-enterprise"})
    CourseMode.objects.filter(course_id="course-v1:Acme+Sail+T2", mode_slug="verified").update(min_price=9)

    (document,) = found({"content_type": "course"}).documents

    assert document["first_enrollable_paid_seat_price"] == document["course_runs"][0]["seats"][1]["price"] == 50
    assert document["enrollment_end"] == document["course_runs"][0]["enrollment_end"] is not None
    assert names({"content_type": "course", "first_enrollable_paid_seat_price__lte": "10"}) == []


@pytest.mark.parametrize(
    ("fields", "enters"),
    [
        ({"course_type": "bootcamp-2u"}, False),
        ({"product_source": "elsewhere"}, False),
        ({"course_type": "executive-education-2u"}, True),
        ({"product_source": "2u"}, True),
        ({"course_type": ""}, True),
    ],
)
def test_courses_and_runs_of_other_kinds_never_enter(fields, enters):
    run = make_run()
    for name, value in fields.items():
        setattr(run.course, name, value)
    run.course.save()

    assert found({}).count == (2 if enters else 0)
    assert found({"enterprise_force_include_aggregation_keys": ["course:Acme+Sail"]}).count == (2 if enters else 0)


def test_executive_education_is_left_out_by_its_course_type_and_comes_from_2u():
    run = make_run()
    run.course.course_type = "executive-education-2u"
    run.course.save()

    assert found({"course_type__exclude": "executive-education-2u"}).count == 0
    assert found({"product_source": "2u"}).count == 2


# --- Rule 2 -------------------------------------------------------------------------------------------------------


def test_a_catalog_of_runs_holds_their_courses():
    make_run("Acme+Sail+T1")
    make_run("Acme+Sail+T2")
    catalog = factories.CatalogFactory(content_filter={"content_type": "courserun", "key": [RUN]})

    assert holds(catalog, RUN)
    assert holds(catalog, "Acme+Sail")
    assert not holds(catalog, "course-v1:Acme+Sail+T2")


def test_a_catalog_of_courses_holds_their_runs():
    make_run()
    make_run("Acme+Row+T1")
    catalog = factories.CatalogFactory(content_filter={"content_type": "course", "key": ["Acme+Sail"]})

    assert holds(catalog, RUN)
    assert holds(catalog, "Acme+Sail")
    assert not holds(catalog, "course-v1:Acme+Row+T1")
    assert not holds(catalog, "Acme+Row")


def test_a_catalog_holds_programs_by_uuid():
    program, other = factories.ProgramFactory(), factories.ProgramFactory(status="retired")
    catalog = factories.CatalogFactory(content_filter={"content_type": "program", "status": "active"})

    assert holds(catalog, str(program.pk))
    assert not holds(catalog, str(other.pk))


def test_by_rule_two_a_key_alone_makes_no_item():
    make_run()
    catalog = factories.CatalogFactory(content_filter={"key": ["Acme+Sail", "Acme+Ghost"], "org": "Bolt"})

    assert not holds(catalog, "Acme+Sail")
    assert not holds(catalog, "Acme+Ghost")


@pytest.mark.parametrize("key", ["", "nothing", "eeeeeeee-0000-4000-8000-000000000009", "course-v1:A+B+C", "x" * 9000])
def test_what_does_not_exist_is_in_no_catalog(key):
    make_run()
    assert not holds(factories.CatalogFactory(content_filter={"partner": "edx"}), key)


def test_a_run_may_belong_to_a_course_that_its_key_does_not_say():
    course = factories.CourseFactory(key="Bolt+Other")
    factories.CourseRunFactory(id=RUN, course=course)
    catalog = factories.CatalogFactory(content_filter={"content_type": "course"})

    assert holds(catalog, RUN)
    assert found({"aggregation_key": "courserun:Bolt+Other"}).count == 1
    assert not holds(catalog, "Acme+Sail")


def test_membership_costs_two_statements(django_assert_num_queries):
    for number in range(20):
        make_run(f"Acme+Sail+T{number}")
    catalog = factories.CatalogFactory(content_filter={"content_type": "course"})
    for key in ("Acme+Sail", "course-v1:Acme+Sail+T3"):
        with django_assert_num_queries(2):
            assert holds(catalog, key)


# --- Thousands ----------------------------------------------------------------------------------------------------


def test_a_catalog_of_thousands_answers_in_as_few_statements(as_user, django_assert_num_queries):
    number_of_courses = 1_500
    now = timezone.now()
    organization = factories.OrganizationFactory(short_name="Bulk")
    courses = Course.objects.bulk_create(
        Course(key=f"Bulk+C{n}", uuid=course_uuid(f"Bulk+C{n}"), organization=organization, modified=now)
        for n in range(number_of_courses)
    )
    keys = [f"course-v1:{course.key}+T1" for course in courses]
    CourseOverview.objects.bulk_create(
        CourseOverview(id=key, uuid=course_uuid(key), course=course, org="Bulk", modified=now)
        for key, course in zip(keys, courses, strict=True)
    )
    index.rebuild()
    catalog = factories.CatalogFactory(content_filter={"org": "Bulk"})
    boss = as_user(factories.customer_admin(catalog.enterprise_customer))
    path = f"/enterprise/api/v1/enterprise-customer/{catalog.enterprise_customer_id}/contains_content_items/"

    for asked, expected in (keys[7:8], True), (keys[:40], True), ([*keys[:40], "Bulk+None"], False):
        with django_assert_num_queries(4 if "Bulk+None" in asked else 5):
            assert boss.get(path, {"course_run_ids": asked}).json() == {"contains_content_items": expected}
    for page in (1, 15, 16, 30):
        with django_assert_num_queries(2):
            found = search(catalog, page=page, page_size=100)
        assert (found.count, len(found.documents)) == (2 * number_of_courses, 100)
    everything = [each["key"] for page in range(1, 32) for each in search(catalog, page=page, page_size=97).documents]
    assert sorted(everything) == sorted([*keys, *(course.key for course in courses)])
    assert everything[:3] == ["Bulk+C0", "Bulk+C1", "Bulk+C10"]
