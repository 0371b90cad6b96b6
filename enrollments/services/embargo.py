"""Runs that learners from some countries may not take (contract: enrollment-api, Embargo)."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import maxminddb
from django.conf import settings
from django_countries import countries

from enrollments.course_keys import CourseKey
from enrollments.models import CountryAccessRule, RestrictedCourse, User, UserProfile
from enrollments.queries.course_roles import has_staff_access

logger = logging.getLogger(__name__)


def blocking_message(learner: User, run: CourseKey, address: str) -> str | None:
    """The key of the message for a learner whom an embargo keeps out of a run; None when they may go on.

    Args:
        address: the IP address of the request; its country is checked first, then that of the learner's profile.
    """
    if not settings.EMBARGO:
        return None
    restricted = RestrictedCourse.objects.prefetch_related("country_rules").filter(course_id=str(run)).first()
    if restricted is None or has_staff_access(learner, str(run), run.org):
        return None
    rules = restricted.country_rules.all()
    if not is_allowed(country_of_address(address), rules):
        return restricted.enroll_msg_key
    profile = UserProfile.objects.filter(user=learner).values_list("country", flat=True).first()
    return None if is_allowed(str(profile or ""), rules) else restricted.enroll_msg_key


def is_allowed(country: str, rules: Iterable[CountryAccessRule]) -> bool:
    """Whether the rules of a run admit a country: on the whitelist, if there is one, and not on the blacklist.

    Args:
        country: an ISO 3166 code of two letters; what is none passes.
    """
    if country not in countries:
        return True
    white, black = (
        {str(rule.country) for rule in rules if rule.rule_type == kind}
        for kind in (CountryAccessRule.Rule.WHITELIST, CountryAccessRule.Rule.BLACKLIST)
    )
    return (not white or country in white) and country not in black


def country_of_address(address: str) -> str:
    """The country code of an IP address, by the database file of GEOIP_COUNTRY_DATABASE; empty when unknown."""
    if not settings.GEOIP_COUNTRY_DATABASE:
        return ""
    try:
        record = _database(settings.GEOIP_COUNTRY_DATABASE).get(ipaddress.ip_address(address))
    except ValueError:  # no address, or one of a kind that the database does not know
        return ""
    except (OSError, RuntimeError):
        logger.exception("the country database %s cannot be read", settings.GEOIP_COUNTRY_DATABASE)
        return ""
    country = record.get("country") if isinstance(record, dict) else None
    return str(country.get("iso_code") or "") if isinstance(country, dict) else ""


@lru_cache(maxsize=2)
def _database(path: str) -> Any:
    """The open database file. A newer one counts from the next start on."""
    return maxminddb.open_database(path)
