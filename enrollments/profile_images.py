"""The pictures of accounts. The service stores none: everybody has the same one, as a file of its own."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static

SIZES = ("full", "large", "medium", "small")
PICTURE = "images/account.svg"  # scales, so that one file serves all sizes


def picture_urls(request: Any) -> dict[str, str]:
    """The absolute address of the picture in each size.

    Args:
        request: of Django or of Django REST framework; its scheme and host are those of the addresses.
    """
    address = request.build_absolute_uri(static(PICTURE))
    return dict.fromkeys(SIZES, address)
