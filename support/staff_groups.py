"""The staff groups that the service ships, and what each may do in the admin (docs: operations, The admin).

All three may look at everything; `SUPPORT_WRITES` and `SUPERUSERS_ONLY` say who may change what. Models that a later
release adds get their permissions after its migration, each once: what an operator gave or took is left as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps as installed_apps
from django.db import transaction

OPERATORS, SUPPORT, READ_ONLY = "operators", "support", "read-only"
SHIPPED = (OPERATORS, SUPPORT, READ_ONLY)
OWN_APPS = ("enrollments", "enterprise", "saml_admin", "program_enrollments", "support")
OTHERS = ("auth.group", "oauth2_provider.accesstoken", "sites.site", "waffle.flag", "waffle.sample", "waffle.switch")

# Only superusers change these: whoever may change them may give himself everything.
SUPERUSERS_ONLY = frozenset(
    {"auth.group", "enrollments.oauthapplication", "oauth2_provider.accesstoken", "support.shippedstaffgroup"}
)
EVERYTHING = ("add", "change", "delete")
# What the support group does beside looking; operators do everything that is not for superusers only.
SUPPORT_WRITES: dict[str, tuple[str, ...]] = {
    "enrollments.loginfailure": ("delete",),
    "enrollments.courseenrollmentallowed": EVERYTHING,
    "enrollments.outboxmessage": ("change",),
    "enterprise.bulkjob": ("change",),
    "enterprise.enterprisecustomeruser": ("add", "change"),
    "enterprise.pendingenterprisecustomeruser": EVERYTHING,
    "enterprise.pendingenrollment": EVERYTHING,
    "enterprise.pendingenterprisecustomeradminuser": EVERYTHING,
    "enterprise.enterprisegroupmembership": ("add", "change"),
}


def permissions_of(group: str, models: Collection[str]) -> set[str]:
    """What a shipped group may do, as `app_label.codename`.

    Args:
        models: the models there are, as `app_label.model`.
    """
    given = set()
    for label in models:
        app, model = label.split(".")
        if app not in OWN_APPS and label not in OTHERS:
            continue
        if model.startswith("historical"):
            continue  # the history of an object is looked at with the permission to look at the object
        actions: tuple[str, ...] = ("view",)
        if group == OPERATORS and label not in SUPERUSERS_ONLY:
            actions += EVERYTHING
        elif group == SUPPORT:
            actions += SUPPORT_WRITES.get(label, ())
        given |= {f"{app}.{action}_{model}" for action in actions}
    return given


@transaction.atomic
def give(apps: Any = installed_apps, using: str = "default") -> None:
    """Makes the groups that were never made, and gives each what it was never given; takes nothing away.

    Args:
        apps: the registry whose models are written: the historical one in a migration.
    """
    shipped, groups = apps.get_model("support", "ShippedStaffGroup"), apps.get_model("auth", "Group")
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    ids = {
        f"{app}.{codename}": pk
        for pk, app, codename in permissions.values_list("pk", "content_type__app_label", "codename")
    }
    types = apps.get_model("contenttypes", "ContentType").objects.using(using).values_list("app_label", "model")
    labels = {".".join(pair) for pair in types}
    for name in SHIPPED:
        record = shipped.objects.using(using).filter(pk=name).first()
        if record is None:
            group, _ = groups.objects.using(using).get_or_create(name=name)
            record = shipped(pk=name)
        else:
            group = groups.objects.using(using).filter(name=name).first()
        new = sorted((permissions_of(name, labels) & ids.keys()) - set(record.given))
        if new or record._state.adding:
            if group is not None:
                group.permissions.add(*[ids[permission] for permission in new])
            record.given = sorted({*record.given, *new})
            record.save(using=using)


def give_after_migration(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """Receiver of `post_migrate`: models that are new get their permissions."""
    if using == "default":
        give(using=using)
