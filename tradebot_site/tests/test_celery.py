"""How tasks are run."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django_celery_beat.models import PeriodicTask

from tradebot_site.celery import app


def test_tasks_are_acknowledged_late_one_at_a_time_within_limits() -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_ignore_result is True
    assert app.conf.accept_content == ["json"]
    assert str(app.conf.timezone) == "UTC"
    assert app.conf.enable_utc is True
    assert 0 < app.conf.task_soft_time_limit < app.conf.task_time_limit
    # A task that is still running is never given to a second worker.
    assert app.conf.task_time_limit < app.conf.broker_transport_options["visibility_timeout"]


def test_every_task_is_registered_under_the_name_that_schedules_use() -> None:
    app.loader.import_default_modules()
    names = {name for name in app.tasks if name.startswith("bots.")}
    assert names == {
        "bots.tasks.run_bot_task_for_all",
        "bots.tasks.run_bot_task",
        "bots.tasks.reactivate_bots_after_reset",
        "bots.tasks.prune_ticks",
    }


@pytest.mark.django_db
def test_the_schedules_are_there_and_name_tasks_that_exist() -> None:
    app.loader.import_default_modules()
    # Other tests empty every table, so what the migration makes is made again here.
    import_module("bots.migrations.0003_schedules").create_schedules(apps, None)
    schedules = {task.task: task for task in PeriodicTask.objects.filter(task__startswith="bots.")}
    assert set(schedules) <= set(app.tasks)
    every = schedules["bots.tasks.run_bot_task_for_all"].interval
    assert (every.every, every.period) == (1, "seconds")
    midnight = schedules["bots.tasks.reactivate_bots_after_reset"].crontab
    assert (midnight.minute, midnight.hour, str(midnight.timezone)) == ("0", "0", "UTC")


@pytest.mark.django_db
def test_a_schedule_that_the_operator_changed_is_left_alone() -> None:
    migration = import_module("bots.migrations.0003_schedules")
    migration.create_schedules(apps, None)
    PeriodicTask.objects.filter(task="bots.tasks.prune_ticks").update(enabled=False)
    migration.create_schedules(apps, None)
    assert not PeriodicTask.objects.get(task="bots.tasks.prune_ticks").enabled
