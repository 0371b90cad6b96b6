"""Whether an uploaded file may be a customer's logo: a whole PNG picture of bearable size, and nothing but that.

Nothing is unpacked before its size is known. Contract: enterprise-customers 2 and 4.6.
"""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from PIL import Image

SUFFIX = ".png"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LAST_CHUNK = b"IEND"
MOST_PIXELS = 10_000_000  # unpacked, that is 40 MB

NO_PNG = "Unsupported file extension."
TOO_LARGE = "The logo image file size must be less than or equal to {} KB."
TOO_MANY_PIXELS = "The logo image must not have more than {} pixels."
BROKEN = "The logo image is damaged, or holds more than an image."


class Unacceptable(Exception):
    """The file cannot be a logo; the text says why."""


def content_of(upload: Any) -> bytes:
    """The content of an upload that can be a logo.

    Args:
        upload: a file with `name`, `size` (bytes) and `read`.
    Raises:
        Unacceptable: by its name or its content it is no PNG, it is larger than the setting
            ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE (kB) allows, or the picture is too large or damaged.
    """
    if PurePosixPath(upload.name or "").suffix.lower() != SUFFIX:
        raise Unacceptable(NO_PNG)
    limit = settings.ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE
    if upload.size > limit * 1024:
        raise Unacceptable(TOO_LARGE.format(limit))
    content: bytes = upload.read()
    if not content.startswith(SIGNATURE):
        raise Unacceptable(NO_PNG)
    if not _ends_with_the_last_chunk(content):
        raise Unacceptable(BROKEN)
    width, height = _opened(content).size
    if width * height > MOST_PIXELS:
        raise Unacceptable(TOO_MANY_PIXELS.format(MOST_PIXELS))
    _check_picture(content)
    return content


def _ends_with_the_last_chunk(content: bytes) -> bool:
    """Whether the file is a row of chunks (length, name, data, checksum) up to IEND, and nothing comes after it."""
    place = len(SIGNATURE)
    while place + 12 <= len(content):
        length, name = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        place += 12 + length
        if name == LAST_CHUNK:
            return place == len(content)
    return False


def _check_picture(content: bytes) -> None:
    """Reads everything once: checksums first, then the picture itself, which must be complete."""
    try:
        _opened(content).verify()
        _opened(content).load()
    except Exception as problem:  # whatever the many readers of damaged data raise
        raise Unacceptable(BROKEN) from problem


def _opened(content: bytes) -> Image.Image:
    """The picture with its header read, nothing else."""
    try:
        return Image.open(io.BytesIO(content), formats=["PNG"])
    except Image.DecompressionBombError as bomb:
        raise Unacceptable(TOO_MANY_PIXELS.format(MOST_PIXELS)) from bomb
    except Exception as problem:  # as above
        raise Unacceptable(BROKEN) from problem
