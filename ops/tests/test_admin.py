"""Schedules in the admin."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import PeriodicTask, SolarSchedule

from accounts.models import User

CHANGE = "admin:django_celery_beat_periodictask_change"


@pytest.fixture
def operator(db: None) -> Client:
    """Return the browser of an operator."""
    # Other tests empty every table, so what the migration makes is made again here.
    import_module("bots.migrations.0003_schedules").create_schedules(apps, None)
    user = User.objects.create_superuser("root", "root@example.org", "correct horse")
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", ["periodictask", "intervalschedule", "crontabschedule"])
def test_every_list_and_every_schedule_opens(model: str, operator: Client) -> None:
    name = f"django_celery_beat_{model}"
    assert operator.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert operator.get(reverse(f"admin:{name}_add")).status_code == 200
    for row in admin.site._registry:
        if row._meta.model_name == model:
            for schedule in row._default_manager.all():
                page = operator.get(reverse(f"admin:{name}_change", args=[schedule.pk]))
                assert page.status_code == 200


def test_the_operator_changes_a_schedule(operator: Client) -> None:
    task = PeriodicTask.objects.get(task="bots.tasks.prune_ticks")
    page = operator.get(reverse(CHANGE, args=[task.pk])).content.decode()
    assert 'value="bots.tasks.run_bot_task"' in page  # the registered tasks are offered
    form = {
        "name": task.name,
        "task": task.task,
        "regtask": "",
        "interval": task.interval_id,
        "args": "[]",
        "kwargs": "{}",
        "description": "slower",
    }
    answer = operator.post(reverse(CHANGE, args=[task.pk]), form)
    assert answer.status_code == 302
    task.refresh_from_db()
    assert (task.enabled, task.description) == (False, "slower")


def test_schedules_of_no_use_are_not_in_the_menu() -> None:
    assert not admin.site.is_registered(SolarSchedule)
