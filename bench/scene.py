"""A customer of the size that large deployments have: what lists are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LEARNERS = 10_000
ENROLLMENTS = 20_000  # two a learner
RUNS = 40
NAMES = ("Ann", "Ben", "Cid", "Dee", "Eve", "Fay", "Gil")
GROUPS = 5  # of a thousand each
ADMINS = 10
BATCH = 2_000


def big_customer(runs: Sequence[str]) -> Any:
    """A customer with learners, each with role and two enterprise enrollments; half of them are in one of five groups,
    a third answered about sharing data (half of them refused), ten are admins, and ten more are invited to be.

    Args:
        runs: keys of at least RUNS runs; all of them are in the customer's catalog.
    """
    from django.db import connection

    from enrollments.models import CourseEnrollment, User, UserProfile
    from enterprise.content import index
    from enterprise.models import (
        DataSharingConsent,
        EnterpriseCourseEnrollment,
        EnterpriseCustomer,
        EnterpriseCustomerCatalog,
        EnterpriseCustomerUser,
        EnterpriseGroup,
        EnterpriseGroupMembership,
        SystemWideEnterpriseRole,
        SystemWideEnterpriseUserRoleAssignment,
    )

    customer = EnterpriseCustomer.objects.create(name="Fleet", slug="fleet")
    EnterpriseCustomerCatalog.objects.create(enterprise_customer=customer, content_filter={"content_type": "course"})
    accounts = User.objects.bulk_create(
        (User(username=f"crew{n}", email=f"crew{n}@fleet.example", password="!") for n in range(LEARNERS)),
        batch_size=BATCH,
    )
    UserProfile.objects.bulk_create(
        (UserProfile(user=each, name=f"{NAMES[n % len(NAMES)]} {n}") for n, each in enumerate(accounts)),
        batch_size=BATCH,
    )
    links = EnterpriseCustomerUser.all_objects.bulk_create(
        (
            EnterpriseCustomerUser(
                enterprise_customer=customer, user_id=each.pk, user_fk=each, member_name=each.profile.name
            )
            for each in accounts
        ),
        batch_size=BATCH,
    )
    role = SystemWideEnterpriseRole.objects.get(name="enterprise_learner")
    SystemWideEnterpriseUserRoleAssignment.objects.bulk_create(
        (
            SystemWideEnterpriseUserRoleAssignment(user=each, role=role, enterprise_customer=customer)
            for each in accounts
        ),
        batch_size=BATCH,
    )
    names = ("Deck", "Bridge", "Engine", "Galley", "Sails")
    groups = [EnterpriseGroup.objects.create(enterprise_customer=customer, name=name) for name in names]
    EnterpriseGroupMembership.objects.bulk_create(
        (
            EnterpriseGroupMembership(
                group=groups[n % GROUPS], enterprise_customer_user=link, status="accepted", activated_at=link.created
            )
            for n, link in enumerate(links[::2])
        ),
        batch_size=BATCH,
    )
    _appoint_admins(customer, links[:ADMINS])
    DataSharingConsent.objects.bulk_create(
        (
            DataSharingConsent(
                enterprise_customer=customer, username=each.username, course_id=runs[n % RUNS], granted=n % 2 == 0
            )
            for n, each in enumerate(accounts[::3])
        ),
        batch_size=BATCH,
    )
    pairs = [(n % LEARNERS, runs[(n + n // LEARNERS) % RUNS]) for n in range(ENROLLMENTS)]
    CourseEnrollment.objects.bulk_create(
        (CourseEnrollment(user=accounts[place], course_id=run) for place, run in pairs), batch_size=BATCH
    )
    EnterpriseCourseEnrollment.all_objects.bulk_create(
        (
            EnterpriseCourseEnrollment(
                enterprise_customer=customer, enterprise_customer_user=links[place], course_id=run
            )
            for place, run in pairs
        ),
        batch_size=BATCH,
    )
    index.refresh_all()  # as the periodic task does
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # what the server does by itself within a minute
    return customer


def _appoint_admins(customer: Any, links: Sequence[Any]) -> None:
    from enterprise import models

    role = models.SystemWideEnterpriseRole.objects.get(name="enterprise_admin")
    for number, link in enumerate(links):
        models.EnterpriseCustomerAdmin.objects.create(enterprise_customer_user=link)
        models.SystemWideEnterpriseUserRoleAssignment.objects.create(
            user=link.user_fk, role=role, enterprise_customer=customer
        )
        models.PendingEnterpriseCustomerAdminUser.objects.create(
            enterprise_customer=customer, user_email=f"mate{number}@fleet.example"
        )


def many_customers(number: int, accounts: list[Any]) -> list[Any]:
    """Customers with branding, two identity providers, three catalogs and four linked admins each; their uuids."""
    from enterprise import models

    customers = models.EnterpriseCustomer.objects.bulk_create(
        models.EnterpriseCustomer(name=f"Customer {n}", slug=f"customer-{n}") for n in range(number)
    )
    models.EnterpriseCustomerBrandingConfiguration.objects.bulk_create(
        models.EnterpriseCustomerBrandingConfiguration(
            enterprise_customer=each, logo=f"enterprise/branding/{each.pk}/logo_1.png", primary_color="#123456"
        )
        for each in customers
    )
    models.EnterpriseCustomerIdentityProvider.objects.bulk_create(
        models.EnterpriseCustomerIdentityProvider(enterprise_customer=each, provider_id=f"saml-{each.slug}-{n}")
        for each in customers
        for n in range(2)
    )
    models.EnterpriseCustomerCatalog.objects.bulk_create(
        models.EnterpriseCustomerCatalog(enterprise_customer=each, title=f"Catalog {n}")
        for each in customers
        for n in range(3)
    )
    admins = [(each, accounts[4 * n + m]) for n, each in enumerate(customers) for m in range(4)]
    role = models.SystemWideEnterpriseRole.objects.get(name="enterprise_admin")
    models.SystemWideEnterpriseUserRoleAssignment.objects.bulk_create(
        models.SystemWideEnterpriseUserRoleAssignment(user=account, role=role, enterprise_customer=each)
        for each, account in admins
    )
    models.EnterpriseCustomerUser.objects.bulk_create(
        models.EnterpriseCustomerUser(enterprise_customer=each, user_id=account.pk, user_fk=account)
        for each, account in admins
    )
    return [each.pk for each in customers]
