"""Health over HTTP."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings


def test_live_answers_without_touching_the_database(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_answers_200_when_both_services_do(client: Client) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "problems": {}})


@pytest.mark.django_db
@override_settings(REDIS_URL="redis://127.0.0.1:9/0")
def test_ready_names_the_part_that_does_not_answer(client: Client) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "problems": {"redis": "ConnectionError"}}
