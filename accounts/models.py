"""The people of an installation."""

from __future__ import annotations

import zoneinfo
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower


def validate_time_zone(value: str) -> None:
    """Refuse a name that is not in the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f"{value} is not a known time zone, for example Europe/Berlin.")


class Language(models.TextChoices):
    """Languages that a person can choose; texts follow in a later version."""

    ENGLISH = "en", "English"
    GERMAN = "de", "Deutsch"


class AnyCaseUserManager(UserManager["User"]):
    """Find people by name regardless of case, because nobody remembers which case they typed."""

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user with this name in any case; the constraint makes it unique."""
        return self.get(username__iexact=username)


class User(AbstractUser):
    """A person: unique user name and unique e-mail, both regardless of case."""

    email = models.EmailField("e-mail address")
    language = models.CharField(max_length=8, choices=Language, default=Language.ENGLISH)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])

    objects: ClassVar[AnyCaseUserManager] = AnyCaseUserManager()

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_name_unique_any_case",
                violation_error_message="This user name is taken.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique_any_case",
                violation_error_message="This e-mail address is taken.",
            ),
        ]
