"""What `fuzz` adds to schemathesis: paths that lead to rows that are there, and what it looks for in answers.

Without the former nearly every generated id would be one of nothing, and every answer a 404.
"""

from __future__ import annotations

import json
import os
import random
import re
from functools import cache
from itertools import chain
from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.security import authorization

PLACES: dict[str, str] = json.loads(os.environ["FUZZ_PLACES"])
CHOICE = random.Random(7)
# Rows that are deleted are there for nobody after: a DELETE seldom finds one.
FINDS_ONE = {"DELETE": 0.02}
OTHERWISE = 0.7


# Said on purpose (contract: settings): the reset is for sandboxes only.
MEANT = {("/api/program_enrollments/v1/integration-reset/", 501)}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Puts ids of rows of the scene into the path."""
    names = _names_in(case.operation.path)
    if names and CHOICE.random() < FINDS_ONE.get(case.method.upper(), OTHERWISE):
        case.path_parameters = {
            **(case.path_parameters or {}),
            **{name: PLACES[place] for name, place in names.items()},
        }


@cache
def _names_in(template: str) -> dict[str, str]:
    """From the parameters of a path to the places of the scene that fit, as the table of authorization has them."""
    pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)) + "/?")
    for line in chain(*authorization.sections().values()):
        if found := pattern.fullmatch(line.path.split("?")[0]):
            filled = {name: re.fullmatch(r"<(\w+)>", text) for name, text in found.groupdict().items()}
            return {name: match[1] for name, match in filled.items() if match and match[1] in PLACES}
    return {}


@schemathesis.check
def no_unmeant_server_error(context: Any, response: Any, case: Any) -> None:
    """Whatever was sent, the service had an answer to it."""
    if response.status_code >= 500 and (case.operation.path, response.status_code) not in MEANT:
        raise AssertionError(f"{response.status_code}: {response.text[:200]}")


@schemathesis.check
def success_is_as_described(context: Any, response: Any, case: Any) -> None:
    """What was answered has the form that the description gives it; nobody found is an empty list everywhere."""
    if response.status_code < 300 and response.content not in (b"", b"[]"):
        response_schema_conformance(context, response, case)
