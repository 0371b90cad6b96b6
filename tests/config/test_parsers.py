"""Bodies that no view should have to defend itself against."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.probes")]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def post(client: APIClient, body: str | bytes, kind: str = JSON) -> Any:
    return client.generic("POST", "/api/echo", body, content_type=kind)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        0,
        -1.5e3,
        "text",
        True,
        {"a": [{"b": None}]},
        "é \U0001f984 \u2028",
        10**18,
        12345678901234567890123,
        ["x"] * 1000,
    ],
)
def test_good_json_comes_through(client: APIClient, value: Any) -> None:
    answer = post(client, json.dumps(value))
    assert (answer.status_code, answer.json()) == (200, {"data": value})
    answer = post(client, json.dumps(value, ensure_ascii=False).encode())
    assert (answer.status_code, answer.json()) == (200, {"data": value})


def test_no_body_is_an_empty_object(client: APIClient) -> None:
    assert post(client, "").json() == {"data": {}}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nonsense",
        "{'a': 1}",
        '{"a": 1,}',
        " ",
        "[1] [2]",
        "NaN",
        '{"a": Infinity}',
        "[-Infinity]",
        "1e400",
        "[-1e999]",
        "[1" + "0" * 400 + ".5]",
        "1" * 101,
        "1" * 5000,
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '["x", ["\\u0000y"]]',
        '"\\u0000"',
        '{"a": "\\ud800"}',
        '{"a": "\\udc80 alone"}',
        '{"\\uD800": 1}',
        '"raw \0 nul"',
        '"raw \n line"',
        b"\xff\xfe{}",
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        "\ufeff{}",
        "[" * 100 + "]" * 100,
        '{"a":' * 100 + "1" + "}" * 100,
        "[" * 100_000,
        "[" * 900 + "]" * 900,
    ],
)
def test_bad_json_is_a_400_that_says_so(client: APIClient, body: str | bytes) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error - ")


def test_an_escaped_pair_of_surrogates_is_a_good_character(client: APIClient) -> None:
    assert post(client, '{"a": "\\ud83e\\udd84", "\\ud83e\\udd84": 1}').json() == {"data": {"a": "🦄", "🦄": 1}}


def test_an_escaped_backslash_before_a_zero_escape_is_good(client: APIClient) -> None:
    assert post(client, '"\\\\u0000"').json() == {"data": "\\u0000"}


def test_sixty_levels_are_fine(client: APIClient) -> None:
    body = "[" * 60 + "]" * 60
    assert post(client, body).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "nonsense", "application/merge-patch+json", ""])
def test_other_media_types_are_415(client: APIClient, kind: str) -> None:
    answer = post(client, "{}", kind)
    assert (answer.status_code, answer.json()) == (415, {"detail": f'Unsupported media type "{kind}" in request.'})


def test_a_charset_is_honoured(client: APIClient) -> None:
    for charset in ["utf-8", "iso-8859-1", "utf-16"]:
        answer = post(client, '{"a": "é"}'.encode(charset), f"{JSON}; charset={charset}")
        assert answer.json() == {"data": {"a": "é"}}


@pytest.mark.parametrize("charset", ["idna", "unicode_escape", "utf-7"])
@pytest.mark.parametrize("kind", [JSON, FORM, "text/plain"])
def test_an_exotic_charset_is_refused(client: APIClient, charset: str, kind: str) -> None:
    answer = client.generic("POST", "/api/echo?a=1", b"a=1", content_type=f"{kind}; charset={charset}")
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The charset of the request is not supported."}


def test_forms_come_through(client: APIClient) -> None:
    assert post(client, "a=1&b=%C3%A9+x&a=2", FORM).json() == {"data": {"a": "2", "b": "é x"}}
    assert client.post("/api/echo", {"a": "1", "b": "é"}, format="multipart").json() == {"data": {"a": "1", "b": "é"}}


@pytest.mark.parametrize("body", ["a=%00", "%00=1", "a=x%00y", "a=\0"])
def test_nul_characters_in_a_form_are_refused(client: APIClient, body: str) -> None:
    answer = post(client, body, FORM)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Null characters are not allowed."})


def test_nul_characters_in_a_multipart_field_are_refused_but_not_in_a_file(client: APIClient) -> None:
    answer = client.post("/api/echo", {"a": "x\0y"}, format="multipart")
    assert (answer.status_code, answer.json()) == (400, {"detail": "Null characters are not allowed."})
    answer = client.post("/api/fail/detail/bug", {"a": "x", "f": SimpleUploadedFile("f", b"\0\0")}, format="multipart")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=" + "x" * 500,
    ],
)
def test_a_malformed_multipart_body_is_no_500(client: APIClient, kind: str) -> None:
    assert post(client, b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\xff\r\n', kind).status_code in {
        200,
        400,
        415,
    }


def test_a_body_that_is_too_large_is_413(client: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    for kind, body in [(JSON, json.dumps("x" * 2000)), (FORM, "a=" + "x" * 2000)]:
        answer = post(client, body, kind)
        assert (answer.status_code, answer.json()) == (413, {"detail": "The request body is too large."})
    answer = client.post("/api/echo", {"a": "x" * 2000}, format="multipart")
    assert answer.status_code == 413
    answer = client.post("/api/fail/developer/bug", {"a": "x" * 2000}, format="json")
    assert (answer.status_code, answer.json()) == (413, {"developer_message": "The request body is too large."})


def test_a_disk_that_is_full_while_a_file_comes_in_is_told_and_nothing_stays_of_it(
    client: APIClient, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE, settings.FILE_UPLOAD_TEMP_DIR = 10, str(tmp_path)
    requests: list[Any] = []  # kept, so that nothing is cleared up because nobody refers to it
    spooled: list[Path] = []

    def half(self: TemporaryFileUploadHandler, data: bytes, start: int) -> None:
        requests.append(self.request)
        self.file.write(data[:5])
        spooled.extend(tmp_path.iterdir())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", half)
    answer = client.post("/api/echo", {"f": SimpleUploadedFile("f", b"x" * 1000)}, format="multipart")

    assert answer.status_code == 503
    assert answer.json() == {"detail": "The service has no space left to store this. Try again later."}
    assert len(requests) == len(spooled) == 1
    assert list(tmp_path.iterdir()) == []


def test_too_many_fields_are_400(client: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    body = "&".join(f"a{number}=1" for number in range(20))
    assert post(client, body, FORM).status_code == 400
    answer = client.post("/api/echo", {f"a{number}": "1" for number in range(20)}, format="multipart")
    assert answer.status_code == 400


def test_a_merge_patch_has_a_media_type_of_its_own(client: APIClient) -> None:
    answer = client.generic("PATCH", "/api/patch", '{"a": null}', content_type="application/merge-patch+json")
    assert (answer.status_code, answer.json()) == (200, {"data": {"a": None}})
    assert client.generic("PATCH", "/api/patch", "{}", content_type=JSON).status_code == 415
    answer = client.generic("PATCH", "/api/patch", "[NaN]", content_type="application/merge-patch+json")
    assert answer.status_code == 400
