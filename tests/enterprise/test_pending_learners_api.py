"""Addresses that wait for an account: `pending-enterprise-learner` and `link_pending_enterprise_users`.

Contract: enterprise-learners.
"""

from __future__ import annotations

import uuid

import pytest
from django.core import mail

from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from tests import factories
from tests.enterprise.callers import ANONYMOUS, CALLERS, FORBIDDEN, caller, permitted

pytestmark = pytest.mark.django_db

PATH = "/enterprise/api/v1/pending-enterprise-learner/"
NO_SUCH_PENDING_LEARNER = {"detail": "No PendingEnterpriseCustomerUser matches the given query."}
MISSING = ["This field is required."]
BAD_EMAIL = ["Enter a valid email address."]
NOT_AUTHORIZED = ["Not authorized for this enterprise"]


@pytest.fixture
def mia() -> User:
    return factories.UserFactory(username="mia", email="Mia@acme.test")


@pytest.fixture
def boss(as_user, acme):
    return as_user(factories.customer_admin(acme, username="boss"))


@pytest.fixture(params=["staff", "boss"])
def add(request, acme):
    """Sends a body to either endpoint: by staff, or by an admin of the customer."""
    api = request.getfixturevalue(request.param)
    path = PATH if request.param == "staff" else link_path(acme)
    return lambda body, **options: api.post(path, body, **options)


def link_path(customer: object) -> str:
    uuid_text = customer.pk if isinstance(customer, EnterpriseCustomer) else customer
    return f"/enterprise/api/v1/link_pending_enterprise_users/{uuid_text}"


def newcomer(customer: EnterpriseCustomer, email: str) -> dict[str, str]:
    return {"enterprise_customer": str(customer.pk), "user_email": email}


def stored(customer: EnterpriseCustomer, account: User) -> EnterpriseCustomerUser:
    return EnterpriseCustomerUser.all_objects.get(enterprise_customer=customer, user_id=account.pk)


def waiting() -> list[tuple[str, str]]:
    rows = PendingEnterpriseCustomerUser.objects.order_by("user_email", "enterprise_customer__slug")
    return list(rows.values_list("enterprise_customer__slug", "user_email"))


# --- who may call -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*CALLERS, "holder of model permissions"])
def test_pending_learners_are_for_staff_alone(client, as_user, acme, bolt, kind):
    pending = factories.PendingLearnerFactory(enterprise_customer=acme)
    if kind == "holder of model permissions":
        user: User | None = permitted("add_pendingenterprisecustomeruser", "delete_pendingenterprisecustomeruser")
    else:
        user = caller(kind, acme, bolt)
    api = client if user is None else as_user(user)
    detail = f"{PATH}{pending.pk}/"

    answers = [
        api.get(PATH),
        api.post(PATH, newcomer(bolt, "new@bolt.test")),
        api.get(detail),
        api.put(detail, newcomer(bolt, "new@acme.test")),
        api.patch(detail, {"user_email": "newer@acme.test"}),
        api.delete(detail),
    ]

    if kind == "staff":
        assert [answer.status_code for answer in answers] == [200, 201, 200, 200, 200, 204]
    else:
        expected = (401, ANONYMOUS) if user is None else (403, FORBIDDEN)
        assert [(answer.status_code, answer.data) for answer in answers] == [expected] * 6
        assert waiting() == [("acme", pending.user_email)]


def test_the_permission_class_comes_before_the_throttle_which_comes_before_method_and_role(as_user, settings, acme):
    settings.USER_RATE = "1/minute"
    nobody, staff = as_user(factories.UserFactory()), as_user(factories.UserFactory(staff=True))
    assert [nobody.put(PATH).status_code for _ in range(3)] == [403, 403, 403]
    assert [staff.put(PATH).status_code for _ in range(2)] == [405, 429]
    assert [nobody.put(link_path(acme)).status_code, nobody.post(link_path(acme), []).status_code] == [405, 429]


@pytest.mark.parametrize("kind", [*CALLERS, "feature role", "feature role elsewhere", "unlinked admin"])
def test_linking_takes_the_dashboard_permission_for_the_customer_of_the_path(client, as_user, acme, bolt, kind):
    if kind.startswith("feature role"):
        user: User | None = factories.UserFactory()
        factories.LearnerFactory(enterprise_customer=acme if kind == "feature role" else bolt, user=user)
        factories.FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")
    elif kind == "unlinked admin":
        user = factories.UserFactory()
        factories.RoleAssignmentFactory(user=user, role="enterprise_admin", enterprise_customer=acme)
    else:
        user = caller(kind, acme, bolt)
    api = client if user is None else as_user(user)

    response = api.post(link_path(acme), newcomer(acme, "new@acme.test"))

    if kind in ("admin", "operator", "superuser", "feature role", "unlinked admin"):
        assert (response.status_code, response.json()) == (201, newcomer(acme, "new@acme.test"))
        return
    missing = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
    assert (response.status_code, response.data) == ((401, ANONYMOUS) if user is None else (403, missing))
    assert api.post(link_path(acme), []).status_code == response.status_code
    assert waiting() == []


def test_linking_answers_with_and_without_slash_and_to_posts_only(boss, acme):
    assert boss.post(f"{link_path(acme)}/", newcomer(acme, "a@acme.test")).status_code == 201
    assert boss.post(link_path(acme), [newcomer(acme, "b@acme.test")]).status_code == 201
    for method in ("get", "put", "patch", "delete"):
        response = getattr(boss, method)(link_path(acme))
        assert response.status_code == 405
        assert response.json() == {"detail": f'Method "{method.upper()}" not allowed.'}
    assert boss.post(f"{link_path(acme)}//", {}).status_code == 404


@pytest.mark.parametrize("text", [str.upper, lambda text: text.replace("-", ""), lambda text: "nope"])
def test_the_customer_of_the_path_is_compared_as_text(as_user, boss, acme, text):
    path = link_path(text(str(acme.pk)))
    assert boss.post(path, newcomer(acme, "new@acme.test")).status_code == 403
    response = as_user(factories.operator()).post(path, newcomer(acme, "new@acme.test"))
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": NOT_AUTHORIZED})
    assert waiting() == []


def test_inactive_customers_can_be_linked_to(boss, acme):
    acme.active = False
    acme.save()
    assert boss.post(link_path(acme), newcomer(acme, "new@acme.test")).status_code == 201


# --- adding: both endpoints alike ---------------------------------------------------------------------------------


def test_an_address_without_account_becomes_a_pending_learner_as_given(add, acme):
    response = add(newcomer(acme, " New@Acme.test "))
    assert (response.status_code, response.json()) == (201, newcomer(acme, "New@Acme.test"))
    pending = PendingEnterpriseCustomerUser.objects.get()
    assert (pending.enterprise_customer, pending.user_email) == (acme, "New@Acme.test")
    assert [change.history_type for change in pending.history.all()] == ["+"]

    response = add(newcomer(acme, "new@acme.TEST"))
    assert (response.status_code, response.content) == (204, b"")
    assert PendingEnterpriseCustomerUser.objects.count() == 1
    assert not mail.outbox


def test_an_account_with_the_address_is_linked_instead(add, acme, bolt, mia):
    factories.LearnerFactory(enterprise_customer=bolt, user=mia)
    response = add(newcomer(acme, "Mia@acme.test"))
    assert (response.status_code, response.json()) == (201, newcomer(acme, "Mia@acme.test"))
    assert waiting() == []
    assert (stored(acme, mia).active, stored(acme, mia).linked, stored(bolt, mia).active) == (True, True, False)
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(
        user=mia, role__name="enterprise_learner", enterprise_customer=acme
    ).exists()
    assert add(newcomer(acme, "Mia@acme.test")).status_code == 204


def test_the_link_is_as_active_as_the_account(add, acme, mia):
    leo = factories.UserFactory(email="leo@acme.test", is_active=False)
    factories.LearnerFactory(enterprise_customer=acme, user=mia, active=False)
    assert add([newcomer(acme, "leo@acme.test"), newcomer(acme, "Mia@acme.test")]).status_code == 201
    assert (stored(acme, leo).active, stored(acme, mia).active) == (False, True)

    mia.is_active = False
    mia.save()
    assert add(newcomer(acme, "Mia@acme.test")).status_code == 204
    assert (stored(acme, mia).active, stored(acme, mia).linked) == (False, True)


def test_unlinked_and_barred_learners_are_linked_again_and_count_as_created(add, acme, mia):
    old = factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False, is_relinkable=False)
    assert add(newcomer(acme, "Mia@acme.test")).status_code == 201
    link = stored(acme, mia)
    assert (link.pk, link.linked, link.active, link.is_relinkable) == (old.pk, True, True, True)


def test_a_pending_learner_of_an_accounts_address_is_left_in_place(add, acme, mia):
    factories.PendingLearnerFactory(enterprise_customer=acme, user_email=mia.email)
    assert add(newcomer(acme, mia.email)).status_code == 201
    assert waiting() == [("acme", mia.email)]
    assert stored(acme, mia).linked


def test_a_list_with_old_and_new_addresses_is_echoed_whole(add, acme):
    factories.PendingLearnerFactory(enterprise_customer=acme, user_email="old@acme.test")
    body = [newcomer(acme, email) for email in ("old@acme.test", "new@acme.test", "new@acme.test")]
    response = add(body)
    assert (response.status_code, response.json()) == (201, body)
    assert waiting() == [("acme", "new@acme.test"), ("acme", "old@acme.test")]
    response = add(body)
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(
    ("item", "errors"),
    [
        ({}, {"enterprise_customer": MISSING, "user_email": MISSING}),
        ({"user_email": "nope"}, {"enterprise_customer": MISSING, "user_email": BAD_EMAIL}),
        ({"user_email": ""}, {"enterprise_customer": MISSING, "user_email": ["This field may not be blank."]}),
        ({"user_email": None}, {"enterprise_customer": MISSING, "user_email": ["This field may not be null."]}),
        ({"user_email": 7}, {"enterprise_customer": MISSING, "user_email": BAD_EMAIL}),
        ({"user_email": ["a@b.test"]}, {"enterprise_customer": MISSING, "user_email": BAD_EMAIL}),
        (
            {"user_email": "a@acme.test", "enterprise_customer": "nope"},
            {"enterprise_customer": ["“nope” is not a valid UUID."]},
        ),
        (
            {"user_email": "a@acme.test", "enterprise_customer": str(uuid.UUID(int=4))},
            {"enterprise_customer": [f'Invalid pk "{uuid.UUID(int=4)}" - object does not exist.']},
        ),
        (
            {"user_email": "a@acme.test", "enterprise_customer": ""},
            {"enterprise_customer": ["This field may not be null."]},
        ),
        ("mia", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
        ([["mia"]], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ],
)
def test_what_is_wrong_is_told_for_each_item_and_nothing_is_done(add, acme, item, errors):
    if item and isinstance(item, dict):
        response = add(item)
        assert (response.status_code, response.json()) == (400, errors)
    good = newcomer(acme, "good@acme.test")
    response = add([good, item, good])
    assert (response.status_code, response.json()) == (400, [{}, errors, {}])
    assert waiting() == []
    assert EnterpriseCustomerUser.objects.count() <= 1  # the admin's


@pytest.mark.parametrize(("body", "kind"), [('"mia"', "str"), ("7", "int"), ("true", "bool")])
def test_a_body_that_is_neither_object_nor_list_is_refused(add, body, kind):
    response = add(body, content_type="application/json")
    assert response.status_code == 400
    assert response.json() == {"non_field_errors": [f"Invalid data. Expected a dictionary, but got {kind}."]}


def test_an_address_may_have_254_characters(add, acme):
    domain = ".".join(["d" * 60] * 3)
    assert add(newcomer(acme, f"{'l' * 60}@{domain}.{'d' * 5}.test")).status_code == 201
    response = add(newcomer(acme, f"{'l' * 60}@{domain}.{'d' * 20}.test"))
    assert (response.status_code, response.json()) == (
        400,
        {"user_email": ["Ensure this field has no more than 254 characters."]},
    )


def test_forms_are_taken(add, acme):
    response = add(newcomer(acme, "form@acme.test"), format="multipart")
    assert (response.status_code, response.json()) == (201, newcomer(acme, "form@acme.test"))


# --- adding: where they differ ------------------------------------------------------------------------------------


def test_staff_add_learners_of_several_customers_and_an_empty_list_is_nothing_new(staff, acme, bolt):
    body = [newcomer(customer, "new@world.test") for customer in (acme, bolt)]
    assert staff.post(PATH, body).status_code == 201
    assert waiting() == [("acme", "new@world.test"), ("bolt", "new@world.test")]
    response = staff.post(PATH, [])
    assert (response.status_code, response.content) == (204, b"")
    response = staff.post(PATH, {})
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": MISSING, "user_email": MISSING})


def test_admins_add_learners_of_their_customer_only(boss, acme, bolt, mia):
    response = boss.post(link_path(acme), newcomer(bolt, "Mia@acme.test"))
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": NOT_AUTHORIZED})
    body = [newcomer(acme, "new@acme.test"), newcomer(bolt, "nope"), newcomer(bolt, "new@bolt.test")]
    response = boss.post(link_path(acme), body)
    assert response.status_code == 400
    assert response.json() == [
        {},
        {"enterprise_customer": NOT_AUTHORIZED, "user_email": BAD_EMAIL},
        {"enterprise_customer": NOT_AUTHORIZED},
    ]
    assert waiting() == []
    assert not EnterpriseCustomerUser.all_objects.filter(enterprise_customer=bolt).exists()


@pytest.mark.parametrize("body", ["[]", "{}", "", "null"])
def test_admins_hear_when_they_name_nobody(boss, acme, body):
    response = boss.post(link_path(acme), body, content_type="application/json")
    assert (response.status_code, response.json()) == (400, "At least one user email is required.")


def test_customers_do_not_mix(boss, acme, bolt, mia):
    """The same address waits for, or is a learner of, another customer: that stays as it is."""
    factories.PendingLearnerFactory(enterprise_customer=bolt, user_email="shared@world.test")
    factories.LearnerFactory(enterprise_customer=bolt, user=mia, linked=False, active=False, is_relinkable=False)
    body = [newcomer(acme, "Shared@world.test"), newcomer(acme, mia.email)]
    assert boss.post(link_path(acme), body).status_code == 201
    assert waiting() == [("acme", "Shared@world.test"), ("bolt", "shared@world.test")]
    assert (stored(bolt, mia).linked, stored(bolt, mia).is_relinkable) == (False, False)


# --- how much it costs --------------------------------------------------------------------------------------------


def test_a_list_costs_the_same_statements_whatever_its_length(staff, acme, bolt, django_assert_max_num_queries):
    accounts = [factories.UserFactory() for _ in range(20)]

    def body(first: int, last: int) -> list[dict[str, str]]:
        made = [newcomer((acme, bolt)[n % 2], f"new{n}@world.test") for n in range(first, last)]
        return made + [newcomer(acme, account.email) for account in accounts[first % 20 : first % 20 + 3]]

    staff.post(PATH, body(0, 2))
    for first, last in ((2, 4), (4, 800)):
        with django_assert_max_num_queries(26):  # eight of them savepoints
            assert staff.post(PATH, body(first, last)).status_code == 201
    assert PendingEnterpriseCustomerUser.objects.count() == 800


# --- reading ------------------------------------------------------------------------------------------------------


def test_pending_learners_are_listed_oldest_first_with_filters_and_ordering(staff, acme, bolt):
    for customer, email in [(acme, "c@acme.test"), (bolt, "b@bolt.test"), (acme, "A@acme.test")]:
        factories.PendingLearnerFactory(enterprise_customer=customer, user_email=email)

    def emails(**query: str) -> list[str]:
        return [row["user_email"] for row in staff.get(PATH, query).data["results"]]

    response = staff.get(PATH)
    assert list(response.data) == [
        "next",
        "previous",
        "count",
        "num_pages",
        "current_page",
        "start",
        "results",
    ]
    assert response.data["results"][0] == newcomer(acme, "c@acme.test")
    assert emails() == ["c@acme.test", "b@bolt.test", "A@acme.test"]
    assert emails(enterprise_customer=str(bolt.pk)) == ["b@bolt.test"]
    assert emails(user_email="a@ACME.test") == ["A@acme.test"]
    assert emails(user_email="nobody@acme.test") == []
    assert emails(ordering="-enterprise_customer", enterprise_customer="") == [
        "b@bolt.test",
        "c@acme.test",
        "A@acme.test",
    ]
    assert emails(ordering="user_email", enterprise_customer=str(acme.pk)) == ["A@acme.test", "c@acme.test"]
    assert emails(page="2", page_size="2") == ["A@acme.test"]
    response = staff.get(PATH, {"enterprise_customer": "nope"})
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": ["“nope” is not a valid UUID."]})
    for page in ("1", "9"):
        response = staff.get(PATH, {"enterprise_customer": str(uuid.uuid4()), "page": page})
        assert (response.status_code, response.json()) == (
            400,
            {"enterprise_customer": ["Select a valid choice. That choice is not one of the available choices."]},
        )
    assert staff.get(PATH, {"page": "9"}).status_code == 404


def test_the_list_of_pending_learners_costs_three_statements(staff, acme, django_assert_num_queries):
    for _ in range(12):
        factories.PendingLearnerFactory(enterprise_customer=acme)
    for page_size in (2, 10):
        with django_assert_num_queries(3):  # account, count, page
            assert len(staff.get(PATH, {"page_size": page_size}).data["results"]) == page_size


def test_one_pending_learner_is_shown_as_in_the_list(staff, acme):
    pending = factories.PendingLearnerFactory(enterprise_customer=acme, user_email="a@acme.test")
    assert staff.get(f"{PATH}{pending.pk}/").json() == newcomer(acme, "a@acme.test")
    assert staff.get(f"{PATH}{pending.pk}.json").json() == newcomer(acme, "a@acme.test")
    for method in ("get", "put", "patch", "delete"):
        for pk, body in [(pending.pk + 1, NO_SUCH_PENDING_LEARNER), ("x", {"detail": "Not found."})]:
            response = getattr(staff, method)(f"{PATH}{pk}/", {})
            assert (response.status_code, response.json()) == (404, body)


# --- changing and deleting ----------------------------------------------------------------------------------------


def test_a_pending_learner_may_get_another_address_and_customer(staff, acme, bolt):
    pending = factories.PendingLearnerFactory(enterprise_customer=acme, user_email="a@acme.test")
    enrollment = factories.PendingEnrollmentFactory(user=pending)
    path = f"{PATH}{pending.pk}/"

    response = staff.patch(path, {"user_email": "b@acme.test"})
    assert (response.status_code, response.json()) == (200, newcomer(acme, "b@acme.test"))
    response = staff.put(path, newcomer(bolt, "B@acme.test"))
    assert (response.status_code, response.json()) == (200, newcomer(bolt, "B@acme.test"))
    response = staff.patch(path, {})
    assert (response.status_code, response.json()) == (200, newcomer(bolt, "B@acme.test"))

    pending.refresh_from_db()
    assert (pending.enterprise_customer, pending.user_email) == (bolt, "B@acme.test")
    assert list(pending.history.order_by("history_id").values_list("history_type", flat=True)) == ["+", "~", "~"]
    assert PendingEnrollment.objects.get() == enrollment


def test_a_pending_learner_cannot_take_the_place_of_another(staff, acme, bolt):
    factories.PendingLearnerFactory(enterprise_customer=acme, user_email="taken@acme.test")
    pending = factories.PendingLearnerFactory(enterprise_customer=acme, user_email="a@acme.test")
    path = f"{PATH}{pending.pk}/"
    for response in (
        staff.patch(path, {"user_email": "Taken@acme.test"}),
        staff.put(path, newcomer(acme, "taken@acme.test")),
    ):
        assert response.status_code == 400
        assert response.json() == {
            "non_field_errors": ["The fields user_email, enterprise_customer must make a unique set."]
        }
    for body, errors in [
        ({"user_email": "nope"}, {"user_email": BAD_EMAIL}),
        ({"enterprise_customer": "nope"}, {"enterprise_customer": ["“nope” is not a valid UUID."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ]:
        response = staff.patch(path, body)
        assert (response.status_code, response.json()) == (400, errors)
    response = staff.put(path, {})
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": MISSING, "user_email": MISSING})
    pending.refresh_from_db()
    assert pending.user_email == "a@acme.test"


def test_deleting_takes_the_pending_enrollments_along(staff, acme, bolt):
    mine, other = (
        factories.PendingLearnerFactory(enterprise_customer=customer, user_email="a@acme.test")
        for customer in (acme, bolt)
    )
    for pending in (mine, other):
        factories.PendingEnrollmentFactory(user=pending)
    membership = factories.GroupMembershipFactory(
        group=factories.GroupFactory(enterprise_customer=acme), pending_enterprise_customer_user=mine
    )
    response = staff.delete(f"{PATH}{mine.pk}/")
    assert (response.status_code, response.content) == (204, b"")
    assert waiting() == [("bolt", "a@acme.test")]
    assert PendingEnrollment.objects.get().user == other
    membership.refresh_from_db()
    assert membership.pending_enterprise_customer_user is None
    assert PendingEnterpriseCustomerUser.history.filter(id=mine.pk, history_type="-").count() == 1
    assert staff.delete(f"{PATH}{mine.pk}/").status_code == 404
