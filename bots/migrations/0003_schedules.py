"""The schedules, created once; from then on they belong to the operator (admin, Periodic tasks)."""

from __future__ import annotations

from django.db import migrations


def create_schedules(apps, schema_editor):
    interval = apps.get_model("django_celery_beat", "IntervalSchedule").objects
    crontab = apps.get_model("django_celery_beat", "CrontabSchedule").objects
    task = apps.get_model("django_celery_beat", "PeriodicTask").objects
    every_second, _ = interval.get_or_create(every=1, period="seconds")
    every_hour, _ = interval.get_or_create(every=1, period="hours")
    midnight, _ = crontab.get_or_create(
        minute="0", hour="0", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    task.get_or_create(
        name="Tick the bots that are due",
        defaults={
            "task": "bots.tasks.run_bot_task_for_all",
            "interval": every_second,
            "expire_seconds": 2,
        },
    )
    task.get_or_create(
        name="Begin the trading day",
        defaults={"task": "bots.tasks.reactivate_bots_after_reset", "crontab": midnight},
    )
    task.get_or_create(
        name="Prune recorded ticks",
        defaults={"task": "bots.tasks.prune_ticks", "interval": every_hour},
    )


def delete_schedules(apps, schema_editor):
    task = apps.get_model("django_celery_beat", "PeriodicTask").objects
    task.filter(
        task__in=[
            "bots.tasks.run_bot_task_for_all",
            "bots.tasks.reactivate_bots_after_reset",
            "bots.tasks.prune_ticks",
        ]
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0002_append_only_journal"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(create_schedules, delete_schedules)]
