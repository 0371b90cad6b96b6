"""Abstract models that every app may build on."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone


class ModifiedField(models.DateTimeField):
    """Set to the moment of each save, unless the instance says `keep_modified` or the row is new with a given value."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        given = getattr(model_instance, self.attname)
        if given is not None and (add or getattr(model_instance, "keep_modified", False)):
            return given
        now = timezone.now()
        setattr(model_instance, self.attname, now)
        return now


class TimeStampedModel(models.Model):
    """`created` is the moment of insertion, `modified` that of the last save; both may be given and are then kept."""

    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = ModifiedField(null=False, editable=False)

    keep_modified = False

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        if update_fields is not None:
            update_fields = {*update_fields, "modified"}
        super().save(*args, update_fields=update_fields, **kwargs)
