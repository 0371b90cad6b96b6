"""SSO identities of a person, and the organisations that sign people in (contract: support)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.renderers import JSONRenderer
from support.queries.people import find_person
from support.queries.sso_records import organizations_with_saml, sso_records_of
from support.serializers.sso_records import SsoRecordSerializer
from support.views.base import AgentPageDataView


class SsoRecordsView(AgentPageDataView):
    """The SSO identities of a person with all their states; nobody has none."""

    @extend_schema(operation_id="support_sso_records_list", responses=SsoRecordSerializer(many=True))
    def get(self, request: Request, username_or_email: str) -> Response:
        person = find_person(username_or_email)
        records = [] if person is None else sso_records_of(person)
        return Response(SsoRecordSerializer(records, many=True).data)


class SamlProvidersView(AgentPageDataView):
    """The short names of organisations with an enabled SAML provider."""

    renderer_classes = [JSONRenderer]

    @extend_schema(
        operation_id="support_get_saml_providers_list",
        responses=serializers.ListSerializer(child=serializers.CharField()),
    )
    def get(self, request: Request) -> Response:
        return Response(organizations_with_saml())
