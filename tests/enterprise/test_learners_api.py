"""Reading learners: `GET enterprise-learner` (contract: enterprise-learners)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group

from config.api.fields import wire_time
from enrollments.models import User
from enterprise.models import DataSharingConsent, EnterpriseCustomerInviteKey
from enterprise.queries import long_lists
from enterprise.serializers.learners import LearnerSerializer
from tests import factories
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller

pytestmark = pytest.mark.django_db

PATH = "/enterprise/api/v1/enterprise-learner/"
RUN = "course-v1:Acme+Sail+T1"
NO_SUCH_LEARNER = {"detail": "No EnterpriseCustomerUser matches the given query."}


@pytest.fixture
def mia() -> User:
    return factories.UserFactory(username="mia", email="Mia@acme.test", first_name="Mia", last_name="Ray")


def ids(response: Any) -> list[int]:
    assert response.status_code == 200, response.data
    return [row["id"] for row in response.data["results"]]


# --- what a learner looks like ------------------------------------------------------------------------------------


def test_a_learner_is_shown_with_customer_account_consents_groups_and_roles(as_user, acme, bolt, mia):
    key = EnterpriseCustomerInviteKey.objects.create(enterprise_customer=acme)
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia, invite_key=key)
    factories.RoleAssignmentFactory(user=mia, role="enterprise_learner", enterprise_customer=acme)
    factories.RoleAssignmentFactory(user=mia, role="enterprise_admin", enterprise_customer=bolt)
    factories.RoleAssignmentFactory(user=mia, role="enterprise_openedx_operator")
    for name in ("enterprise_enrollment_api_access", "something else"):
        mia.groups.add(Group.objects.get_or_create(name=name)[0])
    group = factories.GroupFactory(enterprise_customer=acme)
    left = factories.GroupFactory(enterprise_customer=acme)
    factories.GroupMembershipFactory(group=group, enterprise_customer_user=link)
    factories.GroupMembershipFactory(group=left, enterprise_customer_user=link, is_removed=True)
    DataSharingConsent.objects.create(enterprise_customer=acme, username="mia", course_id=RUN, granted=True)
    DataSharingConsent.objects.create(enterprise_customer=bolt, username="mia", course_id=RUN, granted=True)
    DataSharingConsent.objects.create(enterprise_customer=acme, username="leo", course_id=RUN, granted=True)

    (row,) = as_user(mia).get(PATH).json()["results"]

    assert list(row) == list(LearnerSerializer().fields)
    customer = row.pop("enterprise_customer")
    assert (customer["uuid"], customer["name"], customer["slug"]) == (str(acme.pk), "Acme", "acme")
    assert customer["admin_users"] == []
    assert row == {
        "id": link.pk,
        "active": True,
        "user_id": mia.pk,
        "user": {
            "id": mia.pk,
            "username": "mia",
            "first_name": "Mia",
            "last_name": "Ray",
            "email": "Mia@acme.test",
            "is_staff": False,
            "is_active": True,
            "date_joined": wire_time(mia.date_joined),
        },
        "data_sharing_consent_records": [
            {
                "username": "mia",
                "enterprise_customer_uuid": str(acme.pk),
                "exists": True,
                "consent_provided": True,
                "consent_required": False,
                "course_id": RUN,
            }
        ],
        "groups": ["enterprise_enrollment_api_access"],
        "created": wire_time(link.created),
        "invite_key": str(key.pk),
        "role_assignments": ["enterprise_learner"],
        "enterprise_group": [str(group.pk)],
    }


def test_the_customer_is_the_one_of_the_customer_endpoints(as_user, acme, mia):
    from rest_framework.test import APIRequestFactory

    from enterprise.queries.customers import customer_facts
    from enterprise.serializers.customers import customer_body

    factories.LearnerFactory(enterprise_customer=acme, user=mia)
    (row,) = as_user(mia).get(PATH).data["results"]
    request = APIRequestFactory().get(PATH)
    assert row["enterprise_customer"] == customer_body(customer_facts([acme.pk], mia)[acme.pk], request)


def test_a_learner_with_nothing_has_empty_lists(as_user, acme, mia):
    factories.LearnerFactory(enterprise_customer=acme, user=mia)
    (row,) = as_user(mia).get(PATH).data["results"]
    empty = ("data_sharing_consent_records", "groups", "role_assignments", "enterprise_group")
    assert [row[name] for name in empty] == [[], [], [], []]
    assert row["invite_key"] is None


def test_the_user_is_null_when_the_account_is_gone(staff, acme):
    link = factories.LearnerFactory(enterprise_customer=acme, user_id=987_654)
    (row,) = staff.get(PATH).data["results"]
    assert (row["id"], row["user_id"], row["user"]) == (link.pk, 987_654, None)
    assert row["data_sharing_consent_records"] == []


def test_a_group_is_listed_once_and_belongs_to_the_link_it_was_joined_with(staff, acme, bolt, mia):
    here = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    there = factories.LearnerFactory(enterprise_customer=bolt, user=mia, active=False)
    groups = [factories.GroupFactory(enterprise_customer=acme) for _ in range(2)]
    for group in groups:
        factories.GroupMembershipFactory(group=group, enterprise_customer_user=here)

    rows = {row["id"]: row["enterprise_group"] for row in staff.get(PATH).data["results"]}

    assert {pk: sorted(found) for pk, found in rows.items()} == {
        here.pk: sorted(str(group.pk) for group in groups),
        there.pk: [],
    }


# --- consent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer", "granted", "in_catalog", "provided", "required"),
    [
        ({}, True, True, True, False),
        ({}, False, True, False, True),
        ({}, None, True, None, True),
        ({}, False, False, False, False),
        ({"enable_data_sharing_consent": False}, False, True, False, False),
        ({"enforce_data_sharing_consent": "externally_managed"}, False, True, False, False),
    ],
)
def test_consent_is_required_when_the_customer_asks_for_it_at_enrollment_and_offers_the_run(
    as_user, acme, bolt, mia, customer, granted, in_catalog, provided, required
):
    for name, value in customer.items():
        setattr(acme, name, value)
    acme.save()
    run = factories.CourseRunFactory(id=RUN, modes=["audit"])
    owner = acme if in_catalog else bolt
    factories.CatalogFactory(enterprise_customer=owner, content_filter={"key": [run.id]})
    factories.LearnerFactory(enterprise_customer=acme, user=mia)
    DataSharingConsent.objects.create(enterprise_customer=acme, username="mia", course_id=RUN, granted=granted)

    (row,) = as_user(mia).get(PATH).data["results"]

    (record,) = row["data_sharing_consent_records"]
    assert (record["exists"], record["consent_provided"], record["consent_required"]) == (True, provided, required)


def test_an_answer_about_a_course_is_required_when_the_customer_offers_the_course(as_user, acme, mia):
    factories.CourseRunFactory(id=RUN, course__key="Acme+Sail", modes=["audit"])
    factories.CatalogFactory(enterprise_customer=acme, content_filter={"content_type": "course"})
    factories.LearnerFactory(enterprise_customer=acme, user=mia)
    for course_id in ("Acme+Knot", "Acme+Sail", RUN):
        DataSharingConsent.objects.create(enterprise_customer=acme, username="mia", course_id=course_id, granted=False)

    (row,) = as_user(mia).get(PATH).data["results"]

    required = {record["course_id"]: record["consent_required"] for record in row["data_sharing_consent_records"]}
    assert required == {"Acme+Knot": False, "Acme+Sail": True, RUN: True}


# --- who sees which rows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CALLERS)
def test_staff_see_all_links_and_everybody_else_their_own(client, as_user, acme, bolt, kind):
    foreign = {factories.LearnerFactory(enterprise_customer=customer).pk for customer in (acme, bolt)}
    user = caller(kind, acme, bolt)
    api = client if user is None else as_user(user)

    listed = api.get(PATH)
    details = {api.get(f"{PATH}{pk}/").status_code for pk in foreign}

    if user is None:
        assert (listed.status_code, listed.data) == (401, ANONYMOUS)
        assert details == {401}
        return
    assert listed.status_code == 200
    own = set(user.enterprise_links.values_list("pk", flat=True))
    assert set(ids(listed)) == (foreign | own if kind == "staff" else own)
    assert listed.data["count"] == len(ids(listed))
    assert details == ({200} if kind == "staff" else {404})
    assert {api.get(f"{PATH}{pk}/").status_code for pk in own} <= {200}


def test_unlinked_learners_do_not_appear(as_user, staff, acme, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False)
    for api in (as_user(mia), staff):
        assert api.get(PATH).data["count"] == 0
        response = api.get(f"{PATH}{link.pk}/")
        assert (response.status_code, response.data) == (404, NO_SUCH_LEARNER)


@pytest.mark.parametrize("pk", ["x", "-1", "1.5", "9" * 30, "%00", "²"])
def test_an_id_that_is_none_is_not_found(staff, pk):
    response = staff.get(f"{PATH}{pk}/")
    assert response.status_code in ((400, 404) if pk == "%00" else (404,))
    if response.status_code == 404:
        assert response.json() == {"detail": "Not found."}


def test_one_learner_is_shown_as_in_the_list_and_found_through_the_filters_of_the_list(staff, acme, bolt, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    factories.LearnerFactory(enterprise_customer=bolt)
    path = f"{PATH}{link.pk}/"
    assert staff.get(path).data == staff.get(PATH, {"username": "mia"}).data["results"][0]
    assert staff.get(path, {"enterprise_customer": str(acme.pk)}).status_code == 200
    assert staff.get(path, {"enterprise_customer": str(bolt.pk)}).status_code == 404
    assert staff.get(path, {"active": "false"}).status_code == 404
    assert staff.get(path, {"user_id": "x"}).status_code == 400


# --- filters ------------------------------------------------------------------------------------------------------


def test_everybody_may_filter_by_customer_user_and_activity(as_user, acme, bolt, mia):
    here = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    there = factories.LearnerFactory(enterprise_customer=bolt, user=mia, active=False)
    factories.LearnerFactory(enterprise_customer=acme)
    api = as_user(mia)
    for query, expected in [
        ({"enterprise_customer": str(acme.pk)}, [here]),
        ({"enterprise_customer": bolt.pk.hex.upper()}, [there]),
        ({"active": "true"}, [here]),
        ({"active": "False"}, [there]),
        ({"active": "perhaps"}, [here, there]),
        ({"active": ""}, [here, there]),
        ({"user_id": str(mia.pk)}, [here, there]),
        ({"user_id": f"{mia.pk}.5"}, []),
        ({"user_id": "9" * 25}, []),
        ({"user_id": ""}, [here, there]),
        ({"enterprise_customer": "", "ordering": "nonsense"}, [here, there]),
        ({"enterprise_customer": str(acme.pk), "active": "false"}, []),
    ]:
        assert ids(api.get(PATH, query)) == [link.pk for link in expected], query


def test_a_filter_that_cannot_be_is_refused(as_user, staff, mia):
    unknown = uuid.uuid4()
    for api in (as_user(mia), staff):
        for query, body in [
            ({"enterprise_customer": "nope"}, {"enterprise_customer": ["“nope” is not a valid UUID."]}),
            (
                {"enterprise_customer": str(unknown)},
                {"enterprise_customer": ["Select a valid choice. That choice is not one of the available choices."]},
            ),
            ({"user_id": "mia"}, {"user_id": ["Enter a number."]}),
            ({"user_id": "NaN"}, {"user_id": ["Enter a number."]}),
        ]:
            response = api.get(PATH, query)
            assert (response.status_code, response.json()) == (400, body)
    assert staff.get(PATH, {"user_id": "1e999999999"}).status_code == 400


def test_a_customer_that_does_not_exist_is_told_before_a_page_that_does_not(staff, acme):
    factories.LearnerFactory(enterprise_customer=acme)
    response = staff.get(PATH, {"enterprise_customer": str(uuid.uuid4()), "page": "9"})
    assert (response.status_code, list(response.json())) == (400, ["enterprise_customer"])
    response = staff.get(PATH, {"enterprise_customer": str(acme.pk), "page": "9"})
    assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


def test_staff_may_filter_by_account_role_and_ids(staff, acme, bolt, mia):
    leo = factories.UserFactory(username="leo", email="leo@acme.test")
    links = {
        name: factories.LearnerFactory(enterprise_customer=customer, user=user).pk
        for name, customer, user in [("mia", acme, mia), ("leo", acme, leo), ("bolt", bolt, leo)]
    }
    factories.RoleAssignmentFactory(user=leo, role="enterprise_admin", enterprise_customer=acme)
    factories.RoleAssignmentFactory(user=mia, role="enterprise_admin", enterprise_customer=bolt)
    factories.RoleAssignmentFactory(user=mia, role="enterprise_openedx_operator")
    uuid_of_acme = {"enterprise_customer_uuid": str(acme.pk)}
    for query, expected in [
        ({"email": "Mia@acme.test"}, ["mia"]),
        ({"email": "mia@acme.test"}, []),
        ({"username": "leo"}, ["leo", "bolt"]),
        ({"username": "leo", "email": "Mia@acme.test"}, []),
        ({"username": ""}, ["mia", "leo", "bolt"]),
        (uuid_of_acme, ["mia", "leo"]),
        ({"enterprise_customer_uuid": str(uuid.uuid4())}, []),
        ({**uuid_of_acme, "role": "enterprise_admin"}, ["leo"]),
        ({**uuid_of_acme, "role": "enterprise_openedx_operator"}, []),
        ({**uuid_of_acme, "role": "unheard-of"}, []),
        ({"role": ""}, ["mia", "leo", "bolt"]),
        ({"user_ids": f",{mia.pk}, {leo.pk},"}, ["mia", "leo", "bolt"]),
        ({"user_ids": str(mia.pk)}, ["mia"]),
        ({"user_ids": f"{mia.pk},-3,{'9' * 25}"}, ["mia"]),
        ({"user_ids": "9" * 25}, []),
        ({"user_ids": ","}, ["mia", "leo", "bolt"]),
    ]:
        assert sorted(ids(staff.get(PATH, query))) == sorted(links[name] for name in expected), query


def test_filters_of_staff_that_cannot_be_are_refused(staff, acme):
    role_alone = ["Cannot filter by role without providing enterprise_customer_uuid."]
    for query, body in [
        ({"role": "enterprise_admin"}, role_alone),
        ({"role": "enterprise_admin", "enterprise_customer": str(acme.pk)}, role_alone),
        ({"enterprise_customer_uuid": "nope"}, {"enterprise_customer_uuid": ["“nope” is not a valid UUID."]}),
        ({"user_ids": "1,x"}, {"user_ids": ["Enter a number."]}),
        ({"user_ids": "1,,2"}, {"user_ids": ["Enter a number."]}),
    ]:
        response = staff.get(PATH, query)
        assert (response.status_code, response.json()) == (400, body), query


def test_filters_of_staff_are_ignored_for_everybody_else(as_user, acme, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    factories.LearnerFactory(enterprise_customer=acme, user=factories.UserFactory(username="leo"))
    query = {"username": "leo", "email": "x", "role": "x", "user_ids": "x", "enterprise_customer_uuid": "x"}
    for user in (mia,):
        assert ids(as_user(user).get(PATH, query)) == [link.pk]


# --- order and pages ----------------------------------------------------------------------------------------------


def test_active_links_come_first_then_the_newest(staff, acme):
    old, new, inactive = (
        factories.LearnerFactory(enterprise_customer=acme, active=active) for active in (True, True, False)
    )
    assert ids(staff.get(PATH)) == [new.pk, old.pk, inactive.pk]
    assert ids(staff.get(PATH, {"ordering": "user_id"})) == [old.pk, new.pk, inactive.pk]
    assert ids(staff.get(PATH, {"ordering": "active,-user_id"})) == [inactive.pk, new.pk, old.pk]
    assert ids(staff.get(PATH, {"ordering": "id,created"})) == [new.pk, old.pk, inactive.pk]


def test_links_may_be_ordered_by_customer(staff, acme, bolt):
    first, second = (factories.LearnerFactory(enterprise_customer=customer) for customer in (acme, bolt))
    assert ids(staff.get(PATH, {"ordering": "enterprise_customer"})) == [first.pk, second.pk]
    assert ids(staff.get(PATH, {"ordering": "-enterprise_customer"})) == [second.pk, first.pk]


def test_pages_have_the_flags_of_the_caller_and_never_repeat_a_link(staff, acme):
    links = {factories.LearnerFactory(enterprise_customer=acme).pk for _ in range(13)}
    first = staff.get(PATH, {"enterprise_customer": str(acme.pk)})
    assert list(first.data) == [
        "next",
        "previous",
        "count",
        "num_pages",
        "current_page",
        "start",
        "results",
        "enterprise_features",
    ]
    assert len(first.data["enterprise_features"]) == 10
    assert (first.data["count"], first.data["num_pages"], first.data["previous"]) == (13, 2, None)
    second = staff.get(first.data["next"])
    assert second.data["start"] == 10
    assert set(ids(first)) | set(ids(second)) == links
    assert len(ids(first)) + len(ids(second)) == 13
    assert ids(staff.get(PATH, {"page": "last"})) == ids(second)
    assert len(ids(staff.get(PATH, {"page_size": 1000}))) == 13
    response = staff.get(PATH, {"page": 3})
    assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


def test_the_list_answers_with_a_format_suffix_and_wants_its_slash(staff, acme):
    link = factories.LearnerFactory(enterprise_customer=acme)
    assert ids(staff.get("/enterprise/api/v1/enterprise-learner.json")) == [link.pk]
    assert staff.get(f"{PATH}{link.pk}.json").data["id"] == link.pk
    assert staff.get(PATH.rstrip("/")).status_code == 301
    assert staff.post(PATH.rstrip("/")).status_code == 404


# --- how much it costs --------------------------------------------------------------------------------------------

# Account; count, ids, rows; two of the customers; belongings; three of the catalogs while a consent is open.
STATEMENTS = 10


@pytest.fixture
def crowd(acme):
    """Adds learners who have one of everything."""
    group = factories.GroupFactory(enterprise_customer=acme)
    access, _ = Group.objects.get_or_create(name="enterprise_data_api_access")
    factories.CourseRunFactory(id=RUN, course__key="Acme+Sail", modes=["audit"])
    factories.CatalogFactory(enterprise_customer=acme, content_filter={"content_type": "course"})

    def add(number: int) -> None:
        for _ in range(number):
            link = factories.LearnerFactory(enterprise_customer=acme)
            user = link.user_fk
            factories.GroupMembershipFactory(group=group, enterprise_customer_user=link)
            factories.RoleAssignmentFactory(user=user, role="enterprise_learner", enterprise_customer=acme)
            user.groups.add(access)
            DataSharingConsent.objects.create(enterprise_customer=acme, username=user.username, course_id=RUN)

    return add


def test_a_list_costs_the_same_statements_whatever_its_rows(staff, acme, crowd, django_assert_num_queries):
    query = {"enterprise_customer": str(acme.pk), "page_size": 100}
    crowd(11)
    staff.get(PATH, query)  # what is kept for a while: site, flags
    for page_size in (1, 10, 11):
        with django_assert_num_queries(STATEMENTS):
            response = staff.get(PATH, {**query, "page_size": page_size})
        assert len(response.data["results"]) == page_size
        for row in response.data["results"]:
            assert row["role_assignments"] == ["enterprise_learner"]
            assert row["groups"] == ["enterprise_data_api_access"]
            assert len(row["enterprise_group"]) == 1
            assert [record["consent_required"] for record in row["data_sharing_consent_records"]] == [True]


def test_the_count_of_a_long_list_is_kept_until_a_link_changes(staff, acme, monkeypatch):
    monkeypatch.setattr(long_lists, "LONG", 12)
    links = [factories.LearnerFactory(enterprise_customer=acme) for _ in range(12)]
    count = lambda: staff.get(PATH, {"enterprise_customer": str(acme.pk)}).json()["count"]  # noqa: E731
    assert [count() for _ in range(3)] == [12, 12, 12]
    links[0].linked = False
    links[0].save()
    assert count() == 11
    factories.LearnerFactory(enterprise_customer=acme)
    factories.LearnerFactory()
    assert count() == 12
    links[0].linked = True
    links[0].save()
    assert count() == 13


def test_pages_of_a_customer_are_the_same_from_either_end(staff, acme, monkeypatch):
    monkeypatch.setattr("config.db.reads.EitherEnd.NEAR", 2)
    links = [factories.LearnerFactory(enterprise_customer=acme, active=bool(n % 2)) for n in range(11)]
    factories.LearnerFactory(enterprise_customer=acme, linked=False)
    factories.LearnerFactory()
    expected = sorted(links, key=lambda link: (link.active, link.modified), reverse=True)
    for size in (1, 2, 3, 4):
        walked = []
        for page in range(1, -(-11 // size) + 1):
            walked += ids(staff.get(PATH, {"enterprise_customer": str(acme.pk), "page": page, "page_size": size}))
        assert walked == [link.pk for link in expected]
