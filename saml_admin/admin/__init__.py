"""The operators' admin of identity providers."""

from saml_admin.admin import providers, sso_configurations  # noqa: F401
