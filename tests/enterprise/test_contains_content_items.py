"""Whether catalogs hold given content (contract: enterprise-customers 4.2.12, 4.5 and 5.4 rule 1)."""

from __future__ import annotations

import pytest

from tests import factories

pytestmark = pytest.mark.django_db
RUN = "course-v1:Acme+Sail+T1"
COURSE = "Acme+Sail"
NOTHING_ASKED = ["You must provide at least one of the following query parameters: course_run_ids, program_uuids."]


@pytest.fixture
def boss(customer, as_user):
    return as_user(factories.customer_admin(customer))


@pytest.fixture
def run():
    return factories.CourseRunFactory(id=RUN, course=factories.CourseFactory(key=COURSE), modes=["audit", "verified"])


@pytest.fixture
def other_run():
    return factories.CourseRunFactory(id="course-v1:Bolt+Row+T1", course=factories.CourseFactory(key="Bolt+Row"))


def path_of(customer):
    return f"/enterprise/api/v1/enterprise-customer/{customer.pk}/contains_content_items/"


def contained(client, customer, **asked):
    answer = client.get(path_of(customer), asked)
    assert answer.status_code == 200, answer.content
    assert answer.json().keys() == {"contains_content_items"}
    return answer.json()["contains_content_items"]


def catalog(customer, content_filter, **fields):
    return factories.CatalogFactory(enterprise_customer=customer, content_filter=content_filter, **fields)


# --- Gates --------------------------------------------------------------------------------------------------------


def test_anonymous_callers_get_401_before_anything_else(customer, client):
    answer = client.get(path_of(customer))

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_asking_for_nothing_is_400_before_the_role(customer, as_user):
    answer = as_user(factories.UserFactory()).get(path_of(customer), {"course_ids": COURSE})

    assert (answer.status_code, answer.json()) == (400, NOTHING_ASKED)


def callers(customer, other):
    linked_learner = factories.UserFactory()
    factories.LearnerFactory(enterprise_customer=customer, user=linked_learner)
    unlinked = factories.UserFactory()
    factories.RoleAssignmentFactory(user=unlinked, enterprise_customer=customer)
    return {
        "learner": (linked_learner, 403),
        "learner of another customer": (factories.LearnerFactory(enterprise_customer=other).user_fk, 403),
        "admin": (factories.customer_admin(customer), 200),
        "admin of another customer": (factories.customer_admin(other), 403),
        "admin who is not linked": (unlinked, 404),
        "operator": (factories.operator(), 404),
        "operator who is staff": (factories.operator(is_staff=True), 200),
        "staff": (factories.UserFactory(is_staff=True), 403),
        "superuser": (factories.UserFactory(is_superuser=True), 200),
    }


def test_the_role_is_asked_then_the_link(customer, as_user):
    for name, (user, status) in callers(customer, factories.EnterpriseCustomerFactory()).items():
        answer = as_user(user).get(path_of(customer), {"course_run_ids": COURSE})
        assert answer.status_code == status, name
        if status == 403:
            assert answer.json() == {"detail": "Missing: enterprise.can_view_catalog"}
        if status == 404:
            assert answer.json() == {"detail": "No EnterpriseCustomer matches the given query."}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_can_only_be_read(boss, customer, method):
    assert getattr(boss, method)(path_of(customer)).status_code == 405


def test_a_format_suffix_takes_the_place_of_the_slash(boss, customer):
    path = path_of(customer).rstrip("/")

    assert boss.get(f"{path}.json", {"course_run_ids": COURSE}).json() == {"contains_content_items": False}
    assert boss.get(path, {"course_run_ids": COURSE}).status_code == 301


# --- Rule 1 -------------------------------------------------------------------------------------------------------


def test_a_customer_without_catalogs_holds_nothing(boss, customer, run):
    assert not contained(boss, customer, course_run_ids=COURSE)


@pytest.mark.parametrize("key", [RUN, COURSE])
def test_a_run_stands_for_its_course(boss, customer, run, key):
    catalog(customer, {"content_type": "course", "org": "Acme"})

    assert contained(boss, customer, course_run_ids=key)


def test_a_filter_for_runs_finds_no_course(boss, customer, run):
    catalog(customer, {"content_type": "courserun"})

    assert not contained(boss, customer, course_run_ids=RUN)


def test_unknown_runs_are_dropped_and_unknown_courses_are_not(boss, customer, run):
    catalog(customer, {"content_type": "course"})

    assert contained(boss, customer, course_run_ids=[RUN, "course-v1:Acme+Sail+Ghost"])
    assert not contained(boss, customer, course_run_ids="course-v1:Acme+Sail+Ghost")
    assert not contained(boss, customer, course_run_ids=[COURSE, "Acme+Ghost"])
    assert not contained(boss, customer, course_run_ids=[COURSE, "no key at all"])


def test_explicit_ids_alone_decide(boss, customer, run, other_run):
    catalog(customer, {"content_type": "program", "key": [COURSE, "Acme+Ghost", "course-v1:Acme+Ghost+T1"]})

    assert contained(boss, customer, course_run_ids=COURSE)
    assert contained(boss, customer, course_run_ids=RUN)
    assert contained(boss, customer, course_run_ids="Acme+Ghost")
    assert contained(boss, customer, course_run_ids="course-v1:Acme+Ghost+T1")
    assert not contained(boss, customer, course_run_ids="course-v1:Acme+Ghost+T2")
    assert not contained(boss, customer, course_run_ids="Bolt+Row")
    assert not contained(boss, customer, course_run_ids=[COURSE, "Bolt+Row"])


def test_an_explicit_run_does_not_name_its_course(boss, customer, run):
    catalog(customer, {"key": [RUN]})

    assert contained(boss, customer, course_run_ids=RUN)
    assert not contained(boss, customer, course_run_ids=COURSE)


def test_the_uuids_of_a_filter_are_explicit_ids_too(boss, customer, run):
    program = factories.ProgramFactory()
    catalog(customer, {"key": [COURSE], "uuid": [str(program.pk)]})

    assert contained(boss, customer, course_run_ids=RUN, program_uuids=str(program.pk))
    assert contained(boss, customer, program_uuids=str(program.pk))
    assert not contained(boss, customer, program_uuids=str(factories.ProgramFactory().pk))


def test_an_empty_list_of_keys_names_nothing(boss, customer, run):
    program = factories.ProgramFactory()
    catalog(customer, {"key": [], "uuid": []})

    assert contained(boss, customer, course_run_ids=RUN, program_uuids=str(program.pk))


def test_programs_are_found_by_their_uuid(boss, customer, run):
    program, hidden = factories.ProgramFactory(), factories.ProgramFactory(status="retired")
    catalog(customer, {"content_type": "program", "status": "active"})

    assert contained(boss, customer, program_uuids=str(program.pk))
    assert not contained(boss, customer, program_uuids=[str(program.pk), str(hidden.pk)])
    assert not contained(boss, customer, program_uuids="no uuid")
    assert not contained(boss, customer, program_uuids=str(program.pk), course_run_ids=RUN)


@pytest.mark.parametrize("asked", [{"course_run_ids": ""}, {"program_uuids": ""}])
def test_an_empty_value_is_content_that_no_catalog_holds(boss, customer, run, asked):
    catalog(customer, {})

    assert not contained(boss, customer, **asked)


def test_one_single_catalog_must_hold_everything(boss, customer, run, other_run):
    catalog(customer, {"org": "Acme"})
    catalog(customer, {"org": "Bolt"})
    program = factories.ProgramFactory()

    assert not contained(boss, customer, course_run_ids=[RUN, other_run.pk])
    assert not contained(boss, customer, course_run_ids=RUN, program_uuids=str(program.pk))

    catalog(customer, {})
    assert contained(boss, customer, course_run_ids=[RUN, other_run.pk], program_uuids=str(program.pk))


def test_catalogs_of_other_customers_do_not_count(boss, customer, run):
    catalog(factories.EnterpriseCustomerFactory(), {})
    catalog(customer, {"org": "Bolt"})

    assert not contained(boss, customer, course_run_ids=RUN)


def test_a_plus_may_arrive_escaped_or_not(boss, customer, run):
    catalog(customer, {"content_type": "course"})

    for spelled in ("course-v1:Acme+Sail+T1", "course-v1%3AAcme%2BSail%2BT1", "Acme+Sail", "Acme%20Sail"):
        answer = boss.get(f"{path_of(customer)}?course_run_ids={spelled}")
        assert answer.json() == {"contains_content_items": True}, spelled


def test_the_query_of_a_catalog_counts_rather_than_its_own_filter(boss, customer, run):
    query = factories.CatalogQueryFactory(content_filter={"org": "Bolt"})
    catalog(customer, {}, enterprise_catalog_query=query)

    assert not contained(boss, customer, course_run_ids=RUN)


@pytest.mark.parametrize("key", ["\x01", "course-v1:" + "x" * 5000, "course-v1:A+B+C'; drop table x --", "é+ü", "+"])
def test_strange_keys_are_in_no_catalog(boss, customer, run, key):
    catalog(customer, {"content_type": "course"})

    assert not contained(boss, customer, course_run_ids=key)


def test_the_answer_costs_the_same_however_much_is_asked_and_held(
    boss, customer, run, other_run, django_assert_num_queries
):
    catalog(customer, {"content_type": "course"})
    with django_assert_num_queries(5):
        assert contained(boss, customer, course_run_ids=RUN)

    for number in range(10):
        catalog(customer, {"content_type": "course", "org__not": [f"X{number}"]})
        factories.CourseRunFactory(id=f"course-v1:Acme+D{number}+T1", course__key=f"Acme+D{number}")
    asked = [RUN, other_run.pk, *(f"course-v1:Acme+D{number}+T1" for number in range(10))]
    with django_assert_num_queries(5):
        assert contained(boss, customer, course_run_ids=asked)


# --- One catalog --------------------------------------------------------------------------------------------------


def path_of_catalog(one):
    return f"/enterprise/api/v1/enterprise_catalogs/{one.pk}/contains_content_items/"


def test_of_one_catalog_no_role_is_asked_for(customer, run, as_user):
    own = catalog(customer, {"content_type": "course"})
    foreign = factories.CatalogFactory(content_filter={})
    unlinked = factories.LearnerFactory(enterprise_customer=customer, linked=False).user_fk
    learner = as_user(factories.LearnerFactory(enterprise_customer=customer).user_fk)
    asked = {"course_run_ids": RUN}

    assert learner.get(path_of_catalog(own), asked).json() == {"contains_content_items": True}
    for caller in (as_user(unlinked), as_user(factories.operator()), as_user(factories.UserFactory(is_superuser=True))):
        answer = caller.get(path_of_catalog(own), asked)
        assert answer.status_code == 404
        assert answer.json() == {"detail": "No EnterpriseCustomerCatalog matches the given query."}
    assert learner.get(path_of_catalog(foreign), asked).status_code == 404
    staff = as_user(factories.UserFactory(is_staff=True))
    assert staff.get(path_of_catalog(foreign), asked).json() == {"contains_content_items": True}


def test_of_one_catalog_the_400_comes_before_the_404(customer, client, as_user):
    own = catalog(customer, {})
    stranger = as_user(factories.UserFactory())

    assert client.get(path_of_catalog(own)).status_code == 401
    assert (stranger.get(path_of_catalog(own)).status_code, stranger.get(path_of_catalog(own)).json()) == (
        400,
        NOTHING_ASKED,
    )
    missing = "/enterprise/api/v1/enterprise_catalogs/not-a-uuid/contains_content_items/"
    assert stranger.get(missing).status_code == 400
    assert stranger.get(missing, {"course_run_ids": RUN}).json() == {"detail": "Not found."}


def test_of_one_catalog_courses_and_programs_must_both_be_held(customer, run, boss):
    program = factories.ProgramFactory()
    everything, courses = catalog(customer, {}), catalog(customer, {"content_type": "course"})
    asked = {"course_run_ids": [RUN, COURSE], "program_uuids": [str(program.pk)]}

    assert boss.get(path_of_catalog(everything), asked).json() == {"contains_content_items": True}
    assert boss.get(path_of_catalog(courses), asked).json() == {"contains_content_items": False}


def test_of_one_catalog_the_answer_comes_as_xml_too(customer, run, boss):
    own = catalog(customer, {})
    answer = boss.get(path_of_catalog(own), {"course_run_ids": RUN}, headers={"Accept": "application/xml"})

    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    assert "<contains_content_items>True</contains_content_items>" in answer.content.decode()
    suffixed = boss.get(path_of_catalog(own).rstrip("/") + ".xml", {"course_run_ids": RUN})
    assert suffixed.content == answer.content


def test_of_one_catalog_the_answer_costs_the_same_however_much_is_held(customer, boss, django_assert_num_queries):
    own = catalog(customer, {"content_type": "course"})
    for number in range(5):
        factories.CourseRunFactory(id=f"course-v1:Acme+D{number}+T1", course__key=f"Acme+D{number}")
    for asked in (1, 5):
        runs = [f"course-v1:Acme+D{number}+T1" for number in range(asked)]
        with django_assert_num_queries(4):
            assert boss.get(path_of_catalog(own), {"course_run_ids": runs}).json() == {"contains_content_items": True}
