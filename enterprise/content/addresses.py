"""Where the content of a catalog is enrolled in and marketed (contract: enterprise-customers 5.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

from django.conf import settings
from django.utils.text import slugify

from enterprise.models import EnterpriseCustomerCatalog

PLAIN = re.compile(r"https?://(?!/)[\w.~:/%+,-]+", re.ASCII)  # an address that says nothing but host and path
IN_PATHS = "/+:~"  # what stays as it is in a path, beside letters and digits


@dataclass(frozen=True)
class Addresses:
    """Addresses for the content of one catalog.

    Args:
        root: address of the service, without a slash at its end.
        customer: uuid of the catalog's customer.
        source: the customer's name as a slug.
        catalog: uuid of the catalog.
        audit: whether enrolling leads to the audit track.
    """

    root: str
    customer: UUID
    source: str
    catalog: UUID
    audit: bool = False

    @classmethod
    def of(cls, catalog: EnterpriseCustomerCatalog) -> Addresses:
        """Those of a catalog whose customer has been read along."""
        customer = catalog.enterprise_customer
        return cls(
            settings.LMS_ROOT_URL,
            customer.pk,
            slugify(customer.name),
            catalog.pk,
            catalog.publish_audit_enrollment_urls,
        )

    def enroll_in_course(self, key: str) -> str:
        """Where learners of the customer enroll in a course, or in the run that the key names."""
        return self._enroll("course", key)

    def enroll_in_program(self, uuid: object) -> str:
        """Where learners of the customer enroll in a program."""
        return self._enroll("program", str(uuid))

    def marketing(self, address: Any) -> Any:
        """A marketing address that says which customer sent the visitor; what is no address stays as it is."""
        if not address or not isinstance(address, str):
            return address
        if PLAIN.fullmatch(address):
            return f"{address}?{self._visitor_query}"
        try:
            parts = urlsplit(address)
            given = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:
            return address
        kept = [(name, value) for name, value in given if name not in self._visitor]
        return urlunsplit(parts._replace(query=_query([*kept, *self._visitor.items()])))

    @cached_property
    def _visitor(self) -> dict[str, str]:
        return {"utm_medium": "enterprise", "utm_source": self.source}

    @cached_property
    def _visitor_query(self) -> str:
        return _query(list(self._visitor.items()))

    @cached_property
    def _enroll_query(self) -> str:
        """The same for all content."""
        return _query([("catalog", str(self.catalog)), *self._visitor.items(), *([("audit", "true")] * self.audit)])

    def _enroll(self, kind: str, key: str) -> str:
        path = f"/enterprise/{self.customer}/{kind}/{quote(key, safe=IN_PATHS)}/enroll/"
        return f"{self.root}{path}?{self._enroll_query}"


def _query(parameters: list[tuple[str, str]]) -> str:
    return urlencode(sorted(parameters, key=lambda parameter: parameter[0]))
