"""Addresses for enrolling and marketing (contract: enterprise-customers 5.3)."""

from __future__ import annotations

from uuid import UUID

import pytest

from enterprise.content.addresses import Addresses

CUSTOMER, CATALOG = UUID(int=1), UUID(int=2)
ADDRESSES = Addresses("https://lms.example", CUSTOMER, "acme-inc", CATALOG)
QUERY = f"catalog={CATALOG}&utm_medium=enterprise&utm_source=acme-inc"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("edX+DemoX", "edX+DemoX"),
        ("course-v1:edX+DemoX+2030", "course-v1:edX+DemoX+2030"),
        ("edX/DemoX/2030", "edX/DemoX/2030"),
        ("edX+Démo.X~1", "edX+D%C3%A9mo.X~1"),
        ("edX+a b?c#d&e", "edX+a%20b%3Fc%23d%26e"),
    ],
)
def test_where_courses_and_runs_are_enrolled_in(key, path):
    assert ADDRESSES.enroll_in_course(key) == (
        f"https://lms.example/enterprise/{CUSTOMER}/course/{path}/enroll/?{QUERY}"
    )


def test_where_programs_are_enrolled_in():
    assert ADDRESSES.enroll_in_program(UUID(int=3)) == (
        f"https://lms.example/enterprise/{CUSTOMER}/program/{UUID(int=3)}/enroll/?{QUERY}"
    )


def test_catalogs_may_lead_to_the_audit_track():
    audit = Addresses("https://lms.example", CUSTOMER, "acme-inc", CATALOG, audit=True)
    assert audit.enroll_in_course("A+B").endswith(f"/course/A+B/enroll/?audit=true&{QUERY}")
    assert audit.enroll_in_program("x").endswith(f"/program/x/enroll/?audit=true&{QUERY}")


def test_an_address_without_a_host_is_read_in_one_way_with_a_query_and_without():
    assert ADDRESSES.marketing("http:////a") == ADDRESSES.marketing("http:////a?utm_source=other")


UTM = "utm_medium=enterprise&utm_source=acme-inc"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://x.example/a", f"https://x.example/a?{UTM}"),
        ("https://x.example/a?z=1&b=2", f"https://x.example/a?b=2&{UTM}&z=1"),
        ("https://x.example/a?b=2&b=1&empty=", f"https://x.example/a?b=2&b=1&empty=&{UTM}"),
        ("https://x.example/a?utm_source=other&utm_campaign=c", f"https://x.example/a?utm_campaign=c&{UTM}"),
        ("https://x.example/a?b=%26+c#part", f"https://x.example/a?b=%26+c&{UTM}#part"),
        ("/relative", f"/relative?{UTM}"),
        ("http://[bad", "http://[bad"),
        ("", ""),
        (None, None),
        ({"src": "x"}, {"src": "x"}),
    ],
)
def test_marketing_addresses_get_two_parameters(given, shown):
    assert ADDRESSES.marketing(given) == shown
