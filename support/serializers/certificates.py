"""Wire format of certificates (contract: support 4.2)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.conf import settings
from rest_framework import serializers

from enrollments.models import GeneratedCertificate

DOWNLOADABLE = "downloadable"


class CertificateSerializer(serializers.Serializer[Any]):
    """Describes what `certificate_body` builds; where there is none, the name, the key and `regenerate` alone."""

    username = serializers.CharField()
    course_key = serializers.CharField()
    type = serializers.CharField(required=False, help_text="The mode.")
    status = serializers.CharField(required=False)
    grade = serializers.CharField(required=False, allow_blank=True, help_text="From 0 to 1, as text.")
    created = serializers.CharField(required=False)
    modified = serializers.CharField(required=False)
    is_passing = serializers.BooleanField(required=False)
    is_pdf_certificate = serializers.BooleanField(required=False)
    download_url = serializers.CharField(required=False, allow_null=True)
    uuid = serializers.CharField(required=False)
    regenerate = serializers.BooleanField(help_text="Whether there is one that can be made anew.")


class CertificateRequestSerializer(serializers.Serializer[Any]):
    """Describes the form of a request."""

    username = serializers.CharField()
    course_key = serializers.CharField()


def certificate_body(username: str, certificate: GeneratedCertificate, percent: float | None) -> dict[str, Any]:
    """A certificate, beside the learner's grade in the run, None where there is none."""
    is_pdf = bool(certificate.download_url)
    return {
        "username": username,
        "course_key": certificate.course_id,
        "type": certificate.mode,
        "status": certificate.status,
        "grade": "" if percent is None else str(percent),
        "created": certificate.created.astimezone(UTC).isoformat(),
        "modified": certificate.modified.astimezone(UTC).isoformat(),
        "is_passing": certificate.is_passing,
        "is_pdf_certificate": is_pdf,
        "download_url": _address(certificate),
        "uuid": certificate.verify_uuid,
        "regenerate": not is_pdf,
    }


def no_certificate_body(username: str, run_id: str) -> dict[str, Any]:
    """Said of a run in which the learner has no certificate."""
    return {"username": username, "course_key": run_id, "regenerate": False}


def _address(certificate: GeneratedCertificate) -> str | None:
    """Where the certificate is fetched: its file, else its page if there are pages; None when it cannot be."""
    if certificate.status != DOWNLOADABLE:
        return None
    page = f"/certificates/{certificate.verify_uuid}" if settings.CERTIFICATES_HTML_VIEW else None
    return certificate.download_url or page
