"""The section of notifications (contract: world-format)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from enterprise.models import AdminNotification, AdminNotificationFilter, AdminNotificationRead
from enterprise.models.notifications import today
from tests.factories import EnterpriseCustomerFactory, LearnerFactory, UserFactory

Load = Callable[..., dict[str, tuple[int, int, int]]]
WORKS = "01000000-0000-4000-8000-000000000001"


def notices(**fields: Any) -> dict[str, Any]:
    return {"notifications": [{"id": 7, "title": "Read me", "text": "Hello", **fields}]}


def filters_of(notification: AdminNotification) -> list[str]:
    return list(notification.filters.values_list("filter", flat=True))


def reader(username: str = "anna") -> Any:
    link = LearnerFactory(
        enterprise_customer=EnterpriseCustomerFactory(uuid=WORKS), user=UserFactory(username=username)
    )
    return {"customer": WORKS, "user": username}, link


def test_a_notification_is_stored_under_its_id_with_dates_filters_and_readers(load: Load) -> None:
    read, link = reader()
    world = notices(start_date="-1d", expiration_date="2031-02-03", is_active=False, filters=["b", "a"], read_by=[read])
    assert load(world)["notifications"] == (1, 0, 0)
    stored = AdminNotification.objects.get(pk=7)
    assert (stored.title, stored.text, stored.is_active) == ("Read me", "Hello", False)
    assert (stored.start_date, str(stored.expiration_date)) == (today() - timedelta(days=1), "2031-02-03")
    assert filters_of(stored) == ["a", "b"]
    row = AdminNotificationRead.objects.get()
    assert (row.enterprise_customer_user_id, row.admin_notification_id, row.is_read) == (link.pk, 7, True)
    assert load(world)["notifications"] == (0, 0, 1)


def test_dates_left_out_are_today_and_new_rows_are_numbered_beyond(load: Load) -> None:
    load(notices())
    assert set(AdminNotification.objects.values_list("start_date", "expiration_date")) == {(today(), today())}
    assert AdminNotification.objects.create(title="Next", text="x").pk > 7


def test_lists_replace_what_is_stored_and_fields_left_out_stay(load: Load) -> None:
    read, _ = reader()
    load(notices(filters=["a", "b"], read_by=[read]))
    assert load(notices(filters=["b", "c"]))["notifications"] == (0, 1, 0)
    stored = AdminNotification.objects.get(pk=7)
    assert (filters_of(stored), AdminNotificationRead.objects.count()) == (["b", "c"], 1)
    assert AdminNotificationFilter.objects.count() == 3
    assert load(notices(read_by=[]))["notifications"] == (0, 1, 0)
    assert (filters_of(stored), AdminNotificationRead.objects.count()) == (["b", "c"], 0)


def test_a_reader_must_be_a_learner_of_the_customer(refused: Callable[..., str]) -> None:
    read, _ = reader()
    UserFactory(username="bert")
    assert "notifications[0].read_by[1].user" in refused(notices(read_by=[read, {**read, "user": "bert"}]))
    assert "notifications[0].customer" in refused(notices(customer=WORKS))
    assert not AdminNotification.objects.exists()
