"""The operators' admin of what the support desk keeps."""

from support.admin import accounts, entitlements  # noqa: F401
