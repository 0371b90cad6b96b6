"""What the service has given its staff groups, so that it gives nothing twice."""

from __future__ import annotations

from django.db import models


class ShippedStaffGroup(models.Model):
    """A staff group that the service ships, and the permissions that it has given to it.

    A permission that was given once is not given again: whoever takes it from the group takes it for good.
    """

    name = models.CharField(max_length=150, primary_key=True)
    given = models.JSONField(default=list, help_text="Permissions, as `app_label.codename`.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
