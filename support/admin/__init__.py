"""The operators' admin of what the support desk keeps."""

from support.admin import entitlements  # noqa: F401
