"""Invite keys over HTTP (contract: enterprise-customers 4.7)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from django.utils import timezone

from enrollments.models import UserProfile
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.queries.invite_keys import usage_counts
from enterprise.serializers.invite_keys import InviteKeySerializer, invite_key_body
from enterprise.services import invite_keys
from tests.enterprise.callers import CALLERS, caller
from tests.factories import (
    EnterpriseCustomerFactory,
    InviteKeyFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

KEYS = "/enterprise/api/v1/enterprise-customer-invite-key/"
UNAUTHENTICATED = {"detail": "Authentication credentials were not provided."}
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NOT_VALID = {"detail": "Enterprise customer invite key is not valid"}
NO_SUCH_KEY = {"detail": "No EnterpriseCustomerInviteKey matches the given query."}


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Globex", slug="globex")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Hooli", slug="hooli")


@pytest.fixture
def key(customer) -> EnterpriseCustomerInviteKey:
    return InviteKeyFactory(enterprise_customer=customer)


def uuids(answer: Any) -> list[str]:
    body = answer.json()
    return [each["uuid"] for each in (body if isinstance(body, list) else body["results"])]


def address(key: EnterpriseCustomerInviteKey, tail: str = "") -> str:
    return f"{KEYS}{key.pk}/{tail}"


def call_as(as_user, client, name, customer, other):
    account = caller(name, customer, other)
    return client if account is None else as_user(account)


# --- Lists ----------------------------------------------------------------------------------------------------------


def test_a_key_shows_its_customer_and_how_often_it_was_used(boss, customer):
    key = InviteKeyFactory(
        enterprise_customer=customer,
        usage_limit=3,
        expiration_date=datetime(2099, 3, 4, 5, 6, 7, tzinfo=UTC),
        created=datetime(2025, 3, 4, 5, 6, 7, 890, tzinfo=UTC),
    )
    LearnerFactory(enterprise_customer=customer, invite_key=key)
    LearnerFactory(enterprise_customer=customer, invite_key=key, active=False)
    LearnerFactory(enterprise_customer=customer, invite_key=key, linked=False)
    assert boss.get(KEYS).json() == {
        "next": None,
        "previous": None,
        "count": 1,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": [
            {
                "uuid": str(key.pk),
                "enterprise_customer_uuid": str(customer.pk),
                "usage_limit": 3,
                "expiration_date": "2099-03-04T05:06:07Z",
                "is_active": True,
                "is_valid": True,
                "enterprise_customer_name": "Globex",
                "usage_count": 2,
                "created": "2025-03-04T05:06:07.000890Z",
            }
        ],
    }


@pytest.mark.parametrize(
    ("fields", "uses", "valid"),
    [
        ({}, 0, True),
        ({"usage_limit": 2}, 1, True),
        ({"usage_limit": 2}, 2, False),
        ({"usage_limit": 0}, 0, False),
        ({"is_active": False}, 0, False),
        ({"expired": True}, 0, False),
    ],
)
def test_a_key_is_valid_while_active_not_expired_and_not_used_up(boss, customer, fields, uses, valid):
    key = InviteKeyFactory(enterprise_customer=customer, **fields)
    for _ in range(uses):
        LearnerFactory(enterprise_customer=customer, invite_key=key)
    shown = boss.get(address(key)).json()
    assert (shown["is_valid"], shown["usage_count"]) == (valid, uses)


@pytest.mark.parametrize("tail", ["", "basic-list/"])
@pytest.mark.parametrize("name", CALLERS)
def test_who_may_list_keys_and_which_ones(as_user, client, customer, other, key, name, tail):
    foreign = InviteKeyFactory(enterprise_customer=other)
    RoleAssignmentFactory(user=(linked := UserFactory(staff=True)), enterprise_customer=customer)
    answer = call_as(as_user, client, name, customer, other).get(f"{KEYS}{tail}")
    expected = {"admin": [key], "foreign admin": [foreign], "operator": [], "superuser": []}
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        assert answer["WWW-Authenticate"].startswith("JWT")
    elif name not in expected:
        assert (answer.status_code, answer.json()) == (403, MISSING)
    else:
        assert answer.status_code == 200
        assert uuids(answer) == [str(each.pk) for each in expected[name]]
    # Staff see all keys, once they hold the role anywhere.
    assert uuids(as_user(linked).get(f"{KEYS}{tail}")) == [str(key.pk), str(foreign.pk)]


def test_a_learner_who_was_unlinked_sees_no_keys_any_more(as_user, customer, key):
    admin = customer_admin(customer)
    EnterpriseCustomerUser.objects.update(linked=False, active=False)
    assert uuids(as_user(admin).get(KEYS)) == []


def test_keys_that_were_removed_are_nowhere(boss, customer, key):
    removed = InviteKeyFactory(enterprise_customer=customer, is_removed=True)
    assert uuids(boss.get(KEYS)) == [str(key.pk)]
    assert uuids(boss.get(f"{KEYS}basic-list/")) == [str(key.pk)]
    assert boss.get(address(removed)).json() == NO_SUCH_KEY
    assert boss.patch(address(removed), {"is_active": False}).json() == NO_SUCH_KEY
    assert boss.post(address(removed, "link-user/")).json() == NO_SUCH_KEY


@pytest.mark.parametrize("tail", ["", "basic-list/"])
def test_a_customer_narrows_the_list_for_staff_too(as_user, customer, other, key, tail):
    InviteKeyFactory(enterprise_customer=other)
    staff = UserFactory(staff=True)
    RoleAssignmentFactory(user=staff, enterprise_customer=customer)
    for client in (as_user(staff), as_user(customer_admin(customer))):
        listed = client.get(f"{KEYS}{tail}", {"enterprise_customer_uuid": str(customer.pk)})
        assert uuids(listed) == [str(key.pk)]
        assert uuids(client.get(f"{KEYS}{tail}", {"enterprise_customer_uuid": str(uuid.uuid4())})) == []
        answer = client.get(f"{KEYS}{tail}", {"enterprise_customer_uuid": "zz"})
        assert (answer.status_code, answer.json()) == (400, {"enterprise_customer_uuid": ["Enter a valid UUID."]})


def test_a_foreign_customer_shows_nothing(boss, other):
    InviteKeyFactory(enterprise_customer=other)
    assert uuids(boss.get(KEYS, {"enterprise_customer_uuid": str(other.pk)})) == []


@pytest.mark.parametrize("tail", ["", "basic-list/"])
def test_keys_come_in_the_order_asked_for_else_the_oldest_first(boss, customer, tail):
    now = timezone.now()
    keys = [
        InviteKeyFactory(
            enterprise_customer=customer,
            usage_limit=limit,
            is_active=active,
            created=now - timedelta(days=age),
            expiration_date=now + timedelta(days=age),
        )
        for limit, active, age in [(5, True, 1), (9, False, 3), (7, True, 2)]
    ]
    a, b, c = (str(key.pk) for key in keys)
    for ordering, expected in [
        ("", [b, c, a]),
        ("created", [b, c, a]),
        ("-created", [a, c, b]),
        ("usage_limit", [a, c, b]),
        ("expiration_date", [a, c, b]),
        ("is_active,-usage_limit", [b, c, a]),
        ("-uuid", sorted([a, b, c], reverse=True)),
        ("nonsense,-usage_limit", [b, c, a]),
        ("nonsense", [b, c, a]),
    ]:
        assert uuids(boss.get(f"{KEYS}{tail}", {"ordering": ordering})) == expected, ordering


@pytest.mark.parametrize(("query", "statements"), [({"page_size": 100}, 3), ({"page_size": 4}, 4)])
def test_the_list_costs_the_same_for_ten_keys_and_for_a_hundred(
    boss, customer, query, statements, django_assert_num_queries
):
    for total in (10, 99):
        while EnterpriseCustomerInviteKey.objects.count() < total:
            key = InviteKeyFactory(enterprise_customer=customer)
        LearnerFactory(enterprise_customer=customer, invite_key=key)
        # Caller; keys with their customer; uses. And the count, where the page is full.
        with django_assert_num_queries(statements):
            assert boss.get(KEYS, query).status_code == 200
        with django_assert_num_queries(3):
            assert len(boss.get(f"{KEYS}basic-list/").json()) == total


def test_the_schema_describes_what_is_sent(key):
    assert list(InviteKeySerializer().fields) == list(invite_key_body(key, 0))


# --- One key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
def test_anybody_signed_in_may_look_at_any_key(as_user, client, customer, other, key, name):
    answer = call_as(as_user, client, name, customer, other).get(address(key))
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    else:
        assert (answer.status_code, answer.json()["uuid"]) == (200, str(key.pk))


def test_a_key_that_does_not_exist_is_not_found(boss):
    for method, tail in [("get", ""), ("patch", ""), ("post", "link-user/")]:
        answer = getattr(boss, method)(f"{KEYS}{uuid.uuid4()}/{tail}")
        assert (answer.status_code, answer.json()) == (404, NO_SUCH_KEY)
        answer = getattr(boss, method)(f"{KEYS}no-uuid/{tail}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("method", ["put", "delete", "head", "options"])
def test_other_methods_are_refused(boss, client, key, method):
    for path in (KEYS, f"{KEYS}basic-list/", address(key), address(key, "link-user/")):
        answer = getattr(boss, method)(path)
        assert answer.status_code == 405
        if method != "head":
            assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}
        assert getattr(client, method)(path).status_code == 401
    assert boss.get(address(key, "link-user/")).status_code == 405
    assert boss.post(address(key)).status_code == 405
    assert boss.post(f"{KEYS}basic-list/").status_code == 405
    assert boss.patch(KEYS).status_code == 405


def test_every_path_takes_a_format_suffix(boss, key):
    for path in (KEYS, f"{KEYS}basic-list/", address(key)):
        answer = boss.get(f"{path.rstrip('/')}.json")
        assert (answer.status_code, answer.json()) == (200, boss.get(path).json())
    assert boss.post(f"{address(key)}link-user.json").status_code == 200


def test_without_the_slash_a_get_is_redirected_and_a_post_is_not_found(boss, key):
    answer = boss.get(KEYS.rstrip("/"))
    assert (answer.status_code, answer["Location"]) == (301, KEYS)
    assert boss.post(KEYS.rstrip("/")).status_code == 404


# --- Creating -------------------------------------------------------------------------------------------------------


def test_an_admin_creates_a_key_with_the_defaults(boss, customer):
    answer = boss.post(KEYS, {"enterprise_customer_uuid": str(customer.pk)})
    key = EnterpriseCustomerInviteKey.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {"uuid": str(key.pk), "enterprise_customer_uuid": str(customer.pk)}
    assert (key.usage_limit, key.is_active, key.enterprise_customer) == (10_000, True, customer)
    assert abs(key.expiration_date - timezone.now() - timedelta(days=365)) < timedelta(minutes=1)
    assert key.history.count() == 1


def test_the_answer_repeats_what_was_given_and_ignores_is_active(boss, customer):
    sent = {
        "enterprise_customer_uuid": str(customer.pk),
        "usage_limit": 0,
        "expiration_date": "2099-01-02T03:04:05+02:00",
        "is_active": False,
    }
    answer = boss.post(KEYS, sent)
    key = EnterpriseCustomerInviteKey.objects.get()
    assert answer.json() == {
        "uuid": str(key.pk),
        "enterprise_customer_uuid": str(customer.pk),
        "usage_limit": 0,
        "expiration_date": "2099-01-02T01:04:05Z",
    }
    assert (key.usage_limit, key.is_active) == (0, True)


def test_a_form_creates_a_key_too(boss, customer):
    form = {"enterprise_customer_uuid": str(customer.pk), "usage_limit": "12"}
    assert boss.post(KEYS, form, format="multipart").json()["usage_limit"] == 12


@pytest.mark.parametrize("name", CALLERS)
def test_who_may_create_a_key(as_user, client, customer, other, name):
    answer = call_as(as_user, client, name, customer, other).post(KEYS, {"enterprise_customer_uuid": str(customer.pk)})
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    elif name in ("admin", "operator", "superuser"):
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()) == (403, MISSING)
    assert EnterpriseCustomerInviteKey.objects.exists() == (answer.status_code == 201)


def test_the_role_is_checked_before_the_body(as_user, boss, customer):
    learner = as_user(LearnerFactory(enterprise_customer=customer).user_fk)
    for sent in ({}, {"usage_limit": "many"}, {"enterprise_customer_uuid": "zz"}):
        assert learner.post(KEYS, sent).json() == MISSING
    # Without a customer any holder of the role passes, and hears what is missing.
    assert boss.post(KEYS, {}).json() == {"enterprise_customer_uuid": ["This field is required."]}
    assert boss.post(KEYS, {"enterprise_customer_uuid": "zz"}).json() == MISSING
    assert boss.post(KEYS, {"enterprise_customer_uuid": str(uuid.uuid4())}).json() == MISSING
    assert boss.post(KEYS, {"enterprise_customer_uuid": str(customer.pk).upper()}).json() == MISSING


def test_an_operator_hears_what_is_wrong_with_the_body(as_user, customer):
    client, unknown = as_user(operator()), str(uuid.uuid4())
    mine = {"enterprise_customer_uuid": str(customer.pk)}
    for sent, problem in [
        (
            {"enterprise_customer_uuid": unknown},
            {"enterprise_customer_uuid": [f"EnterpriseCustomer with uuid {unknown} does not exist."]},
        ),
        ({"enterprise_customer_uuid": "zz"}, {"enterprise_customer_uuid": ["Must be a valid UUID."]}),
        ({"enterprise_customer_uuid": [str(customer.pk)]}, {"enterprise_customer_uuid": ["Must be a valid UUID."]}),
        ({"enterprise_customer_uuid": None}, {"enterprise_customer_uuid": ["This field may not be null."]}),
        ({**mine, "usage_limit": -1}, {"usage_limit": ["Ensure this value is greater than or equal to 0."]}),
        ({**mine, "usage_limit": 2**31}, {"usage_limit": ["Ensure this value is less than or equal to 2147483647."]}),
        ({**mine, "usage_limit": "x"}, {"usage_limit": ["A valid integer is required."]}),
        ({**mine, "usage_limit": None}, {"usage_limit": ["This field may not be null."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ]:
        answer = client.post(KEYS, sent)
        assert (answer.status_code, answer.json()) == (400, problem)
    assert "expiration_date" in client.post(KEYS, {**mine, "expiration_date": "soon"}).json()
    assert client.post(KEYS, "{", content_type="application/json").status_code == 400
    assert not EnterpriseCustomerInviteKey.objects.exists()


def test_a_customer_has_at_most_a_hundred_keys(boss, customer, other):
    InviteKeyFactory.create_batch(99, enterprise_customer=customer)
    InviteKeyFactory(enterprise_customer=other)
    InviteKeyFactory(enterprise_customer=customer, is_removed=True)
    sent = {"enterprise_customer_uuid": str(customer.pk)}
    assert boss.post(KEYS, sent).status_code == 201
    answer = boss.post(KEYS, sent)
    assert answer.status_code == 422
    assert answer.json() == {"detail": "Cannot create more than 100 invite keys per customer."}
    assert EnterpriseCustomerInviteKey.objects.filter(enterprise_customer=customer).count() == 100


# --- Changing -------------------------------------------------------------------------------------------------------


def test_an_admin_switches_a_key_off_and_moves_its_end(boss, key):
    answer = boss.patch(address(key), {"is_active": False, "expiration_date": "2031-05-06T07:08:09Z"})
    assert answer.status_code == 200
    assert answer.json() == {"expiration_date": "2031-05-06T07:08:09Z", "is_active": False}
    key.refresh_from_db()
    assert (key.is_active, key.expiration_date) == (False, datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC))
    assert [each.history_type for each in key.history.all()] == ["~", "+"]


def test_nothing_else_of_a_key_can_be_changed(boss, other, key):
    sent = {"usage_limit": 3, "enterprise_customer_uuid": str(other.pk), "uuid": str(uuid.uuid4())}
    answer = boss.patch(address(key), sent)
    assert (answer.status_code, list(answer.json())) == (200, ["expiration_date", "is_active"])
    stored = EnterpriseCustomerInviteKey.objects.get()
    assert (stored.pk, stored.usage_limit, stored.enterprise_customer) == (key.pk, 10_000, key.enterprise_customer)
    assert stored.history.count() == 1


def test_an_inactive_key_can_never_be_reactivated(boss, customer):
    key = InviteKeyFactory(enterprise_customer=customer, is_active=False)
    for sent in ({"is_active": True}, {"is_active": "true", "expiration_date": "2031-05-06T07:08:09Z"}):
        answer = boss.patch(address(key), sent)
        assert (answer.status_code, answer.json()) == (422, {"detail": "Cannot reactivate an inactive invite key."})
    assert boss.patch(address(key), {"is_active": False}).status_code == 200
    stored = EnterpriseCustomerInviteKey.objects.get()
    assert (stored.is_active, stored.expiration_date) == (False, key.expiration_date)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"is_active": "perhaps"}, "is_active"),
        ({"is_active": None}, "is_active"),
        ({"expiration_date": "soon"}, "expiration_date"),
    ],
)
def test_wrong_values_are_refused(boss, key, sent, field):
    answer = boss.patch(address(key), sent)
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("name", CALLERS)
def test_who_may_change_a_key(as_user, client, customer, other, key, name):
    answer = call_as(as_user, client, name, customer, other).patch(address(key), {"is_active": False})
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    elif name in ("operator", "superuser"):  # they hold the role, but are not linked
        assert (answer.status_code, answer.json()) == (404, NO_SUCH_KEY)
    elif name == "admin":
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()) == (403, MISSING)
    key.refresh_from_db()
    assert key.is_active == (name != "admin")


def test_staff_with_the_role_change_keys_of_customers_they_are_not_linked_to(as_user, key):
    staff = operator(is_staff=True)
    assert as_user(staff).patch(address(key), {"is_active": False}).status_code == 200


def test_a_key_that_does_not_exist_is_a_403_for_who_holds_the_role_nowhere(as_user, customer):
    learner = as_user(LearnerFactory(enterprise_customer=customer).user_fk)
    for name in (uuid.uuid4(), "no-uuid"):
        assert learner.patch(f"{KEYS}{name}/", {}).json() == MISSING


# --- Joining --------------------------------------------------------------------------------------------------------


@pytest.fixture
def join(as_user, django_capture_on_commit_callbacks):
    """`join(account, key)` answers with the response and the tracking lines it left."""

    def send(account, key):
        with structlog.testing.capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
            answer = as_user(account).post(address(key, "link-user/"))
        return answer, [line for line in lines if line["event"] == "edx.bi.user.enterprise.onboarding"]

    return send


def test_a_learner_joins_with_a_key(join, customer, other, key):
    account = UserFactory()
    elsewhere = LearnerFactory(enterprise_customer=other, user=account)
    answer, lines = join(account, key)
    assert answer.status_code == 201
    assert answer.json() == {"enterprise_customer_slug": "globex", "enterprise_customer_uuid": str(customer.pk)}
    link = EnterpriseCustomerUser.objects.get(enterprise_customer=customer)
    assert (link.user_id, link.active, link.linked, link.invite_key) == (account.pk, True, True, key)
    elsewhere.refresh_from_db()
    assert (elsewhere.active, elsewhere.linked) == (False, True)
    role = SystemWideEnterpriseUserRoleAssignment.objects.get(user=account)
    assert (role.role.name, role.enterprise_customer) == ("enterprise_learner", customer)
    (line,) = lines
    assert line["pathway"] == "enterprise-user-linked"
    assert (line["invite_key"], line["enterprise_customer_uuid"]) == (str(key.pk), str(customer.pk))
    assert (line["user_id"], line["created"]) == (account.pk, True)
    assert link.history.count() == 1


def test_a_first_link_with_a_language_blanks_the_learners_own(join, customer, key):
    customer.default_language = "de-de"
    customer.save()
    account = UserFactory()
    UserProfile.objects.filter(user=account).update(language_preference="fr")
    join(account, key)
    assert not UserProfile.objects.get(user=account).language_preference


def test_a_linked_and_active_learner_keeps_the_link_as_it_is(join, customer, key):
    first = InviteKeyFactory(enterprise_customer=customer)
    link = LearnerFactory(enterprise_customer=customer, invite_key=first)
    answer, lines = join(link.user_fk, key)
    assert (answer.status_code, answer.json()["enterprise_customer_slug"]) == (200, "globex")
    stored = EnterpriseCustomerUser.objects.get()
    assert (stored.invite_key, stored.modified) == (first, link.modified)
    assert [line["created"] for line in lines] == [False]


@pytest.mark.parametrize(
    "fields",
    [
        {"linked": False, "active": False},
        {"linked": False, "active": True},
        {"linked": True, "active": False},
        {"linked": True, "active": False, "is_relinkable": False},
    ],
)
def test_an_unlinked_or_inactive_learner_comes_back_with_this_key(join, customer, other, key, fields):
    first = InviteKeyFactory(enterprise_customer=customer)
    link = LearnerFactory(enterprise_customer=customer, invite_key=first, **fields)
    elsewhere = LearnerFactory(enterprise_customer=other, user=link.user_fk)
    answer, lines = join(link.user_fk, key)
    assert answer.status_code == 200
    stored = EnterpriseCustomerUser.objects.get(enterprise_customer=customer)
    assert (stored.pk, stored.active, stored.linked, stored.invite_key) == (link.pk, True, True, key)
    assert stored.is_relinkable == fields.get("is_relinkable", True)
    elsewhere.refresh_from_db()
    assert not elsewhere.active
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(user=link.user_fk).count() == 1
    assert [line["created"] for line in lines] == [False]


def test_a_learner_who_was_removed_for_good_is_refused_without_a_body(join, customer, key):
    link = LearnerFactory(enterprise_customer=customer, linked=False, active=False, is_relinkable=False)
    answer, lines = join(link.user_fk, key)
    assert (answer.status_code, answer.content) == (422, b"")
    stored = EnterpriseCustomerUser.all_objects.get()
    assert (stored.linked, stored.active, stored.invite_key, stored.modified) == (False, False, None, link.modified)
    assert not SystemWideEnterpriseUserRoleAssignment.objects.exists()
    assert [line["created"] for line in lines] == [False]  # the event comes before the attempt


@pytest.mark.parametrize("fields", [{"is_active": False}, {"expired": True}, {"usage_limit": 1}])
def test_a_key_that_is_not_valid_is_refused_even_for_linked_learners(join, customer, fields):
    key = InviteKeyFactory(enterprise_customer=customer, **fields)
    link = LearnerFactory(enterprise_customer=customer, invite_key=key)
    for account in (UserFactory(), link.user_fk):
        answer, lines = join(account, key)
        assert (answer.status_code, answer.json(), lines) == (422, NOT_VALID, [])
    assert EnterpriseCustomerUser.objects.count() == 1


def test_a_place_that_an_unlinked_learner_left_can_be_taken(join, customer):
    key = InviteKeyFactory(enterprise_customer=customer, usage_limit=1)
    LearnerFactory(enterprise_customer=customer, invite_key=key, linked=False, active=False)
    assert join(UserFactory(), key)[0].status_code == 201
    assert usage_counts([key.pk]) == {key.pk: 1}
    assert join(UserFactory(), key)[0].status_code == 422


@pytest.mark.parametrize("name", CALLERS)
def test_anybody_signed_in_may_join(as_user, client, customer, other, key, name):
    answer = call_as(as_user, client, name, customer, other).post(address(key, "link-user/"))
    expected = {"anonymous": 401, "learner": 200, "admin": 200}
    assert answer.status_code == expected.get(name, 201)


def test_joining_twice_is_answered_twice_and_done_once(join, key):
    account = UserFactory()
    assert [join(account, key)[0].status_code for _ in range(2)] == [201, 200]
    assert EnterpriseCustomerUser.all_objects.count() == 1


# --- For the universal link -----------------------------------------------------------------------------------------


def test_all_keys_of_a_customer_are_switched_off_at_once(customer, other, django_assert_num_queries):
    InviteKeyFactory.create_batch(3, enterprise_customer=customer)
    InviteKeyFactory(enterprise_customer=customer, is_active=False)
    foreign = InviteKeyFactory(enterprise_customer=other)
    with django_assert_num_queries(1):
        assert invite_keys.deactivate_all(customer) == 3
    active = EnterpriseCustomerInviteKey.objects.filter(is_active=True)
    assert active.get() == foreign
    assert not EnterpriseCustomerInviteKey.history.filter(history_type="~").exists()


# --- Throttle -------------------------------------------------------------------------------------------------------


def test_a_caller_has_a_bucket_and_a_service_account_a_larger_one(as_user, settings, customer, key):
    settings.USER_RATE, settings.SERVICE_USER_RATE = "2/minute", "3/minute"
    person, service = UserFactory(), UserFactory(username="enterprise_worker")
    for account, allowed in ((person, 2), (service, 3)):
        statuses = [as_user(account).get(address(key)).status_code for _ in range(allowed + 1)]
        assert statuses == [200] * allowed + [429]
    answer = as_user(person).put(address(key))
    assert answer.status_code == 429  # before the choice of method
    assert answer["Retry-After"]
