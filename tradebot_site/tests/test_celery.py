"""How tasks are run."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from celery import Celery
from django.apps import apps
from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask

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


def test_two_installations_on_one_redis_do_not_take_each_others_ticks(clean_redis: Any) -> None:
    ours = app.conf.broker_transport_options
    assert ours["global_keyprefix"] == f"tradebot:{settings.INSTALLATION_ID}:celery:"
    theirs = Celery("other", broker=settings.REDIS_URL)
    theirs.conf.broker_transport_options = {**ours, "global_keyprefix": "tradebot:zzzz:celery:"}
    us = Celery("us", broker=settings.REDIS_URL)
    us.conf.broker_transport_options = ours
    for installation in (theirs, us):
        installation.send_task("bots.tasks.run_bot_task", (1,))
        installation.close()
    keys = {key.decode() for key in clean_redis.scan_iter("*celery:celery")}
    assert keys == {
        "tradebot:zzzz:celery:celery",
        f"tradebot:{settings.INSTALLATION_ID}:celery:celery",
    }
    assert [clean_redis.llen(key) for key in keys] == [1, 1]


@pytest.mark.django_db
def test_the_schedules_are_there_and_name_tasks_that_exist() -> None:
    app.loader.import_default_modules()
    _migrate()
    schedules = {task.task: task for task in PeriodicTask.objects.filter(task__startswith="bots.")}
    assert set(schedules) <= set(app.tasks)
    every = schedules["bots.tasks.run_bot_task_for_all"].interval
    assert (every.every, every.period) == (5, "seconds")
    assert schedules["bots.tasks.run_bot_task_for_all"].expire_seconds == 5
    midnight = schedules["bots.tasks.reactivate_bots_after_reset"].crontab
    assert (midnight.minute, midnight.hour, str(midnight.timezone)) == ("0", "0", "UTC")


@pytest.mark.django_db
def test_a_schedule_that_the_operator_changed_is_left_alone() -> None:
    _migrate()
    PeriodicTask.objects.filter(task="bots.tasks.prune_ticks").update(enabled=False)
    often, _ = IntervalSchedule.objects.get_or_create(every=2, period="seconds")
    rounds = PeriodicTask.objects.filter(task="bots.tasks.run_bot_task_for_all")
    rounds.update(interval=often, expire_seconds=3)
    _migrate()
    assert not PeriodicTask.objects.get(task="bots.tasks.prune_ticks").enabled
    assert (rounds.get().interval.every, rounds.get().expire_seconds) == (2, 3)


@pytest.mark.django_db
def test_an_installation_that_has_an_interval_twice_can_be_migrated_both_ways() -> None:
    for every in (1, 1, 5, 5):
        IntervalSchedule.objects.create(every=every, period="seconds")
    rounds = PeriodicTask.objects.filter(task="bots.tasks.run_bot_task_for_all")
    rounds.delete()
    second = IntervalSchedule.objects.filter(every=1).latest("pk")
    PeriodicTask.objects.create(
        name="mine", task="bots.tasks.run_bot_task_for_all", interval=second, enabled=False
    )
    migration = import_module("bots.migrations.0009_beat_as_safety_net")
    for way, every in ((migration.check_every_five_seconds, 5), (migration.check_every_second, 1)):
        way(apps, None)
        mine = rounds.get()
        # Switched off stays switched off, and an expiry that nobody set stays unset.
        assert (mine.interval.every, mine.enabled, mine.expire_seconds) == (every, False, None)


@pytest.mark.django_db
def test_the_beats_rounds_can_be_made_every_second_again() -> None:
    _migrate()
    import_module("bots.migrations.0009_beat_as_safety_net").check_every_second(apps, None)
    rounds = PeriodicTask.objects.get(task="bots.tasks.run_bot_task_for_all")
    assert (rounds.interval.every, rounds.expire_seconds) == (1, 2)


def _migrate() -> None:
    """Make what the migrations make: other tests empty every table."""
    import_module("bots.migrations.0003_schedules").create_schedules(apps, None)
    import_module("bots.migrations.0009_beat_as_safety_net").check_every_five_seconds(apps, None)
