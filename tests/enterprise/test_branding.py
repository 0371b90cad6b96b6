"""Brandings over HTTP (contract: enterprise-customers 4.6)."""

from __future__ import annotations

import errno
import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from PIL import Image

from enterprise.models import EnterpriseCustomer, EnterpriseCustomerBrandingConfiguration
from enterprise.services import branding as service
from tests.enterprise.callers import CALLERS, caller
from tests.factories import (
    BrandingFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

BRANDINGS = "/enterprise/api/v1/enterprise-customer-branding/"
UNAUTHENTICATED = {"detail": "Authentication credentials were not provided."}
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NO_SUCH_BRANDING = {"detail": "No EnterpriseCustomerBrandingConfiguration matches the given query."}
NO_SUCH_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
UNSUPPORTED = {"detail": 'Unsupported media type "application/json" in request.'}
NO_SPACE = {"detail": "The service has no space left to store this. Try again later."}
NO_PNG = {"logo": ["Unsupported file extension."]}
BROKEN = {"logo": ["The logo image is damaged, or holds more than an image."]}
TOO_MANY_PIXELS = {"logo": ["The logo image must not have more than 10000000 pixels."]}


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="hooli")


@pytest.fixture
def update(boss, customer, django_capture_on_commit_callbacks):
    """Sends a form to the customer's branding, and lets happen what waits for the commit."""

    def send(fields: Any = None, client: Any = boss, uuid: Any = None, **options: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return client.patch(update_path(uuid or customer.pk), fields or {}, **{"format": "multipart", **options})

    return send


def update_path(uuid: object) -> str:
    return f"{BRANDINGS}update-branding/{uuid}/"


def picture(size: tuple[int, int] = (12, 8), kind: str = "PNG", mode: str = "RGBA", color: Any = None) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, color or (10, 200, 30, 255)[: len(mode)]).save(written, kind)
    return written.getvalue()


def upload(content: bytes, name: str = "logo.png", kind: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, kind)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def slugs(answer: Any) -> list[str]:
    return [each["enterprise_slug"] for each in answer.json()["results"]]


def files(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


# --- Reading --------------------------------------------------------------------------------------------------------


def test_a_branding_shows_its_colors_and_the_platforms_for_empty_ones(boss, customer):
    BrandingFactory(enterprise_customer=customer, primary_color="#000000", secondary_color="")
    shown = {
        "enterprise_customer": str(customer.pk),
        "enterprise_slug": "globex",
        "logo": None,
        "primary_color": "#000000",
        "secondary_color": "#F2F0EF",
        "tertiary_color": "#D23228",
    }
    assert boss.get(BRANDINGS).json() == {
        "next": None,
        "previous": None,
        "count": 1,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": [shown],
    }
    assert boss.get(f"{BRANDINGS}globex/").json() == shown


def test_the_logo_is_an_absolute_address_else_the_platforms(boss, customer, settings):
    branding = BrandingFactory(enterprise_customer=customer)
    settings.PLATFORM_LOGO_URL = "https://cdn.example/logo.svg"
    assert boss.get(f"{BRANDINGS}globex/").json()["logo"] == "https://cdn.example/logo.svg"
    branding.logo = "enterprise/branding/a/logo_b.png"
    branding.save()
    address = boss.get(f"{BRANDINGS}globex/").json()["logo"]
    assert address == "http://testserver/media/enterprise/branding/a/logo_b.png"


@pytest.mark.parametrize("name", CALLERS)
def test_everybody_sees_the_brandings_of_the_customers_they_are_linked_to(as_user, client, customer, other, name):
    BrandingFactory(enterprise_customer=customer)
    BrandingFactory(enterprise_customer=other)
    account = caller(name, customer, other)
    browser = client if account is None else as_user(account)
    expected = {
        "learner": ["globex"],
        "admin": ["globex"],
        "foreign learner": ["hooli"],
        "foreign admin": ["hooli"],
        "staff": ["globex", "hooli"],
    }.get(name, [])
    if name == "anonymous":
        for path in (BRANDINGS, f"{BRANDINGS}globex/"):
            answer = browser.get(path)
            assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
        return
    assert slugs(browser.get(BRANDINGS)) == expected
    answer = browser.get(f"{BRANDINGS}globex/")
    if "globex" in expected:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()) == (404, NO_SUCH_BRANDING)


def test_who_was_unlinked_sees_nothing(as_user, customer):
    BrandingFactory(enterprise_customer=customer)
    link = LearnerFactory(enterprise_customer=customer, linked=False, active=False)
    assert slugs(as_user(link.user_fk).get(BRANDINGS)) == []


def test_a_customer_without_a_branding_is_not_found(boss):
    assert boss.get(f"{BRANDINGS}globex/").json() == NO_SUCH_BRANDING
    assert boss.get(f"{BRANDINGS}no such slug/").json() == NO_SUCH_BRANDING


def test_the_slug_filters_and_orders_lists_and_single_ones(as_user, customer, other):
    BrandingFactory(enterprise_customer=other)
    BrandingFactory(enterprise_customer=customer)
    staff = as_user(UserFactory(staff=True))
    name = "enterprise_customer__slug"
    assert slugs(staff.get(BRANDINGS)) == ["hooli", "globex"]
    assert slugs(staff.get(BRANDINGS, {"ordering": name})) == ["globex", "hooli"]
    assert slugs(staff.get(BRANDINGS, {"ordering": f"-{name}"})) == ["hooli", "globex"]
    assert slugs(staff.get(BRANDINGS, {"ordering": "created"})) == ["hooli", "globex"]
    assert slugs(staff.get(BRANDINGS, {name: "globex"})) == ["globex"]
    assert slugs(staff.get(BRANDINGS, {name: "glob"})) == []
    assert staff.get(f"{BRANDINGS}globex/", {name: "hooli"}).status_code == 404


def test_the_list_costs_the_same_for_few_and_for_many(as_user, django_assert_num_queries):
    staff = as_user(UserFactory(staff=True))
    for total in (2, 40):
        while EnterpriseCustomerBrandingConfiguration.objects.count() < total:
            BrandingFactory()
        with django_assert_num_queries(2):  # caller; brandings with their customers
            assert len(staff.get(BRANDINGS, {"page_size": 100}).json()["results"]) == total
    with django_assert_num_queries(3):  # and the count, of a full page
        assert staff.get(BRANDINGS).json()["count"] == 40
    admin = as_user(customer_admin(EnterpriseCustomer.objects.first()))
    with django_assert_num_queries(2):
        assert len(slugs(admin.get(BRANDINGS))) == 1


def test_every_path_takes_a_format_suffix(boss, customer):
    BrandingFactory(enterprise_customer=customer)
    for path in (BRANDINGS, f"{BRANDINGS}globex/"):
        answer = boss.get(f"{path.rstrip('/')}.json")
        assert (answer.status_code, answer.json()) == (200, boss.get(path).json())


# --- Methods that change nothing, or all ----------------------------------------------------------------------------


def test_brandings_are_not_posted(as_user, client, boss):
    assert boss.post(BRANDINGS, {}, format="multipart").json() == {"detail": 'Method "POST" not allowed.'}
    assert boss.post(BRANDINGS, {}).status_code == 405
    assert client.post(BRANDINGS, {}).status_code == 401


@pytest.mark.parametrize("method", ["put", "patch"])
def test_put_and_patch_answer_with_the_row_as_it_is(boss, customer, method):
    stored = BrandingFactory(enterprise_customer=customer, primary_color="#111111")
    form = {"primary_color": "#222222", "enterprise_slug": "x", "logo": upload(picture())}
    answer = getattr(boss, method)(f"{BRANDINGS}globex/", form, format="multipart")
    assert (answer.status_code, answer.json()) == (200, boss.get(f"{BRANDINGS}globex/").json())
    assert EnterpriseCustomerBrandingConfiguration.objects.get().modified == stored.modified
    answer = getattr(boss, method)(f"{BRANDINGS}globex/", {"primary_color": "#222222"}, format="json")
    assert (answer.status_code, answer.json()) == (415, UNSUPPORTED)
    assert getattr(boss, method)(f"{BRANDINGS}globex/").status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("name", CALLERS)
def test_who_may_call_them(as_user, client, customer, other, name, method):
    BrandingFactory(enterprise_customer=customer)
    BrandingFactory(enterprise_customer=other)
    account = caller(name, customer, other)
    answer = getattr(client if account is None else as_user(account), method)(f"{BRANDINGS}globex/")
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    elif name == "admin":
        assert answer.status_code == (204 if method == "delete" else 200)
    elif name in ("operator", "superuser"):  # they hold the role, but are not linked
        assert (answer.status_code, answer.json()) == (404, NO_SUCH_BRANDING)
    else:
        assert (answer.status_code, answer.json()) == (403, MISSING)
    left = EnterpriseCustomerBrandingConfiguration.objects.count()
    assert left == (1 if answer.status_code == 204 else 2)


def test_a_branding_that_does_not_exist_is_not_found_by_holders_of_the_role_anywhere(as_user, boss, customer):
    learner = as_user(LearnerFactory(enterprise_customer=customer).user_fk)
    for method in ("put", "patch", "delete"):
        for slug in ("nobody", "globex"):
            assert getattr(boss, method)(f"{BRANDINGS}{slug}/").json() == NO_SUCH_BRANDING
            assert getattr(learner, method)(f"{BRANDINGS}{slug}/").json() == MISSING


def test_staff_with_the_role_delete_brandings_of_customers_they_are_not_linked_to(as_user, customer):
    BrandingFactory(enterprise_customer=customer)
    assert as_user(operator(is_staff=True)).delete(f"{BRANDINGS}globex/").status_code == 204


def test_a_deleted_branding_takes_its_logo_along(update, boss, media, django_capture_on_commit_callbacks):
    update({"logo": upload(picture())})
    with django_capture_on_commit_callbacks() as waiting:
        assert boss.delete(f"{BRANDINGS}globex/").status_code == 204
    assert len(files(media)) == 1
    for callback in waiting:
        callback()
    assert files(media) == []
    assert boss.get(f"{BRANDINGS}globex/").status_code == 404


# --- Updating: who and where ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLERS)
def test_who_may_update(update, as_user, client, customer, other, name):
    account = caller(name, customer, other)
    answer = update({"primary_color": "#123456"}, client=client if account is None else as_user(account))
    if name == "anonymous":
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)
    elif name in ("admin", "operator", "superuser"):
        assert (answer.status_code, answer.content) == (204, b"")
    else:
        assert (answer.status_code, answer.json()) == (403, MISSING)
    assert EnterpriseCustomerBrandingConfiguration.objects.exists() == (answer.status_code == 204)


def test_an_unknown_customer_is_not_found(update, as_user):
    client = as_user(operator())
    for uuid, problem in (
        ("11111111-2222-4333-8444-555555555555", NO_SUCH_CUSTOMER),
        ("no-uuid", {"detail": "Not found."}),
    ):
        answer = update({"primary_color": "#123456"}, client=client, uuid=uuid)
        assert (answer.status_code, answer.json()) == (404, problem)
        assert update(uuid=uuid).json() == MISSING


def test_a_body_that_is_no_form_is_refused_after_the_role(update, as_user, customer):
    answer = update({"primary_color": "#123456"}, format="json")
    assert (answer.status_code, answer.json()) == (415, UNSUPPORTED)
    learner = as_user(LearnerFactory(enterprise_customer=customer).user_fk)
    assert update({"primary_color": "#123456"}, client=learner, format="json").json() == MISSING
    assert not EnterpriseCustomerBrandingConfiguration.objects.exists()


def test_the_path_needs_its_slash_and_patch(boss, customer):
    path = update_path(customer.pk)
    assert boss.patch(path.rstrip("/"), {}, format="multipart").status_code == 404
    for method in ("get", "post", "put", "delete"):
        assert getattr(boss, method)(path).status_code == 405


def test_without_a_customer_there_is_nothing_to_update(boss, as_user, client, customer):
    path = f"{BRANDINGS}update_branding/"
    for browser in (boss, as_user(UserFactory()), as_user(UserFactory(superuser=True))):
        answer = browser.patch(path, {"primary_color": "#123456"}, format="multipart")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
        assert browser.patch(path, {}, format="json").status_code == 404
    assert client.patch(path).status_code == 401
    assert boss.post(path).status_code == 405


def test_the_calls_count_for_the_user_rate(update, settings):
    settings.USER_RATE = "2/minute"
    assert [update().status_code for _ in range(3)] == [204, 204, 429]


# --- Updating: colors -----------------------------------------------------------------------------------------------


def test_only_what_is_given_changes_and_the_row_is_made_if_missing(update, boss):
    assert update().status_code == 204
    shown = boss.get(f"{BRANDINGS}globex/").json()
    assert (shown["logo"], shown["primary_color"]) == (None, "#2D494E")
    update({"primary_color": "#123456", "tertiary_color": "#abCDef"})
    update({"secondary_color": "#000000"})
    stored = EnterpriseCustomerBrandingConfiguration.objects.get()
    assert (stored.primary_color, stored.secondary_color, stored.tertiary_color) == ("#123456", "#000000", "#abCDef")


def test_a_plain_form_changes_colors_too(update):
    form = "primary_color=%23123456"
    answer = update(form, content_type="application/x-www-form-urlencoded", format=None)
    assert answer.status_code == 204
    assert EnterpriseCustomerBrandingConfiguration.objects.get().primary_color == "#123456"


def test_an_empty_color_is_the_platforms_again(update, boss):
    update({"primary_color": "#123456"})
    assert update({"primary_color": ""}).status_code == 204
    assert boss.get(f"{BRANDINGS}globex/").json()["primary_color"] == "#2D494E"


@pytest.mark.parametrize("name", ["primary_color", "secondary_color", "tertiary_color"])
@pytest.mark.parametrize(
    "value", ["red", "#12345", "#1234567", "123456", "#12345g", "#123", "#123456;}", "#１２３４５６"]
)
def test_a_color_that_is_none_is_refused_and_nothing_is_saved(update, media, name, value):
    answer = update({name: value, "logo": upload(picture())})
    assert answer.status_code == 400
    assert answer.json() == {name: ["Value entered is not a valid hex color code."]}
    assert not EnterpriseCustomerBrandingConfiguration.objects.exists()
    assert files(media) == []


def test_a_file_is_no_color_and_a_text_no_logo(update):
    answer = update({"primary_color": upload(picture())})
    assert (answer.status_code, list(answer.json())) == (400, ["primary_color"])
    answer = update({"logo": "logo.png"})
    assert (answer.status_code, list(answer.json())) == (400, ["logo"])


# --- Updating: the logo ---------------------------------------------------------------------------------------------


def test_a_logo_is_stored_under_a_random_name_and_served_harmlessly(update, boss, client, customer, media):
    content = picture()
    assert update({"logo": upload(content)}).status_code == 204
    (name,) = files(media)
    assert re.fullmatch(rf"enterprise/branding/{customer.pk}/logo_[0-9a-f-]{{36}}\.png", name)
    address = boss.get(f"{BRANDINGS}globex/").json()["logo"]
    assert address == f"http://testserver/media/{name}"
    answer = client.get(address)
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, content)
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_taken(update, mode):
    content = picture(mode=mode, color=1 if mode in ("1", "L", "P", "I;16") else (1, 2, 3))
    assert update({"logo": upload(content)}).status_code == 204
    assert EnterpriseCustomerBrandingConfiguration.objects.get().logo


def test_a_new_logo_replaces_the_old_file_once_it_is_committed(
    boss, customer, media, django_capture_on_commit_callbacks, update
):
    update({"logo": upload(picture()), "primary_color": "#123456"})
    (before,) = files(media)
    with django_capture_on_commit_callbacks() as waiting:
        boss.patch(update_path(customer.pk), {"logo": upload(picture((3, 3)))}, format="multipart")
    assert before in files(media)
    assert len(files(media)) == 2
    for callback in waiting:
        callback()
    stored = EnterpriseCustomerBrandingConfiguration.objects.get()
    assert files(media) == [stored.logo.name]
    assert stored.primary_color == "#123456"


def test_colors_leave_the_logo_alone(update, media):
    update({"logo": upload(picture())})
    before = files(media)
    update({"primary_color": "#123456"})
    assert files(media) == before == [EnterpriseCustomerBrandingConfiguration.objects.get().logo.name]


def test_a_change_that_fails_leaves_no_file_and_the_old_logo(update, customer, media, monkeypatch):
    update({"logo": upload(picture())})
    before = files(media)

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(EnterpriseCustomerBrandingConfiguration, "save", broken)
    with pytest.raises(RuntimeError):
        service.update(customer, {"logo": upload(picture((2, 2)))})
    assert files(media) == before


def test_a_full_disk_is_told_and_leaves_nothing_half_written(update, media, monkeypatch):
    update({"logo": upload(picture())})
    before, row = files(media), EnterpriseCustomerBrandingConfiguration.objects.values().get()

    def half(content: ContentFile, chunk_size: int | None = None) -> Iterator[bytes]:
        yield content.read()[:10]
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ContentFile, "chunks", half)
        answer = update({"logo": upload(picture((2, 2))), "primary_color": "#123456"})

    assert (answer.status_code, answer.json()) == (503, NO_SPACE)
    assert answer["Retry-After"] == "5"
    assert files(media) == before
    assert EnterpriseCustomerBrandingConfiguration.objects.values().get() == row
    assert update({"logo": upload(picture((2, 2)))}).status_code == 204


def refused_uploads() -> dict[str, tuple[SimpleUploadedFile, dict[str, list[str]]]]:
    png = picture()
    no_data = png_of(10, 10, b"\0" * 5)  # checksums are right, most of the picture is not there
    broken_checksum = png[:-20] + bytes([png[-20] ^ 1]) + png[-19:]
    return {
        "another suffix": (upload(png, "logo.jpg"), NO_PNG),
        "no suffix": (upload(png, "logo"), NO_PNG),
        "a second suffix": (upload(png, "logo.png.svg"), NO_PNG),
        "a JPEG by another name": (upload(picture(kind="JPEG", mode="RGB")), NO_PNG),
        "a GIF by another name": (upload(picture(kind="GIF", mode="P", color=1)), NO_PNG),
        "SVG": (upload(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), NO_PNG),
        "HTML": (upload(b"<html><script>alert(1)</script></html>"), NO_PNG),
        "only a signature": (upload(png[:8]), BROKEN),
        "cut off in the middle": (upload(png[: len(png) // 2]), BROKEN),
        "cut off at the end": (upload(png[:-1]), BROKEN),
        "without the last chunk": (upload(png[:-12]), BROKEN),
        "a wrong checksum": (upload(broken_checksum), BROKEN),
        "not all rows": (upload(no_data), BROKEN),
        "an archive behind": (upload(png + b"PK\x03\x04rest"), BROKEN),
        "an archive behind, closed as a PNG": (upload(png + b"PK\x03\x04" + png[-12:]), BROKEN),
        "no picture data": (upload(b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b"")), BROKEN),
        "a length beyond the end": (upload(png[:8] + b"\xff\xff\xff\xff" + png[12:]), BROKEN),
        "a width of nothing": (upload(png_of(0, 10, b"")), BROKEN),
        "an empty file": (upload(b""), {"logo": ["The submitted file is empty."]}),
        "too many pixels": (upload(png_of(4000, 2501, b"")), TOO_MANY_PIXELS),
        "a bomb": (upload(png_of(50_000, 50_000, b"\0" * 1000)), TOO_MANY_PIXELS),
        "a bomb of one row": (upload(png_of(2**31 - 1, 1, b"")), TOO_MANY_PIXELS),
    }


@pytest.mark.parametrize("case", list(refused_uploads()))
def test_a_file_that_is_no_whole_png_is_refused_and_nothing_is_saved(update, media, case):
    file, problem = refused_uploads()[case]
    answer = update({"logo": file, "primary_color": "#123456"})
    assert (answer.status_code, answer.json()) == (400, problem)
    assert not EnterpriseCustomerBrandingConfiguration.objects.exists()
    assert files(media) == []


def test_a_bomb_is_refused_before_it_is_unpacked(update, monkeypatch):
    bomb = png_of(4000, 4000, b"\0" * (4000 * 4001))  # 16 MB in 16 kB

    def unpack(*args: Any) -> None:
        raise AssertionError("the picture was unpacked")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", unpack)
    assert update({"logo": upload(bomb)}).json() == TOO_MANY_PIXELS


def test_the_largest_size_is_a_setting_read_when_it_is_needed(update, settings):
    content = picture()
    padded = content[:-12] + chunk(b"tEXt", b"Comment\0" + b"x" * (2048 - len(content) - 20)) + content[-12:]
    settings.ENTERPRISE_CUSTOMER_LOGO_IMAGE_SIZE = 2
    assert len(padded) == 2048
    assert update({"logo": upload(padded)}).status_code == 204
    answer = update({"logo": upload(padded + b"1")})
    assert answer.status_code == 400
    assert answer.json() == {"logo": ["The logo image file size must be less than or equal to 2 KB."]}


def test_the_usual_limit_is_512_kb(update):
    answer = update({"logo": upload(picture()[:8] + b"0" * 512 * 1024)})
    assert answer.json() == {"logo": ["The logo image file size must be less than or equal to 512 KB."]}


@pytest.mark.parametrize(
    "name", ["../../../../etc/x.png", "..\\..\\x.png", "/etc/x.png", "a/b/../../c.PNG", "%2e%2e%2fx.png"]
)
def test_the_name_of_the_upload_means_nothing(update, customer, media, name):
    assert update({"logo": upload(picture(), name)}).status_code == 204
    (stored,) = files(media)
    assert stored.startswith(f"enterprise/branding/{customer.pk}/logo_")


# --- At the same time -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_changes_at_once_leave_one_row_and_one_file(as_user, customer, media):
    assert connection.vendor == "postgresql"
    clients = [as_user(customer_admin(customer)) for _ in range(6)]
    statuses: list[int] = []
    calls = [
        lambda client=client: statuses.append(
            client.patch(update_path(customer.pk), {"logo": upload(picture())}, format="multipart").status_code
        )
        for client in clients
    ]
    assert at_once(*calls) == []
    assert statuses == [204] * 6
    stored = EnterpriseCustomerBrandingConfiguration.objects.get()
    assert files(media) == [stored.logo.name]
    assert default_storage.exists(stored.logo.name)
