"""`/auth/saml/v0/provider_data/`: what metadata said (contract: enterprise-admins-groups-sso, SAML administration)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import DefaultPagination
from saml_admin.models import SAMLProviderData
from saml_admin.permissions import CUSTOMER, SeesDashboard, customer_in_body
from saml_admin.queries.providers import data_of, entity_ids, providers_of
from saml_admin.serializers.providers import SAMLProviderDataSerializer
from saml_admin.services import metadata
from saml_admin.views.provider_config import PARAMETERS, number_of, required_customer

NO_SUCH_DATA = "No SAMLProviderData matches the given query."
FOREIGN_ENTITY = "This is not the entity ID of a SAML provider of the enterprise customer."
NO_UUID = f"{CUSTOMER} is not a valid uuid4"
SYNCED = "Synced provider data successfully."


class ProviderDataViewBase(DetailErrors, APIView):
    """For who sees the dashboard of the named customer."""

    permission_classes = [SeesDashboard]
    pagination_class = DefaultPagination

    def row(self, request: Request, pk: str) -> SAMLProviderData:
        """
        Raises:
            NotFound: it is none of the named customer's.
        """
        rows, number = data_of(required_customer(request)), number_of(pk)
        found = rows.filter(pk=number).first()
        if found is None:
            raise NotFound(NO_SUCH_DATA)
        return found

    def check_entity(self, request: Request, entity_id: str) -> None:
        """
        Raises:
            ValidationError: none of the customer's providers has the entity id.
        """
        try:
            own = entity_ids(providers_of(required_customer(request)))
        except NotFound:
            own = []
        if entity_id not in own:
            raise ValidationError({"entity_id": [FOREIGN_ENTITY]})


class ProviderDataListView(ProviderDataViewBase):
    """`GET` and `POST .../provider_data/`."""

    @extend_schema(parameters=PARAMETERS, responses=SAMLProviderDataSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The data of the customer's providers, the latest fetched first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(data_of(required_customer(request)), request, self)
        return paginator.get_paginated_response(SAMLProviderDataSerializer(page, many=True).data)

    @extend_schema(request=SAMLProviderDataSerializer, responses={201: SAMLProviderDataSerializer})
    def post(self, request: Request) -> Response:
        """Adds data of one of the customer's providers."""
        required_customer(request)
        sent = SAMLProviderDataSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        self.check_entity(request, sent.validated_data["entity_id"])
        sent.save()
        return Response(sent.data, status=201)


class ProviderDataView(ProviderDataViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../provider_data/{id}/`."""

    @extend_schema(parameters=PARAMETERS, responses=SAMLProviderDataSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """One row."""
        return Response(SAMLProviderDataSerializer(self.row(request, pk)).data)

    @extend_schema(request=SAMLProviderDataSerializer, responses=SAMLProviderDataSerializer)
    def put(self, request: Request, pk: str) -> Response:
        """Changes a row in place."""
        return self._change(request, pk, partial=False)

    @extend_schema(request=SAMLProviderDataSerializer(partial=True), responses=SAMLProviderDataSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        """The same; what the body leaves out stays."""
        return self._change(request, pk, partial=True)

    @extend_schema(parameters=PARAMETERS, responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Deletes a row."""
        self.row(request, pk).delete()
        return Response(status=204)

    def _change(self, request: Request, pk: str, *, partial: bool) -> Response:
        row = self.row(request, pk)
        sent = SAMLProviderDataSerializer(row, data=request.data, partial=partial)
        sent.is_valid(raise_exception=True)
        self.check_entity(request, sent.validated_data.get("entity_id", row.entity_id))
        sent.save()
        return Response(sent.data)


class SyncProviderDataView(DetailErrors, APIView):
    """`POST .../provider_data/sync_provider_data/`."""

    permission_classes = [SeesDashboard]

    @extend_schema(
        request=inline_serializer("SyncProviderData", {CUSTOMER: serializers.UUIDField()}),
        responses=inline_serializer("ProviderDataSynced", {"message": serializers.CharField()}),
    )
    def post(self, request: Request) -> Response:
        """Fetches the metadata of the customer's providers and keeps what it says."""
        customer_id = customer_in_body(request)
        if customer_id is None:
            raise ValidationError({"detail": NO_UUID})
        try:
            metadata.sync(providers_of(customer_id))
        except metadata.SyncFailed as failure:
            return Response({"error": str(failure)}, status=400)
        return Response({"message": SYNCED})
