"""Details of a course, run or program that a catalog holds (contract: enterprise-customers 4.5, 5.2, 5.4 rule 2)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from enrollments.models import CreditProvider, Curriculum, ProgramOrganization
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/enterprise/api/v1/enterprise_catalogs/"
NOT_FOUND = {"detail": "Not found."}
ORGANIZATION_KEYS = {
    "uuid", "key", "name", "logo_image_url", "description", "homepage_url", "marketing_url",
    "certificate_logo_image_url", "tags",
}  # fmt: skip
RUN_KEYS = {
    "key", "uuid", "title", "image", "short_description", "full_description", "marketing_url", "seats", "start", "end",
    "enrollment_start", "enrollment_end", "pacing_type", "type", "status", "course", "is_enrollable", "is_marketable",
    "announcement", "video", "content_language", "transcript_languages", "instructors", "staff", "min_effort",
    "max_effort", "weeks_to_complete", "modified", "level_type", "availability", "mobile_available", "hidden",
    "reporting_type", "eligible_for_financial_aid", "content_type", "has_enrollable_seats",
    "first_enrollable_paid_seat_price", "enrollment_url",
}  # fmt: skip
COURSE_KEYS = {
    "key", "uuid", "title", "course_type", "short_description", "full_description", "level_type", "image", "video",
    "owners", "sponsors", "subjects", "prerequisites", "expected_learning_items", "programs", "marketing_url",
    "modified", "content_type", "advertised_course_run_uuid", "entitlements", "skill_names", "course_runs",
    "enrollment_url",
}  # fmt: skip
PROGRAM_KEYS = {
    "uuid", "title", "subtitle", "type", "status", "marketing_slug", "marketing_url", "banner_image", "courses",
    "authoring_organizations", "card_image_url", "is_program_eligible_for_one_click_purchase", "overview",
    "min_hours_effort_per_week", "max_hours_effort_per_week", "video", "expected_learning_items", "faq",
    "credit_backing_organizations", "corporate_endorsements", "job_outlook_items", "individual_endorsements",
    "languages", "transcript_languages", "subjects", "price_ranges", "staff", "credit_redemption_overview",
    "applicable_seat_types", "enrollment_url",
}  # fmt: skip


@pytest.fixture
def customer():
    return factories.EnterpriseCustomerFactory(name="Acme Inc")


@pytest.fixture
def admin(as_user, customer):
    return as_user(factories.customer_admin(customer))


@pytest.fixture
def course():
    return factories.CourseFactory(
        key="Acme+Sail",
        title="Sailing",
        course_type="verified-audit",
        level_type="Introductory",
        subjects=["Water"],
        skills=["Knots"],
        image_url="https://x.example/sail.png",
        full_description="All of it.",
        entitlements=[{"mode": "verified", "price": "149.00", "sku": "E1"}],
        additional_metadata={"prerequisites": ["Swim"], "marketing_url": "https://x.example/sail", "key": "forged"},
    )


@pytest.fixture
def run(course):
    run = factories.CourseRunFactory(
        id="course-v1:Acme+Sail+T1",
        course=course,
        display_name="Sailing, first term",
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=datetime(2099, 1, 1, tzinfo=UTC),
        language="English",
        self_paced=True,
        modes=["audit", "credit"],
        additional_metadata={"min_effort": 3, "mobile_available": True, "level_type": "Advanced", "video": None},
    )
    factories.CourseModeFactory(
        course_id=run.pk, mode_slug="verified", sku="S1", expiration_datetime=datetime(2098, 1, 1, tzinfo=UTC)
    )
    return run


def catalog_of(customer, content_filter):
    return factories.CatalogFactory(enterprise_customer=customer, content_filter=content_filter)


@pytest.fixture
def catalog(customer):
    return catalog_of(customer, {"content_type": "course"})


def shown(client, catalog, tail, **extra):
    answer = client.get(f"{URL}{catalog.pk}/{tail}", **extra)
    assert answer.status_code == 200, answer.content
    return answer.json()


def enroll(catalog, kind, key, settings):
    return (
        f"{settings.LMS_ROOT_URL}/enterprise/{catalog.enterprise_customer_id}/{kind}/{key}/enroll/"
        f"?catalog={catalog.pk}&utm_medium=enterprise&utm_source=acme-inc"
    )


# --- Courses ------------------------------------------------------------------------------------------------------


def test_a_course_with_its_runs(admin, catalog, course, run, settings):
    program = factories.ProgramFactory(title="Boats", marketing_slug="boats")
    program.courses.add(course)

    body = shown(admin, catalog, "courses/Acme+Sail/")

    assert body.keys() == COURSE_KEYS
    assert (body["key"], body["uuid"], body["title"]) == ("Acme+Sail", str(course.uuid), "Sailing")
    assert (body["content_type"], body["course_type"], body["level_type"]) == (
        "course", "verified-audit", "Introductory",
    )  # fmt: skip
    assert body["image"] == {"src": "https://x.example/sail.png", "description": None, "height": None, "width": None}
    (owner,) = body["owners"]
    assert owner.keys() == ORGANIZATION_KEYS
    assert (owner["key"], owner["name"]) == ("Acme", "Acme Academy")
    assert (body["subjects"], body["skill_names"], body["prerequisites"]) == (["Water"], ["Knots"], ["Swim"])
    assert (body["sponsors"], body["expected_learning_items"], body["video"]) == ([], [], None)
    assert body["marketing_url"] == "https://x.example/sail"  # as it is stored
    assert body["entitlements"] == [{"mode": "verified", "price": "149.00", "sku": "E1"}]
    assert body["programs"] == [
        {
            "uuid": str(program.pk),
            "title": "Boats",
            "type": "Professional Certificate",
            "status": "active",
            "marketing_slug": "boats",
        }
    ]
    assert body["advertised_course_run_uuid"] == str(run.uuid)
    assert body["enrollment_url"] == enroll(catalog, "course", "Acme+Sail", settings)
    (shown_run,) = body["course_runs"]
    assert shown_run.keys() == RUN_KEYS
    assert shown_run["enrollment_url"] == enroll(catalog, "course", run.pk, settings)
    assert body["modified"].endswith("Z")


@pytest.mark.parametrize(
    "key", ["Acme+Sail", "Acme%2BSail", "Acme/Sail", "Acme%2FSail"]
)  # fmt: skip
def test_ways_to_write_the_key_of_a_course(admin, catalog, course, run, key):
    assert shown(admin, catalog, f"courses/{key}/")["key"] == "Acme+Sail"


def test_a_course_without_anything(admin, customer):
    factories.CourseFactory(key="Acme+Bare", organization=None, title="", additional_metadata={"sponsors": None})
    body = shown(admin, catalog_of(customer, {}), "courses/Acme+Bare/")
    assert body.keys() == COURSE_KEYS
    assert (body["owners"], body["course_runs"], body["programs"], body["sponsors"]) == ([], [], [], [])
    assert (body["image"], body["advertised_course_run_uuid"], body["marketing_url"]) == (None, None, None)


def test_the_course_of_a_run_that_the_catalog_holds(admin, customer, course, run):
    catalog = catalog_of(customer, {"content_type": "courserun", "key": [run.pk]})
    assert shown(admin, catalog, "courses/Acme+Sail/")["key"] == "Acme+Sail"


def test_a_run_that_moves_takes_its_catalog_along_to_the_other_course(admin, customer, course, run):
    other = factories.CourseFactory(key="Acme+Row")
    catalog = catalog_of(customer, {"content_type": "courserun"})
    assert shown(admin, catalog, "courses/Acme+Sail/")
    assert admin.get(f"{URL}{catalog.pk}/courses/Acme+Row/").status_code == 404
    run.course = other
    run.save()
    assert [each["key"] for each in shown(admin, catalog, "courses/Acme+Row/")["course_runs"]] == [run.pk]
    assert admin.get(f"{URL}{catalog.pk}/courses/Acme+Sail/").status_code == 404


def test_restricted_runs_are_shown_where_the_filter_names_them(admin, customer, course, run):
    secret = factories.CourseRunFactory(
        id="course-v1:Acme+Sail+B2B",
        course=course,
        modes=["verified"],
        additional_metadata={"restriction_type": "custom-b2b-enterprise"},
    )
    open_one = catalog_of(customer, {"content_type": "course"})
    special = catalog_of(
        customer, {"content_type": "course", "restricted_runs_allowed": {"course:Acme+Sail": [secret.pk]}}
    )
    assert [each["key"] for each in shown(admin, open_one, "courses/Acme+Sail/")["course_runs"]] == [run.pk]
    assert len(shown(admin, special, "courses/Acme+Sail/")["course_runs"]) == 2
    assert admin.get(f"{URL}{open_one.pk}/course_runs/{secret.pk}/").status_code == 404
    assert shown(admin, special, f"course_runs/{secret.pk}/")["key"] == secret.pk


# --- Course runs --------------------------------------------------------------------------------------------------


def test_a_course_run(admin, catalog, run, settings):
    CreditProvider.objects.create(course_id=run.pk, provider_id="off", display_name="Off", enabled=False)
    CreditProvider.objects.create(course_id=run.pk, provider_id="harbor", display_name="Harbor")
    CreditProvider.objects.create(course_id=run.pk, provider_id="other", display_name="Other")

    body = shown(admin, catalog, f"course_runs/{run.pk}/")

    assert body.keys() == RUN_KEYS
    assert (body["key"], body["uuid"], body["course"]) == (run.pk, str(run.uuid), "Acme+Sail")
    assert (body["title"], body["content_type"]) == ("Sailing, first term", "courserun")
    assert (body["start"], body["end"]) == ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z")
    assert (body["enrollment_start"], body["enrollment_end"]) == (None, None)
    assert (body["pacing_type"], body["type"], body["status"]) == ("self_paced", "verified", "published")
    assert (body["is_enrollable"], body["is_marketable"], body["has_enrollable_seats"]) == (True, True, True)
    assert (body["availability"], body["content_language"], body["level_type"]) == ("Current", "English", "Advanced")
    assert (body["min_effort"], body["max_effort"], body["mobile_available"]) == (3, None, True)
    assert body["full_description"] == "All of it."
    assert body["image"]["src"] == "https://x.example/sail.png"
    assert body["first_enrollable_paid_seat_price"] == 50
    seat = {"currency": "USD", "upgrade_deadline": None, "credit_provider": None, "credit_hours": None, "sku": None}
    assert body["seats"] == [
        {**seat, "type": "audit", "price": 0},
        {**seat, "type": "credit", "price": 0, "credit_provider": "harbor"},
        {**seat, "type": "verified", "price": 50, "sku": "S1", "upgrade_deadline": "2098-01-01T00:00:00Z"},
    ]
    assert body["enrollment_url"] == enroll(catalog, "course", run.pk, settings)


def test_ways_to_write_the_key_of_a_run(admin, customer):
    catalog = catalog_of(customer, {"content_type": "courserun"})
    old = factories.CourseRunFactory(id="Acme/Sail/T1", course=None, org="Acme")
    new = factories.CourseRunFactory(id="course-v1:Acme+Sail+T1", course=None)
    for key in ("Acme/Sail/T1", "Acme%2FSail%2FT1"):
        body = shown(admin, catalog, f"course_runs/{key}/")
        assert (body["key"], body["course"], body["image"]) == (old.pk, "Acme+Sail", None)
    for key in (new.pk, "course-v1%3AAcme%2BSail%2BT1"):
        assert shown(admin, catalog, f"course_runs/{key}/")["key"] == new.pk


def test_a_run_that_has_nothing_to_sell(admin, customer, course):
    run = factories.CourseRunFactory(
        id="course-v1:Acme+Sail+T9", course=course, published=False, closed=True, display_name=None
    )
    body = shown(admin, catalog_of(customer, {}), f"course_runs/{run.pk}/")
    assert (body["seats"], body["type"], body["first_enrollable_paid_seat_price"]) == ([], None, None)
    assert (body["is_enrollable"], body["is_marketable"], body["has_enrollable_seats"]) == (False, False, False)
    assert (body["status"], body["title"]) == ("unpublished", "T9")


@pytest.mark.parametrize(
    ("image", "src"),
    [("https://x.example/r.png", "https://x.example/r.png"), ({"src": "/r.png", "width": 5}, "/r.png")],
)
def test_a_picture_of_the_run_comes_before_that_of_the_course(admin, catalog, run, image, src):
    run.additional_metadata = {"image": image}
    run.save()
    assert shown(admin, catalog, f"course_runs/{run.pk}/")["image"]["src"] == src


# --- Programs -----------------------------------------------------------------------------------------------------


def test_a_program_with_its_courses(admin, customer, course, run, settings):
    program = factories.ProgramFactory(
        title="Boats",
        marketing_slug="boats",
        additional_metadata={"overview": "Boats.", "language": ["English"], "faq": [{"question": "?"}]},
    )
    lone = factories.CourseFactory(key="Acme+Row")
    program.courses.add(course, lone)
    for position, name in ((1, "Second"), (0, "First")):
        organization = factories.OrganizationFactory(short_name=name)
        ProgramOrganization.objects.create(program=program, organization=organization, position=position)
    catalog = catalog_of(customer, {"content_type": "program"})

    body = shown(admin, catalog, f"programs/{program.pk}/")

    assert body.keys() == PROGRAM_KEYS
    assert (body["uuid"], body["title"], body["type"]) == (str(program.pk), "Boats", "Professional Certificate")
    assert [each["key"] for each in body["authoring_organizations"]] == ["First", "Second"]
    assert (body["overview"], body["languages"], body["faq"]) == ("Boats.", ["English"], [{"question": "?"}])
    assert body["is_program_eligible_for_one_click_purchase"] is True
    assert body["courses"] == [
        {
            "key": "Acme+Sail",
            "uuid": str(course.uuid),
            "title": "Sailing",
            "course_runs": [{"key": run.pk, "enrollment_url": enroll(catalog, "course", run.pk, settings)}],
            "enrollment_url": enroll(catalog, "course", "Acme+Sail", settings),
        },
        {
            "key": "Acme+Row",
            "uuid": str(lone.uuid),
            "title": "Course Acme+Row",
            "course_runs": [],
            "enrollment_url": enroll(catalog, "course", "Acme+Row", settings),
        },
    ]
    assert body["enrollment_url"] == enroll(catalog, "program", program.pk, settings)


def test_a_program_has_the_courses_of_its_active_curricula_too(admin, customer, course, run):
    program = factories.ProgramFactory(type="masters")
    by_run = factories.CourseRunFactory(course=factories.CourseFactory(key="Acme+ByRun"))
    factories.CourseFactory(key="Acme+Old")
    first = Curriculum.objects.create(program=program, position=0)
    first.courses.add(course)
    first.course_runs.add(by_run, run)
    old = Curriculum.objects.create(program=program, position=1, is_active=False)
    old.courses.add(factories.CourseFactory(key="Acme+Old"))

    body = shown(admin, catalog_of(customer, {}), f"programs/{str(program.pk).upper()}/")

    assert [each["key"] for each in body["courses"]] == ["Acme+Sail", "Acme+ByRun"]


def test_restricted_runs_of_a_programs_courses_are_shown_where_the_filter_names_them(admin, customer, course, run):
    secret = factories.CourseRunFactory(
        id="course-v1:Acme+Sail+B2B", course=course, additional_metadata={"restriction_type": "custom-b2b-enterprise"}
    )
    program = factories.ProgramFactory()
    program.courses.add(course)
    named = {"content_type": "program", "restricted_runs_allowed": {"course:Acme+Sail": [secret.pk]}}

    for content_filter, keys in ({"content_type": "program"}, [run.pk]), (named, [secret.pk, run.pk]):
        body = shown(admin, catalog_of(customer, content_filter), f"programs/{program.pk}/")
        assert [each["key"] for each in body["courses"][0]["course_runs"]] == keys


# --- What is not there --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tail",
    [
        "courses/Acme+None/",
        "courses/Bolt+Row/",
        "courses/acme+sail/",
        "course_runs/course-v1:Acme+None+T1/",
        "course_runs/course-v1:Bolt+Row+T1/",
        "course_runs/a/b/c/",
        "programs/eeeeeeee-0000-4000-8000-000000000009/",
        "programs/zz/",
        "programs/00000000-0000-4000-8000-00000000000a/",
        f"courses/{'x' * 900}+{'y' * 900}/",
        f"course_runs/course-v1:{'x' * 900}+y+z/",
    ],
)
def test_content_that_the_catalog_does_not_hold_is_not_found(admin, customer, course, run, tail):
    factories.CourseRunFactory(id="course-v1:Bolt+Row+T1", course=factories.CourseFactory(key="Bolt+Row"))
    factories.ProgramFactory(uuid="00000000-0000-4000-8000-00000000000a")
    catalog = catalog_of(customer, {"content_type": "course", "org": "Acme"})
    answer = admin.get(f"{URL}{catalog.pk}/{tail}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("tail", ["courses/Acme/", "courses/", "course_runs/Acme+Sail/", "programs/", "courses/A+B+C/"])
def test_other_forms_of_keys_have_no_address(admin, catalog, tail):
    assert admin.get(f"{URL}{catalog.pk}/{tail}").status_code == 404


def test_without_the_slash_reads_are_redirected(admin, catalog, run):
    for tail in ("courses/Acme+Sail", f"course_runs/{run.pk}"):
        answer = admin.get(f"{URL}{catalog.pk}/{tail}")
        assert (answer.status_code, answer["Location"]) == (301, f"{URL}{catalog.pk}/{tail}/")


def test_details_in_xml(admin, customer, course, run):
    program = factories.ProgramFactory()
    catalog = catalog_of(customer, {})
    for tail, name in (
        (f"courses/{course.key}", "key"),
        (f"course_runs/{run.pk}", "key"),
        (f"programs/{program.pk}", "uuid"),
    ):
        for answer in (
            admin.get(f"{URL}{catalog.pk}/{tail}.xml"),
            admin.get(f"{URL}{catalog.pk}/{tail}/", HTTP_ACCEPT="application/xml"),
        ):
            assert answer.status_code == 200
            assert answer["Content-Type"] == "application/xml; charset=utf-8"
            assert tail.endswith(etree.fromstring(answer.content).findtext(name))
        assert admin.get(f"{URL}{catalog.pk}/{tail}.json")["Content-Type"] == "application/json"


def test_the_number_of_statements_is_fixed(admin, customer, course, run, django_assert_num_queries):
    catalog = catalog_of(customer, {})
    program = factories.ProgramFactory()
    program.courses.add(course)

    def cost(tail, statements):
        with django_assert_num_queries(statements):
            shown(admin, catalog, tail)

    def costs():
        # account; the catalog's customer; catalog; the items, their membership; then
        cost("courses/Acme+Sail/", 10)  # course, runs, modes, programs, credit
        cost(f"course_runs/{run.pk}/", 8)  # run, modes, credit
        cost(f"programs/{program.pk}/", 10)  # program, owners, courses, curricula, keys of runs

    costs()
    for number in range(5):
        factories.CourseRunFactory(id=f"course-v1:Acme+Sail+X{number}", course=course, modes=["verified", "credit"])
        factories.ProgramFactory().courses.add(course)
        extra = factories.CourseFactory(key=f"Acme+X{number}")
        factories.CourseRunFactory(id=f"course-v1:Acme+X{number}+T1", course=extra)
        program.courses.add(extra)
    costs()
    for _ in range(2):
        Curriculum.objects.create(program=program).courses.add(course)
    cost(f"programs/{program.pk}/", 12)  # and the courses and runs of curricula
