"""Who may call .../enroll_learners_in_courses/ (contract: enterprise-learners)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollments.models import CourseOverview, User
from enterprise.models import EnterpriseCustomer
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE, ENTERPRISE_PROVISIONING_ADMIN_ROLE
from tests.enterprise.enroll_learners_in_courses.calls import path_of, row
from tests.factories import (
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db
MISSING = {"detail": "Missing: enterprise.can_enroll_learners"}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}


def test_anonymous_callers_get_401_before_anything_is_looked_at(
    client: APIClient, customer: EnterpriseCustomer
) -> None:
    answer = client.post(path_of(customer), "no json", content_type="application/json")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert answer["WWW-Authenticate"] == 'JWT realm="api"'


def test_the_rate_limit_comes_before_the_permission(as_user: Any, customer: EnterpriseCustomer, settings: Any) -> None:
    settings.USER_RATE = "1/minute"
    client = as_user(UserFactory())
    assert client.post(path_of(customer), {}).status_code == 403
    answer = client.post(path_of(customer), {})
    assert answer.status_code == 429
    assert answer.json()["detail"].startswith("Request was throttled. Expected available in ")
    assert int(answer["Retry-After"]) > 0


def test_service_accounts_have_the_high_rate(as_user: Any, customer: EnterpriseCustomer, settings: Any) -> None:
    settings.USER_RATE, settings.SERVICE_USER_RATE, settings.HIGH_SERVICE_USER_RATE = "1/minute", "1/minute", "3/minute"
    client = as_user(UserFactory(username="license_manager_worker"))
    assert [client.post(path_of(customer), {}).status_code for _ in range(4)] == [403, 403, 403, 429]


def learner_of(customer: EnterpriseCustomer) -> User:
    return LearnerFactory(enterprise_customer=customer).user_fk


def admin_of_another(customer: EnterpriseCustomer) -> User:
    return customer_admin(EnterpriseCustomerFactory())


def linked_learner_and_admin_of_another(customer: EnterpriseCustomer) -> User:
    user = customer_admin(EnterpriseCustomerFactory())
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def provisioning_admin(customer: EnterpriseCustomer) -> User:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role=ENTERPRISE_PROVISIONING_ADMIN_ROLE)
    return user


def staff_without_role(customer: EnterpriseCustomer) -> User:
    return UserFactory(staff=True)


def database_role_but_linked_elsewhere(customer: EnterpriseCustomer) -> User:
    user = LearnerFactory().user_fk
    FeatureRoleAssignmentFactory(user=user, role="enrollment_api_admin")
    return user


def other_database_role(customer: EnterpriseCustomer) -> User:
    user = LearnerFactory(enterprise_customer=customer).user_fk
    FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")
    return user


@pytest.mark.parametrize(
    "caller",
    [
        learner_of,
        admin_of_another,
        linked_learner_and_admin_of_another,
        provisioning_admin,
        staff_without_role,
        database_role_but_linked_elsewhere,
        other_database_role,
    ],
)
def test_callers_without_the_permission_for_this_customer_get_403(
    caller: Callable[[EnterpriseCustomer], User], as_user: Any, customer: EnterpriseCustomer
) -> None:
    answer = as_user(caller(customer)).post(path_of(customer), "no json", content_type="application/json")
    assert (answer.status_code, answer.json()) == (403, MISSING)


def admin_who_is_not_linked(customer: EnterpriseCustomer) -> User:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role=ENTERPRISE_ADMIN_ROLE, enterprise_customer=customer)
    return user


def admin_who_was_unlinked(customer: EnterpriseCustomer) -> User:
    user = admin_who_is_not_linked(customer)
    LearnerFactory(enterprise_customer=customer, user=user, linked=False, active=False)
    return user


def operator_who_is_not_linked(customer: EnterpriseCustomer) -> User:
    return operator()


@pytest.mark.parametrize("caller", [admin_who_is_not_linked, admin_who_was_unlinked, operator_who_is_not_linked])
def test_callers_with_the_permission_who_do_not_see_the_customer_get_404(
    caller: Callable[[EnterpriseCustomer], User], as_user: Any, customer: EnterpriseCustomer
) -> None:
    answer = as_user(caller(customer)).post(path_of(customer), "no json", content_type="application/json")
    assert (answer.status_code, answer.json()) == (404, NO_CUSTOMER)


def linked_admin(customer: EnterpriseCustomer) -> User:
    return customer_admin(customer)


def linked_operator(customer: EnterpriseCustomer) -> User:
    user = operator()
    LearnerFactory(enterprise_customer=customer, user=user)
    return user


def staff_operator(customer: EnterpriseCustomer) -> User:
    return operator(staff=True)


def operator_who_provisions(customer: EnterpriseCustomer) -> User:
    user = operator()
    RoleAssignmentFactory(user=user, role=ENTERPRISE_PROVISIONING_ADMIN_ROLE)
    return user


def staff_admin_who_is_not_linked(customer: EnterpriseCustomer) -> User:
    user = UserFactory(staff=True)
    RoleAssignmentFactory(user=user, role=ENTERPRISE_ADMIN_ROLE, enterprise_customer=customer)
    return user


def linked_with_the_database_role(customer: EnterpriseCustomer) -> User:
    user = LearnerFactory(enterprise_customer=customer).user_fk
    FeatureRoleAssignmentFactory(user=user, role="enrollment_api_admin")
    return user


def superuser(customer: EnterpriseCustomer) -> User:
    return UserFactory(superuser=True)


@pytest.mark.parametrize(
    "caller",
    [
        linked_admin,
        linked_operator,
        staff_operator,
        operator_who_provisions,
        staff_admin_who_is_not_linked,
        linked_with_the_database_role,
        superuser,
    ],
)
def test_callers_with_the_permission_who_see_the_customer_may_enroll(
    caller: Callable[[EnterpriseCustomer], User],
    as_user: Any,
    customer: EnterpriseCustomer,
    run: CourseOverview,
    learner: User,
) -> None:
    answer = as_user(caller(customer)).post(path_of(customer), {"enrollments_info": [row(email=learner.email)]})
    assert answer.status_code == 201
    assert answer.json()["successes"][0]["user_id"] == learner.pk


@pytest.mark.parametrize("caller", [customer_admin, staff_operator, superuser])
def test_an_inactive_customer_is_not_found(caller: Callable[[EnterpriseCustomer], User], as_user: Any) -> None:
    gone = EnterpriseCustomerFactory(active=False)
    answer = as_user(caller(gone)).post(path_of(gone), {})
    assert (answer.status_code, answer.json()) == (404, NO_CUSTOMER)


def test_an_unknown_customer_is_a_context_nobody_holds(as_user: Any, admin: User) -> None:
    path = f"/enterprise/api/v1/enterprise-customer/{uuid.uuid4()}/enroll_learners_in_courses/"
    assert as_user(admin).post(path, {}).json() == MISSING
    assert as_user(operator(staff=True)).post(path, {}).json() == NO_CUSTOMER


def test_a_malformed_customer_id_is_a_context_nobody_holds(as_user: Any, admin: User) -> None:
    path = "/enterprise/api/v1/enterprise-customer/acme/enroll_learners_in_courses/"
    assert as_user(admin).post(path, {}).json() == MISSING
    answer = as_user(operator(staff=True)).post(path, {})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_a_token_of_a_restricted_application_is_refused(
    as_user: Any, admin: User, customer: EnterpriseCustomer
) -> None:
    assert as_user(admin, restricted=True).post(path_of(customer), {}).status_code == 403


def test_a_session_needs_a_csrf_token(by_session: Any, admin: User, customer: EnterpriseCustomer) -> None:
    answer = by_session(admin, enforce_csrf_checks=True).post(path_of(customer), {}, format="json")
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("CSRF Failed: ")


def test_other_methods_are_not_allowed(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    for method in ("get", "put", "patch", "delete"):
        answer = getattr(client_of_admin, method)(path_of(customer))
        assert (answer.status_code, answer.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


def test_the_path_ends_with_a_slash_or_a_format(client_of_admin: APIClient, customer: EnterpriseCustomer) -> None:
    bare = path_of(customer).rstrip("/")
    assert client_of_admin.post(bare, {}).status_code == 404
    assert client_of_admin.post(f"{bare}.json", {}).status_code == 400
    assert client_of_admin.post(f"{bare}//", {}).status_code == 404
