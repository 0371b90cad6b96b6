"""`enterprise_customer_sso_configuration`: how customers sign in (contract: enterprise-admins-groups-sso, SSO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import DatabaseError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.exceptions import DetailErrors
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerSsoConfiguration
from enterprise.permissions import CAN_ACCESS_ADMIN_DASHBOARD, CAN_MANAGE_ORCHESTRATION, ensure, requires
from enterprise.queries.customers import parsed_uuid
from enterprise.queries.roles import ALL_CONTEXTS, access
from saml_admin.metadata import MetadataFetchFailed, MetadataUrlRefused, fetch
from saml_admin.orchestrators import OrchestratorFailed
from saml_admin.queries.sso_configurations import (
    configuration_named,
    configurations_of,
    first_customer,
    membership,
)
from saml_admin.serializers.sso_configurations import (
    NAMES,
    READ_ONLY,
    OrchestrationResultSerializer,
    SsoConfigurationChangedSerializer,
    SsoConfigurationSerializer,
    SsoConfigurationStoredSerializer,
)
from saml_admin.services import sso_configurations

CUSTOMER = "enterprise_customer"
UPDATING = "updating_existing_record"
NO_CUSTOMER = "Must provide valid enterprise customer"
BAD_URL = "Must provide valid IDP metadata url {}"
NOT_FETCHED = "Error fetching metadata xml from provided url: {}"
UPDATE_FAILED = "Error updating SSO configuration record {}"
CREATE_FAILED = "Error creating SSO configuration record {}"
NO_ENTITY_ID = "Could not find entity ID in metadata xml"
UNKNOWN_FIELD = "EnterpriseCustomerSsoConfiguration has no field named '{}'"
PENDING = "{'is_pending_configuration': ['Record has already been submitted for configuration.']}"
FIXED = "'{}' may not be set"
STAYS_REMOVED = "'is_removed': a removed record stays removed"
NOT_AN_OBJECT = "the body is no object"
PARAMETERS = [OpenApiParameter(CUSTOMER, str, description="The customer's UUID.")]


class _Answer(Exception):
    """Ends the handling of a request with a response."""

    def __init__(self, status: int, error: str = "") -> None:
        self.response = Response({"error": error} if error else None, status=status)


def _context(view: APIView, request: Request) -> str | None:
    """The customer that the permission is asked for: that of the query, else the caller's own."""
    named = request.query_params.get(CUSTOMER)
    if named:
        return named
    own = first_customer(request.user)
    return str(own) if own else None


class SsoConfigurationViewBase(DetailErrors, APIView):
    """For who sees a dashboard and is linked to the customer of the record, or is staff."""

    def handle_exception(self, exc: Exception) -> Any:
        return exc.response if isinstance(exc, _Answer) else super().handle_exception(exc)

    def check_member(self, request: Request, customer_id: UUID, *, stranger: int) -> None:
        """
        Args:
            stranger: the status for who is not linked.
        Raises:
            _Answer: the caller's link is not active, or there is none.
            PermissionDenied: the caller does not see the customer's dashboard.
        """
        is_active = membership(request.user, customer_id)
        if is_active is False:
            raise _Answer(403)
        if is_active is None and not request.user.is_staff:
            raise _Answer(stranger)
        if not request.user.is_staff:
            ensure(request, CAN_ACCESS_ADMIN_DASHBOARD, context=str(customer_id))

    def configuration(self, request: Request, uuid: str) -> EnterpriseCustomerSsoConfiguration:
        """
        Raises:
            _Answer: there is none, or it is not the caller's.
        """
        key = parsed_uuid(uuid)
        found = configuration_named(key) if key else None
        if found is None:
            raise _Answer(404)
        self.check_member(request, found.enterprise_customer_id, stranger=404)
        return found

    def customer(self, request: Request, named: Any) -> EnterpriseCustomer:
        """
        Raises:
            _Answer: it does not exist, or is not the caller's.
        """
        key = parsed_uuid(named)
        customer = EnterpriseCustomer.all_objects.filter(pk=key).first() if key else None
        if customer is None:
            raise _Answer(403)
        self.check_member(request, customer.pk, stranger=403)
        return customer

    def add_metadata(self, data: dict[str, Any], stored: EnterpriseCustomerSsoConfiguration | None = None) -> None:
        """Fetches metadata from a new address, and reads the entity id of new metadata.

        Raises:
            _Answer: either cannot be done.
        """
        url = data.get("metadata_url")
        if url and (stored is None or url != stored.metadata_url):
            try:
                data["metadata_xml"] = fetch(str(url)).decode(errors="replace")
            except MetadataUrlRefused as refused:
                raise _Answer(400, BAD_URL.format(refused)) from refused
            except MetadataFetchFailed as failed:
                raise _Answer(400, BAD_URL.format(NOT_FETCHED.format(url))) from failed
        xml = data.get("metadata_xml")
        if xml and (stored is None or xml != stored.metadata_xml):
            try:
                data["entity_id"] = sso_configurations.entity_id_of(str(xml))
            except sso_configurations.NoEntityId as missing:
                raise _Answer(400, UPDATE_FAILED.format(NO_ENTITY_ID)) from missing

    def checked(
        self, data: Mapping[str, Any], failure: str, stored: EnterpriseCustomerSsoConfiguration | None = None
    ) -> dict[str, Any]:
        """The values that a body gives to fields, beside the customer.

        Args:
            failure: the text before what is wrong.
        Raises:
            _Answer: a field that does not exist or may not be set, or a bad value.
        """
        for name in data:
            if name not in NAMES:
                raise _Answer(400, failure.format(UNKNOWN_FIELD.format(name)))
            if name in READ_ONLY:
                raise _Answer(400, failure.format(FIXED.format(name)))
        sent = SsoConfigurationSerializer(data=data, partial=True)
        if not sent.is_valid():
            wrong = {
                name: f"{str(data.get(name))[:200]!r}: {' '.join(map(str, texts))}"
                for name, texts in sent.errors.items()
            }
            raise _Answer(400, failure.format(wrong))
        values: dict[str, Any] = sent.validated_data
        if values.get("is_removed") is False and stored is not None and stored.is_removed:
            raise _Answer(400, failure.format(STAYS_REMOVED))
        return values


class SsoConfigurationListView(SsoConfigurationViewBase):
    """`GET` and `POST .../enterprise_customer_sso_configuration`."""

    pagination_class = None

    @extend_schema(parameters=PARAMETERS, responses=SsoConfigurationSerializer(many=True))
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=_context)
    def get(self, request: Request) -> Response:
        """Live configurations, the oldest first; those of customers whose dashboard the caller sees."""
        named = request.query_params.get(CUSTOMER)
        customer_id = parsed_uuid(named) if named else None
        if named and customer_id is None:
            raise ValidationError({CUSTOMER: [f"“{named}” is not a valid UUID."]})
        rows = configurations_of(request.user, customer_id)
        seen = access(request).contexts(CAN_ACCESS_ADMIN_DASHBOARD)
        if not request.user.is_staff and ALL_CONTEXTS not in seen:
            rows = rows.filter(enterprise_customer__uuid__in_set=[each for each in map(parsed_uuid, seen) if each])
        return Response(SsoConfigurationSerializer(rows, many=True).data)

    @extend_schema(
        parameters=PARAMETERS,
        request=SsoConfigurationSerializer,
        responses={201: SsoConfigurationStoredSerializer},
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=_context)
    def post(self, request: Request) -> Response:
        """Stores a configuration and submits it to the orchestrator."""
        data = _body(request)
        named = data.pop(CUSTOMER, None)
        if not named:
            raise _Answer(400, NO_CUSTOMER)
        customer = self.customer(request, named)
        self.add_metadata(data)
        values = self.checked(data, CREATE_FAILED)
        try:
            configuration, url = sso_configurations.create(customer, values)
        except (OrchestratorFailed, DatabaseError) as failure:
            raise _Answer(400, CREATE_FAILED.format(failure)) from failure
        return Response({"record": str(configuration.pk), "sp_metadata_url": url}, status=201)


class SsoConfigurationView(SsoConfigurationViewBase):
    """`GET`, `PUT` and `DELETE .../enterprise_customer_sso_configuration/{uuid}`."""

    @extend_schema(parameters=PARAMETERS, responses=SsoConfigurationSerializer)
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=_context)
    def get(self, request: Request, uuid: str) -> Response:
        """One configuration, removed or not."""
        return Response(SsoConfigurationSerializer(self.configuration(request, uuid)).data)

    @extend_schema(
        parameters=PARAMETERS,
        request=SsoConfigurationSerializer(partial=True),
        responses=SsoConfigurationChangedSerializer,
    )
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=_context)
    def put(self, request: Request, uuid: str) -> Response:
        """Changes what the body names, and submits the configuration again where the orchestrator has to know."""
        configuration, data = self.configuration(request, uuid), _body(request)
        named = data.pop(CUSTOMER, None)
        self.add_metadata(data, configuration)
        customer = self.customer(request, named) if named else None
        values = self.checked(data, UPDATE_FAILED, configuration)
        if customer is not None:
            values["enterprise_customer_id"] = customer.pk
        try:
            changed, url = sso_configurations.change(configuration.pk, values)
        except sso_configurations.AlreadySubmitted as pending:
            raise _Answer(400, UPDATE_FAILED.format(PENDING)) from pending
        except (OrchestratorFailed, DatabaseError) as failure:
            raise _Answer(400, UPDATE_FAILED.format(failure)) from failure
        except EnterpriseCustomerSsoConfiguration.DoesNotExist as gone:
            raise _Answer(404) from gone
        answer = {"record": SsoConfigurationSerializer(changed).data}
        return Response({**answer, "sp_metadata_url": url} if url else answer)

    @extend_schema(parameters=PARAMETERS, responses={200: None})
    @requires(CAN_ACCESS_ADMIN_DASHBOARD, context=_context)
    def delete(self, request: Request, uuid: str) -> Response:
        """Removes a configuration softly."""
        sso_configurations.remove(self.configuration(request, uuid).pk)
        return Response(status=200)


class OrchestrationCompleteView(DetailErrors, APIView):
    """`POST .../enterprise_customer_sso_configuration/{uuid}/sso_orchestration_complete`."""

    @extend_schema(
        parameters=[OpenApiParameter(UPDATING, str, description="Any value: it was set up before.")],
        request=OrchestrationResultSerializer,
        responses={200: None},
    )
    @requires(CAN_MANAGE_ORCHESTRATION)
    def post(self, request: Request, uuid: str) -> Response:
        """Notes what the orchestrator says of a configuration."""
        key, data = parsed_uuid(uuid), _body(request)
        updating = UPDATING in request.query_params
        known = key is not None and sso_configurations.complete(
            key, updating=updating, error=str(data.get("error") or "")
        )
        return Response(status=200 if known else 404)


def _body(request: Request) -> dict[str, Any]:
    """The body as a dict; of values that a form repeats, the last.

    Raises:
        _Answer: it is no object.
    """
    data = request.data
    if not isinstance(data, Mapping):
        raise ValidationError({"error": NOT_AN_OBJECT})
    return {str(name): data[name] for name in data}
