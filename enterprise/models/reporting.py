"""Reports about learners that are sent to a customer regularly (contract: enterprise-customers 2 and 4.9)."""

from __future__ import annotations

import uuid
from typing import Any

import pysequoia
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models

from config.db.models import TimeStampedModel
from config.db.secrets import EncryptedTextField
from enterprise.models.catalogs import EnterpriseCustomerCatalog
from enterprise.models.customers import EnterpriseCustomer

INVALID_PGP_KEY = "Invalid PGP Key provided."
LONGEST_PGP_KEY = 256 * 1024  # characters; reading a longer one would keep a worker busy
KEYS = "ENTERPRISE_REPORTING_SECRET"
SECRETS = ("decrypted_password", "decrypted_sftp_password")


def validate_pgp_key(text: str) -> None:
    """
    Raises:
        ValidationError: the text is not one public OpenPGP key. A private key is none: it must not leave its owner.
    """
    if len(text) > LONGEST_PGP_KEY or not _is_public_key(text.encode("utf-8", "replace")):
        raise ValidationError(INVALID_PGP_KEY)


def _is_public_key(data: bytes) -> bool:
    try:
        return str(pysequoia.Tsk.from_bytes(data)).startswith("-----BEGIN PGP PUBLIC KEY BLOCK")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - a panic in the library is no Exception
        return False


def validate_emails(addresses: Any) -> None:
    """
    Raises:
        ValidationError: this is not a list of e-mail addresses.
    """
    if not isinstance(addresses, list):
        raise ValidationError("This is not a list of e-mail addresses.")
    for address in addresses:
        if not isinstance(address, str):
            raise ValidationError(f"{address!r} is not an e-mail address.")
        try:
            validate_email(address)
        except ValidationError as problem:
            raise ValidationError(f"{address!r} is not an e-mail address.") from problem


class EnterpriseCustomerReportingConfiguration(TimeStampedModel):
    """What is reported to a customer, when, and to whom.

    The two passwords are readable on the instance and encrypted in the database (setting ENTERPRISE_REPORTING_SECRET).
    """

    class DeliveryMethod(models.TextChoices):
        EMAIL = "email", "email"
        SFTP = "sftp", "sftp"

    class DataType(models.TextChoices):
        PROGRESS_V3 = "progress_v3", "progress"
        CATALOG = "catalog", "catalog"
        ENGAGEMENT = "engagement", "engagement"
        GRADE = "grade", "grade"
        COMPLETION = "completion", "completion"
        COURSE_STRUCTURE = "course_structure", "course_structure"

    class ReportType(models.TextChoices):
        CSV = "csv", "csv"
        JSON = "json", "json"

    class Frequency(models.TextChoices):
        DAILY = "daily", "daily"
        MONTHLY = "monthly", "monthly"
        WEEKLY = "weekly", "weekly"

    class DayOfWeek(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    uuid = models.UUIDField(unique=True, default=uuid.uuid4)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="reporting_configurations", db_index=False
    )
    active = models.BooleanField()
    include_date = models.BooleanField(default=True)
    delivery_method = models.CharField(max_length=20, choices=DeliveryMethod.choices, default=DeliveryMethod.EMAIL)
    enable_compression = models.BooleanField(default=True)
    pgp_encryption_key = models.TextField(
        "PGP encryption key", null=True, blank=True, validators=[validate_pgp_key], help_text="A public key."
    )
    data_type = models.CharField(max_length=20, choices=DataType.choices, default=DataType.PROGRESS_V3)
    report_type = models.CharField(max_length=20, choices=ReportType.choices, default=ReportType.CSV)
    email = models.JSONField(default=list, blank=True, validators=[validate_emails])
    frequency = models.CharField(max_length=20, choices=Frequency.choices, default=Frequency.MONTHLY)
    day_of_month = models.SmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    day_of_week = models.SmallIntegerField(null=True, blank=True, choices=DayOfWeek.choices)
    hour_of_day = models.SmallIntegerField(validators=[MinValueValidator(0), MaxValueValidator(23)])
    decrypted_password = EncryptedTextField("password", keys=KEYS, max_length=256, null=True, blank=True)
    sftp_hostname = models.CharField("SFTP host", max_length=256, null=True, blank=True)
    sftp_port = models.PositiveIntegerField("SFTP port", null=True, blank=True, default=22)
    sftp_username = models.CharField("SFTP user", max_length=256, null=True, blank=True)
    decrypted_sftp_password = EncryptedTextField("SFTP password", keys=KEYS, max_length=256, null=True, blank=True)
    sftp_file_path = models.CharField("SFTP path", max_length=256, null=True, blank=True)
    enterprise_customer_catalogs = models.ManyToManyField(
        EnterpriseCustomerCatalog, related_name="reporting_configurations", blank=True
    )

    class Meta:
        verbose_name = "reporting configuration"
        ordering = ["created"]
        indexes = [models.Index(fields=["enterprise_customer", "created"], name="reporting_customer_created")]

    def __str__(self) -> str:
        return f"{self.data_type} for {self.enterprise_customer_id} by {self.delivery_method}"
