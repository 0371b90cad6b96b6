"""The OpenAPI description of views built on the shared layer."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from config.api.schema import one_route_each
from tests.config import probes


@pytest.fixture
def described() -> Any:
    """`described("api/keyed")` is the description of probe views alone, without a complaint."""

    def make(*paths: str) -> dict[str, Any]:
        patterns = [pattern for pattern in probes.urlpatterns if str(pattern.pattern) in paths]
        assert len(patterns) == len(paths)
        GENERATOR_STATS.reset()
        schema = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
        validate_schema(schema)
        return schema

    return make


def test_the_services_own_views_are_described_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    from config import urls

    own = [pattern for pattern in urls.routes if str(pattern.pattern).startswith(("csrf", "api/mfe"))]
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(patterns=own).get_schema(request=None, public=True)
    validate_schema(schema)
    assert not GENERATOR_STATS
    assert set(schema["paths"]) == {"/csrf/api/v1/token", "/api/mfe_config/v1"}


def test_pages_are_described_with_their_envelope(described: Any) -> None:
    schema = described("api/users/flagged/", "api/users/newest/", "api/users/members/")
    envelopes = {
        path: list(
            schema["components"]["schemas"][
                operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
            ]["properties"]
        )
        for path, operations in schema["paths"].items()
    }
    assert envelopes["/api/users/flagged/"][-2:] == ["results", "enterprise_features"]
    assert envelopes["/api/users/newest/"] == ["next", "previous", "results"]
    assert envelopes["/api/users/members/"] == ["count", "num_pages", "next", "previous", "results"]
    assert not GENERATOR_STATS


def test_the_ways_to_sign_in_are_described(described: Any) -> None:
    schema = described("api/users/default/", "api/keyed")
    keyed = schema["paths"]["/api/keyed"]["get"]["security"]
    assert [next(iter(way)) for way in keyed] == ["jwt", "jwtCookie", "bearer", "session", "apiKey"]
    schemes = schema["components"]["securitySchemes"]
    assert schemes["apiKey"] == {"type": "apiKey", "in": "header", "name": "X-Edx-Api-Key"}
    assert schemes["session"]["name"] == "sessionid"


@pytest.mark.parametrize(
    ("family", "component"),
    [
        ("detail", "DetailError"),
        ("developer", "DeveloperError"),
        ("message", "MessageError"),
        ("text", "TextError"),
        ("string", "StringError"),
        ("plain", "DetailError"),
    ],
)
def test_errors_are_described_in_the_shape_of_the_family(described: Any, family: str, component: str) -> None:
    schema = described(f"api/fail/{family}/<name>")
    refused = schema["paths"][f"/api/fail/{family}/{{name}}"]["get"]["responses"]["4XX"]
    (content,) = refused["content"].values()
    assert content["schema"] == {"$ref": f"#/components/schemas/{component}"}
    assert component in schema["components"]["schemas"]


def test_format_suffixes_and_second_spellings_are_left_out() -> None:
    view = object()
    endpoints = [
        ("/a/", "^a/$", "GET", view),
        ("/a{format}", r"^a\.(?P<format>[a-z0-9]+)/?$", "GET", view),
        ("/b", "^b$", "GET", view),
        ("/b/", "^b/$", "GET", view),
        ("/b", "^b$", "POST", view),
        ("/c<drf_format_suffix:format>", "c<drf_format_suffix:format>", "GET", view),
    ]
    assert [(path, method) for path, _, method, _ in one_route_each(endpoints)] == [
        ("/a/", "GET"),
        ("/b", "GET"),
        ("/b", "POST"),
    ]


def test_hyphens_and_underscores_make_different_operations(described: Any) -> None:
    schema = described("api/enrollment-throttled", "api/throttled")
    names = [operation["operationId"] for path in schema["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert any("enrollment-throttled" in name for name in names)
