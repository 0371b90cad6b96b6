"""Storing customers with what a save drags along (contract: enterprise-customers 2)."""

from __future__ import annotations

from django.db import transaction

from enrollments.models import User
from enrollments.services.profiles import clear_language_preference
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser


@transaction.atomic
def save(customer: EnterpriseCustomer) -> None:
    """Stores a customer. A new default language blanks its learners' own preferences, so that it is used instead."""
    stored = EnterpriseCustomer.all_objects.filter(pk=customer.pk).values_list("default_language", flat=True).first()
    customer.save()
    if customer.default_language and customer.default_language != stored:
        learners = EnterpriseCustomerUser.objects.filter(enterprise_customer=customer).order_by()
        clear_language_preference(User.objects.filter(pk__in=learners.values("user_id")))
