"""The wire format of a caller's programs (contract: program-enrollments, programs/enrollments/)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ListedProgramSerializer(serializers.Serializer):
    """Describes what `listed_program_body` builds."""

    uuid = serializers.UUIDField()
    slug = serializers.CharField(help_text="The program's marketing slug.")


def listed_program_body(program: Any) -> dict[str, str]:
    """A program, from a `ListedProgram` of the queries."""
    return {"uuid": str(program.uuid), "slug": program.slug}
