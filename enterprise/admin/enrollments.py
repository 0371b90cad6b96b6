"""Enterprise enrollments, fulfillments and consents: looked at here, changed by the services."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import ConsoleAdmin, ReadOnlyAdmin
from enterprise.models import (
    DataSharingConsent,
    DefaultEnterpriseEnrollmentRealization,
    EnterpriseCourseEnrollment,
    EnterpriseEnrollmentSource,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
)

admin.site.register(EnterpriseEnrollmentSource, ConsoleAdmin)


@admin.register(EnterpriseCourseEnrollment)
class EnterpriseCourseEnrollmentAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "enterprise_customer_user",
        "course_id",
        "unenrolled_at",
        "saved_for_later",
        "source",
        "created",
    )
    ordering = ("-id",)
    search_lookups = ("enterprise_customer_user__user_id", "enterprise_customer_user__user_fk__username", "course_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnterpriseCourseEnrollment]:
        return EnterpriseCourseEnrollment.all_objects.order_by("-id")


class FulfillmentAdmin(ReadOnlyAdmin):
    """Both kinds of fulfillment."""

    ordering = ("-id",)
    list_filter = ("is_revoked",)


@admin.register(LicensedEnterpriseCourseEnrollment)
class LicensedEnterpriseCourseEnrollmentAdmin(FulfillmentAdmin):
    list_display = ("uuid", "license_uuid", "enterprise_course_enrollment", "is_revoked", "modified")
    search_lookups = ("uuid", "license_uuid")


@admin.register(LearnerCreditEnterpriseCourseEnrollment)
class LearnerCreditEnterpriseCourseEnrollmentAdmin(FulfillmentAdmin):
    list_display = ("uuid", "transaction_id", "enterprise_course_enrollment", "is_revoked", "modified")
    search_lookups = ("uuid", "transaction_id")


@admin.register(DefaultEnterpriseEnrollmentRealization)
class DefaultEnterpriseEnrollmentRealizationAdmin(ReadOnlyAdmin):
    list_display = ("id", "intended_enrollment", "realized_enrollment", "created")
    ordering = ("-id",)
    search_lookups = ("intended_enrollment__uuid", "realized_enrollment__enterprise_customer_user__user_id")


@admin.register(DataSharingConsent)
class DataSharingConsentAdmin(ReadOnlyAdmin):
    list_display = ("username", "course_id", "enterprise_customer", "granted", "modified")
    list_filter = ("granted",)
    ordering = ("-id",)
    search_lookups = ("username", "enterprise_customer__slug")
