"""People."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client

from accounts.models import User


def test_an_email_address_that_differs_only_in_case_is_refused_by_the_database(
    trader: User,
) -> None:
    with pytest.raises(IntegrityError, match="user_email_unique_any_case"):
        User.objects.create_user("bob", "ALICE@example.org", "secret")


def test_a_user_name_that_differs_only_in_case_is_refused_by_the_database(trader: User) -> None:
    with pytest.raises(IntegrityError, match="user_name_unique_any_case"):
        User.objects.create_user("Alice", "bob@example.org", "secret")


def test_a_taken_email_address_is_named_in_plain_words(trader: User) -> None:
    with pytest.raises(ValidationError, match="e-mail address is taken"):
        User(username="bob", email="Alice@Example.org", password="x").full_clean()


def test_an_unknown_time_zone_is_refused_on_its_field(trader: User) -> None:
    trader.time_zone = "Europe/Atlantis"
    with pytest.raises(ValidationError) as refused:
        trader.full_clean()
    assert list(refused.value.message_dict) == ["time_zone"]


def test_people_sign_in_whatever_case_they_type(trader: User, client: Client) -> None:
    assert client.login(username="ALICE", password="correct horse")
