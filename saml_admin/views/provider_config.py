"""`/auth/saml/v0/provider_config/`: a customer's providers (contract: enterprise-admins-groups-sso, SAML)."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from config.api.pagination import DefaultPagination
from config.db.ids import row_id
from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from saml_admin.models import SAMLConfiguration, SAMLProviderConfig
from saml_admin.permissions import CUSTOMER, SeesDashboard, customer_in_body, named_customer
from saml_admin.queries.providers import current_providers, slugs_of
from saml_admin.serializers.providers import SAMLProviderConfigSerializer
from saml_admin.services import providers

REQUIRED = f"Required {CUSTOMER} query parameter or field is missing"
NOT_IN_BODY = f"{CUSTOMER} is missing or invalid"
UNKNOWN = "Enterprise customer not found at uuid: {}"
NO_SUCH_PROVIDER = "No SAMLProviderConfig matches the given query."
IN_USE = "This slug is already in use."
NO_CONFIGURATION = 'Invalid pk "{}" - object does not exist.'
SAME_ENTITY = "SAML provider config with this entity_id already exists."
PARAMETERS = [OpenApiParameter(CUSTOMER, str, description="The customer's UUID; or in the body.")]


def required_customer(request: Request) -> UUID:
    """
    Raises:
        ValidationError: the request names none.
    """
    customer_id = named_customer(request)
    if customer_id is None:
        raise ValidationError({"detail": REQUIRED})
    return customer_id


def known_customer(customer_id: UUID) -> EnterpriseCustomer:
    """
    Raises:
        ValidationError: there is none.
    """
    customer = EnterpriseCustomer.all_objects.filter(pk=customer_id).first()
    if customer is None:
        raise ValidationError([UNKNOWN.format(customer_id)])
    return customer


def number_of(text: str) -> int:
    """
    Raises:
        NotFound: it is none that an id can be.
    """
    number = row_id(text)
    if number is None:
        raise NotFound
    return number


class ProviderConfigViewBase(DetailErrors, APIView):
    """For who sees the dashboard of the named customer."""

    permission_classes = [SeesDashboard]
    pagination_class = DefaultPagination

    def providers(self, request: Request) -> QuerySet[SAMLProviderConfig]:
        """The current versions of the named customer's providers."""
        return current_providers(slugs_of(required_customer(request)))

    def provider(self, request: Request, pk: str) -> SAMLProviderConfig:
        """
        Raises:
            NotFound: it is an old version, or another customer's.
        """
        rows, number = self.providers(request), number_of(pk)
        found = rows.select_related("saml_configuration").filter(pk=number).first()
        if found is None:
            raise NotFound(NO_SUCH_PROVIDER)
        return found

    def checked(self, request: Request, provider: SAMLProviderConfig | None = None) -> dict[str, Any]:
        """What a body says of a provider.

        Raises:
            ValidationError: texts by field.
        """
        sent = SAMLProviderConfigSerializer(provider, data=request.data, partial=provider is not None)
        sent.is_valid(raise_exception=True)
        values: dict[str, Any] = sent.validated_data
        if "saml_config_id" in values:
            number = values.pop("saml_config_id")
            values["saml_configuration"] = None if number is None else self._configuration(number)
        return values

    def shown(self, provider: SAMLProviderConfig) -> dict[str, Any]:
        return SAMLProviderConfigSerializer(provider, context={"request": self.request}).data

    def _configuration(self, number: int) -> SAMLConfiguration:
        found = SAMLConfiguration.objects.current().filter(pk=number).first()
        if found is None:
            raise ValidationError({"saml_config_id": [NO_CONFIGURATION.format(number)]})
        return cast(SAMLConfiguration, found)


class ProviderConfigListView(ProviderConfigViewBase):
    """`GET` and `POST .../provider_config/`."""

    @extend_schema(parameters=PARAMETERS, responses=SAMLProviderConfigSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The customer's providers."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(self.providers(request), request, self)
        return paginator.get_paginated_response([self.shown(provider) for provider in page])

    @extend_schema(request=SAMLProviderConfigSerializer, responses={201: SAMLProviderConfigSerializer})
    def post(self, request: Request) -> Response:
        """A new provider of the customer that the body names, or a newer version of one with its slug."""
        customer_id = customer_in_body(request)
        if customer_id is None:
            raise ValidationError({"detail": NOT_IN_BODY})
        customer = known_customer(customer_id)
        try:
            provider = providers.create(customer, self.checked(request), cast(User, request.user))
        except providers.SlugInUse as taken:
            raise ValidationError({"slug": [IN_USE]}) from taken
        except IntegrityError as error:
            raise ValidationError([SAME_ENTITY]) from error
        return Response(self.shown(provider), status=201)


class ProviderConfigView(ProviderConfigViewBase):
    """`GET`, `PUT`, `PATCH` and `DELETE .../provider_config/{id}/`."""

    @extend_schema(parameters=PARAMETERS, responses=SAMLProviderConfigSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """One of the customer's providers."""
        return Response(self.shown(self.provider(request, pk)))

    @extend_schema(request=SAMLProviderConfigSerializer(partial=True), responses=SAMLProviderConfigSerializer)
    def put(self, request: Request, pk: str) -> Response:
        """A newer version of a provider, with an id of its own; what the body leaves out stays."""
        provider = self.provider(request, pk)
        try:
            changed = providers.change(provider, self.checked(request, provider), cast(User, request.user))
        except providers.NotCurrent as overtaken:
            raise NotFound(NO_SUCH_PROVIDER) from overtaken
        return Response(self.shown(changed))

    @extend_schema(request=SAMLProviderConfigSerializer(partial=True), responses=SAMLProviderConfigSerializer)
    def patch(self, request: Request, pk: str) -> Response:
        """The same."""
        return self.put(request, pk)

    @extend_schema(
        parameters=PARAMETERS, responses=inline_serializer("ArchivedProvider", {"id": serializers.IntegerField()})
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Archives a provider, and unlinks it from the customer."""
        known_customer(required_customer(request))
        provider = self.provider(request, pk)
        try:
            providers.archive(provider)
        except providers.NotCurrent as overtaken:
            raise NotFound(NO_SUCH_PROVIDER) from overtaken
        return Response({"id": provider.pk})
