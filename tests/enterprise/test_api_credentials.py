"""API credentials over HTTP (contract: enterprise-customers 4.13)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.db import connection
from oauth2_provider.models import AccessToken

from enrollments.models import OAuthApplication
from enterprise.models import EnterpriseCustomer, EnterpriseFeatureUserRoleAssignment
from tests.enterprise.callers import CALLERS, caller
from tests.factories import (
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    OAuthApplicationFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

UNAUTHENTICATED = {"detail": "Authentication credentials were not provided."}
CLOSED = {"detail": "You do not have permission to perform this action."}
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NOT_FOUND = {"detail": "Could not find the Application."}
CALLS = [("get", ""), ("post", ""), ("put", ""), ("delete", ""), ("put", "regenerate_credentials")]


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex", enable_generation_of_api_credentials=True)


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="hooli", enable_generation_of_api_credentials=True)


@pytest.fixture
def admin(customer):
    return customer_admin(customer, username="ada", first_name="Ada", last_name="Byron")


@pytest.fixture
def boss(as_user, admin):
    return as_user(admin)


def address(customer: EnterpriseCustomer, tail: str = "") -> str:
    return f"/enterprise/api/v1/enterprise-customer-api-credentials/{customer.pk}/{tail}"


def log_in(client: Any, credentials: dict[str, Any], **more: str) -> Any:
    form = {"grant_type": "client_credentials", "token_type": "jwt", **more}
    secrets = {name: credentials[name] for name in ("client_id", "client_secret")}
    return client.post("/oauth2/access_token", {**form, **secrets}, format="multipart")


# --- Gates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "tail"), CALLS)
@pytest.mark.parametrize("name", CALLERS)
def test_who_gets_through(as_user, client, customer, other, name, method, tail):
    account = caller(name, customer, other)
    browser = client if account is None else as_user(account)
    answer = getattr(browser, method)(address(customer, tail), {})
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    elif name in ("admin", "operator", "superuser"):
        expected = {"get": 404, "post": 201, "put": 404, "delete": 400}
        assert answer.status_code == expected[method]
    else:
        assert (answer.status_code, answer.json()) == (403, MISSING)
    assert OAuthApplication.objects.filter(user=account, user__isnull=False).exists() == (answer.status_code == 201)


@pytest.mark.parametrize(("method", "tail"), CALLS)
def test_a_customer_without_the_feature_is_closed_to_everybody(as_user, customer, admin, method, tail):
    customer.enable_generation_of_api_credentials = False
    customer.save()
    for account in (admin, operator(), UserFactory(superuser=True), UserFactory()):
        answer = getattr(as_user(account), method)(address(customer, tail), {})
        assert (answer.status_code, answer.json()) == (403, CLOSED)


@pytest.mark.parametrize("name", ["1f8ab714-0000-4000-8000-000000000001", "no-uuid"])
def test_an_unknown_customer_is_closed_too(as_user, name):
    path = f"/enterprise/api/v1/enterprise-customer-api-credentials/{name}/"
    answer = as_user(UserFactory(superuser=True)).post(path)
    assert (answer.status_code, answer.json()) == (403, CLOSED)


def test_a_customer_in_another_spelling_is_not_the_admins(boss, customer):
    path = address(customer).replace(str(customer.pk), str(customer.pk).upper())
    assert boss.post(path).json() == MISSING


def test_the_customers_switch_is_asked_before_the_method_and_the_role_after_it(as_user, client, boss, customer):
    assert boss.patch(address(customer)).json() == {"detail": 'Method "PATCH" not allowed.'}
    assert boss.post(address(customer, "regenerate_credentials")).status_code == 405
    learner = as_user(LearnerFactory(enterprise_customer=customer).user_fk)
    assert learner.patch(address(customer)).status_code == 405
    customer.enable_generation_of_api_credentials = False
    customer.save()
    assert boss.patch(address(customer)).status_code == 403
    assert client.patch(address(customer)).status_code == 401


def test_the_paths_have_the_slash_that_the_contract_gives_them(boss, customer):
    assert boss.post(address(customer).rstrip("/")).status_code == 404
    assert boss.put(address(customer, "regenerate_credentials/"), {"redirect_uris": ""}).status_code == 404


# --- Making and reading ---------------------------------------------------------------------------------------------


def test_an_admin_makes_credentials_and_reads_them_again(boss, admin, customer):
    answer = boss.post(address(customer))
    application = OAuthApplication.objects.get(user=admin)
    body = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert body == {
        "id": application.pk,
        "name": "ada's Enterprise Credentials",
        "client_id": application.client_id,
        "client_secret": application.readable_client_secret,
        "authorization_grant_type": "client-credentials",
        "client_type": "confidential",
        "created": body["created"],
        "updated": body["updated"],
        "redirect_uris": "",
        "user": {
            "id": admin.pk,
            "username": "ada",
            "first_name": "Ada",
            "last_name": "Byron",
            "email": admin.email,
            "is_staff": False,
            "is_active": True,
            "date_joined": body["user"]["date_joined"],
        },
    }
    assert len(body["client_secret"]) > 60
    for moment in (body["created"], body["updated"], body["user"]["date_joined"]):
        assert moment.endswith("Z")
    again = boss.get(address(customer))
    assert (again.status_code, again.json(), again["Cache-Control"]) == (200, body, "no-store")


def test_neither_column_holds_the_secret(boss, admin, customer):
    secret = boss.post(address(customer)).json()["client_secret"]
    assert identify_hasher(OAuthApplication.objects.get(user=admin).client_secret)
    with connection.cursor() as cursor:
        cursor.execute(f"select * from {OAuthApplication._meta.db_table}")
        assert secret not in str(cursor.fetchall())


def test_the_credentials_log_in_and_speak_for_the_admin(boss, client, as_user, customer):
    made = boss.post(address(customer)).json()
    answer = log_in(client, made)
    assert answer.status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"JWT {answer.json()['access_token']}")
    assert client.get("/api/user/v1/me").json() == {"username": "ada"}
    assert client.get(address(customer)).json() == made
    wrong = log_in(client, {**made, "client_secret": "wrong"})
    assert wrong.status_code == 401


def test_there_is_one_application_for_all_customers_of_a_user(boss, admin, customer, other):
    LearnerFactory(enterprise_customer=other, user=admin, should_inactivate_other_customers=False)
    RoleAssignmentFactory(user=admin, enterprise_customer=other)
    boss.credentials()
    boss.force_authenticate(admin, {"roles": [f"enterprise_admin:{each.pk}" for each in (customer, other)]})
    made = boss.post(address(customer)).json()
    answer = boss.post(address(other))
    assert (answer.status_code, answer.json()) == (409, {"detail": "Application exists."})
    assert boss.get(address(other)).json() == made
    assert OAuthApplication.objects.filter(user=admin).count() == 1


def test_admins_do_not_see_each_others_credentials(as_user, boss, customer):
    boss.post(address(customer))
    colleague = as_user(customer_admin(customer))
    assert colleague.get(address(customer)).json() == NOT_FOUND
    assert colleague.delete(address(customer)).status_code == 400
    assert colleague.post(address(customer)).status_code == 201


def test_an_application_that_an_operator_registered_is_left_alone(boss, admin, customer):
    registered = OAuthApplicationFactory(user=admin)
    assert boss.get(address(customer)).json() == NOT_FOUND
    assert boss.put(address(customer), {"name": "Mine"}).status_code == 404
    assert boss.put(address(customer, "regenerate_credentials"), {"redirect_uris": ""}).status_code == 404
    assert boss.delete(address(customer)).status_code == 400
    assert boss.post(address(customer)).status_code == 201
    assert boss.delete(address(customer)).status_code == 200
    assert OAuthApplication.objects.get(user=admin) == registered


def test_making_credentials_gives_the_feature_roles_that_are_missing(boss, admin, customer):
    FeatureRoleAssignmentFactory(user=admin, role="dashboard_admin")
    for _ in range(2):
        assert boss.post(address(customer)).status_code == 201
        assert boss.delete(address(customer)).status_code == 200
    held = EnterpriseFeatureUserRoleAssignment.objects.filter(user=admin).values_list("role__name", flat=True)
    assert sorted(held) == ["catalog_admin", "dashboard_admin", "reporting_config_admin"]


def test_a_refused_creation_gives_no_roles(boss, admin, customer):
    boss.post(address(customer))
    EnterpriseFeatureUserRoleAssignment.objects.all().delete()
    assert boss.post(address(customer)).status_code == 409
    assert not EnterpriseFeatureUserRoleAssignment.objects.exists()


# --- Changing -------------------------------------------------------------------------------------------------------


def test_the_owner_changes_the_application(boss, client, customer):
    made = boss.post(address(customer)).json()
    sent = {"name": "Nightly export", "redirect_uris": "https://a.example/ https://b.example/"}
    answer = boss.put(address(customer), sent)
    assert answer.status_code == 200
    assert answer.json() == {**made, **sent, "updated": answer.json()["updated"]}
    assert answer.json()["updated"] > made["updated"]
    assert boss.get(address(customer)).json() == answer.json()
    assert log_in(client, made).status_code == 200


def test_an_empty_body_changes_nothing(boss, customer):
    made = boss.post(address(customer)).json()
    assert boss.put(address(customer), {}).json() == made
    assert boss.put(address(customer)).json() == made


def test_the_values_are_not_compared_with_those_known(boss, client, customer):
    made = boss.post(address(customer)).json()
    sent = {"client_type": "whatever", "authorization_grant_type": "something"}
    answer = boss.put(address(customer), sent)
    assert {name: answer.json()[name] for name in sent} == sent
    assert log_in(client, made).status_code == 400  # no grant of that kind


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ({"client": "x"}, {"detail": "Invalid field for update: client"}),
        ({"name": "", "client_secret": "x", "id": 4}, {"detail": "Invalid field for update: client_secret"}),
        ({"redirect_uris": ""}, {"redirect_uris": ["This field may not be blank."]}),
        ({"name": "  "}, {"name": ["This field may not be blank."]}),
        ({"name": None}, {"name": ["This field may not be null."]}),
        ({"name": ["x"]}, {"name": ["Not a valid string."]}),
        ({"name": "x" * 256}, {"name": ["Ensure this field has no more than 255 characters."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ],
)
def test_a_wrong_change_is_refused_whole(boss, customer, sent, problem):
    made = boss.post(address(customer)).json()
    answer = boss.put(address(customer), sent)
    assert (answer.status_code, answer.json()) == (400, problem)
    assert boss.get(address(customer)).json() == made


def test_an_empty_value_of_a_form_is_refused_too(boss, customer):
    boss.post(address(customer))
    answer = boss.put(address(customer), {"redirect_uris": ""}, format="multipart")
    assert answer.json() == {"redirect_uris": ["This field may not be blank."]}


def test_without_an_application_that_is_said_before_the_body_is_looked_at(boss, customer):
    for sent in ({"client": "x"}, {"name": ""}, {}):
        assert boss.put(address(customer), sent).json() == NOT_FOUND
        assert boss.put(address(customer, "regenerate_credentials"), sent).json() == NOT_FOUND
    answer = boss.delete(address(customer))
    assert (answer.status_code, answer.json()) == (400, {"detail": "Application does not exist for requesting user."})
    answer = boss.get(address(customer))
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


# --- Regenerating and deleting --------------------------------------------------------------------------------------


def test_regenerated_credentials_log_in_and_the_old_ones_do_not(boss, client, admin, customer):
    made = boss.post(address(customer)).json()
    opaque = log_in(client, made, token_type="bearer").json()["access_token"]
    uris = "https://a.example/ https://b.example/"
    answer = boss.put(address(customer, "regenerate_credentials"), {"redirect_uris": uris})
    body = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert list(body) == ["name", "client_id", "client_secret", "redirect_uris", "updated"]
    assert (body["name"], body["redirect_uris"]) == ("ada's Enterprise Credentials", uris)
    assert body["client_id"] != made["client_id"]
    assert body["client_secret"] != made["client_secret"]
    assert boss.get(address(customer)).json() == {**made, **body}
    assert log_in(client, body).status_code == 200
    for old in (made, {**made, "client_id": body["client_id"]}, {**body, "client_id": made["client_id"]}):
        assert log_in(client, old).status_code == 401
    assert not AccessToken.objects.exists()
    assert client.get("/api/user/v1/me", headers={"Authorization": f"Bearer {opaque}"}).status_code == 401
    assert OAuthApplication.objects.filter(user=admin).count() == 1


@pytest.mark.parametrize("sent", [{}, {"name": "x"}, {"redirect_uris": None}, []])
def test_regenerating_needs_redirect_uris_in_the_body(boss, customer, sent):
    made = boss.post(address(customer)).json()
    answer = boss.put(address(customer, "regenerate_credentials"), sent)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Could not update."})
    assert boss.get(address(customer)).json() == made


def test_regenerating_takes_empty_redirect_uris_and_refuses_a_list(boss, customer):
    made = boss.post(address(customer)).json()
    answer = boss.put(address(customer, "regenerate_credentials"), {"redirect_uris": ["https://a.example"]})
    assert (answer.status_code, answer.json()) == (400, {"redirect_uris": ["Not a valid string."]})
    answer = boss.put(address(customer, "regenerate_credentials"), {"redirect_uris": ""})
    assert (answer.status_code, answer.json()["redirect_uris"]) == (200, "")
    assert answer.json()["client_id"] != made["client_id"]


def test_deleted_credentials_do_not_log_in(boss, client, customer):
    made = boss.post(address(customer)).json()
    log_in(client, made, token_type="bearer")
    answer = boss.delete(address(customer))
    assert (answer.status_code, answer.content) == (200, b"")
    assert log_in(client, made).status_code == 401
    assert not AccessToken.objects.exists()
    assert boss.get(address(customer)).status_code == 404
    assert boss.post(address(customer)).json()["client_id"] != made["client_id"]


def test_the_calls_count_for_the_user_rate(boss, customer, settings):
    settings.USER_RATE = "2/minute"
    assert [boss.get(address(customer)).status_code for _ in range(3)] == [404, 404, 429]


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_two_creations_at_once_make_one_application(as_user, admin, customer):
    clients = [as_user(admin) for _ in range(5)]
    statuses: list[int] = []
    calls = [lambda client=client: statuses.append(client.post(address(customer)).status_code) for client in clients]
    assert at_once(*calls) == []
    assert sorted(statuses) == [201] + [409] * 4
    assert OAuthApplication.objects.filter(user=admin).count() == 1
    assert EnterpriseFeatureUserRoleAssignment.objects.filter(user=admin).count() == 3
