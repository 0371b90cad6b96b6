"""The query parameters that narrow lists of learners (contract: enterprise-learners, enterprise-learner)."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from rest_framework import exceptions

from config.api.filters import WordFilter
from config.db.ids import LARGEST_ID
from enrollments.models import User
from enrollments.queries.enrollments import accounts_with_emails
from enterprise.models import EnterpriseCustomer, SystemWideEnterpriseUserRoleAssignment
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.emails import with_emails

Rows = QuerySet[Any, Any]

CUSTOMER = "enterprise_customer"

NO_UUID = "“%(value)s” is not a valid UUID."
NO_SUCH_CHOICE = "Select a valid choice. That choice is not one of the available choices."
NO_NUMBER = "Enter a number."
ROLE_WITHOUT_CUSTOMER = "Cannot filter by role without providing enterprise_customer_uuid."

_whole_number = re.compile(r"-?[0-9]{1,30}", re.ASCII)


class UUIDField(forms.CharField):
    """A UUID in any spelling."""

    def clean(self, value: Any) -> UUID | None:
        if not value:
            return None
        uuid = parsed_uuid(value)
        if uuid is None:
            raise ValidationError(NO_UUID, params={"value": value})
        return uuid


class NumbersField(forms.CharField):
    """Whole numbers with commas between; commas around them do not count. Numbers that no account has are left out."""

    def clean(self, value: Any) -> list[int]:
        text = (value or "").strip().strip(",")
        items = [item.strip() for item in text.split(",")] if text else []
        if not all(map(_whole_number.fullmatch, items)):
            raise ValidationError(NO_NUMBER)
        numbers = map(int, items)
        return [number for number in numbers if 0 < number <= LARGEST_ID] or [0] * bool(items)


class UUIDFilter(django_filters.Filter):
    field_class = UUIDField


class NumbersFilter(django_filters.Filter):
    field_class = NumbersField


class LearnerFilter(django_filters.FilterSet):
    """What everybody may narrow the learners by."""

    enterprise_customer = UUIDFilter(field_name="enterprise_customer_id")
    user_id = django_filters.NumberFilter(method="with_user_id")
    active = WordFilter()

    def with_user_id(self, rows: Rows, name: str, value: Any) -> Rows:
        return rows.filter(user_id=int(value)) if value == int(value) else rows.none()


class StaffLearnerFilter(LearnerFilter):
    """What staff may narrow the learners by."""

    email = django_filters.CharFilter(method="with_email")
    username = django_filters.CharFilter(method="with_username")
    enterprise_customer_uuid = UUIDFilter(field_name="enterprise_customer_id")
    role = django_filters.CharFilter(method="with_role")
    user_ids = NumbersFilter(field_name="user_id", lookup_expr="in_set")

    def with_email(self, rows: Rows, name: str, value: str) -> Rows:
        return rows.filter(user_id__in=accounts_with_emails([value]).values("pk"))

    def with_username(self, rows: Rows, name: str, value: str) -> Rows:
        return rows.filter(user_id__in=User.objects.filter(username=value).values("pk"))

    def with_role(self, rows: Rows, name: str, value: str) -> Rows:
        """Accounts that hold a system-wide role for the customer that `enterprise_customer_uuid` names."""
        customer_id = self.form.cleaned_data.get("enterprise_customer_uuid")
        if customer_id is None:
            raise exceptions.ValidationError([ROLE_WITHOUT_CUSTOMER])
        holders = SystemWideEnterpriseUserRoleAssignment.objects.filter(
            role__name=value, enterprise_customer_id=customer_id
        )
        return rows.filter(user_id__in=holders.values("user_id"))


class PendingLearnerFilter(django_filters.FilterSet):
    """What pending learners may be narrowed by; addresses are compared ignoring case."""

    enterprise_customer = UUIDFilter(field_name="enterprise_customer_id")
    user_email = django_filters.CharFilter(method="with_address")

    def with_address(self, rows: QuerySet[Model], name: str, value: str) -> Rows:
        return with_emails(rows, "user_email", [value])


def refuse_unknown_customer(request: Any) -> None:
    """Refuses a query that found nothing because no customer, active or not, has the uuid it filters by.

    Where something was found there is one; so the look-up is made for the other answers only.

    Raises:
        ValidationError: texts by parameter.
    """
    uuid = parsed_uuid(request.query_params.get(CUSTOMER) or "")
    if uuid is not None and not EnterpriseCustomer.all_objects.filter(pk=uuid).exists():
        raise exceptions.ValidationError({CUSTOMER: [NO_SUCH_CHOICE]})
