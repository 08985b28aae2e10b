"""The dispatcher looks for due bots every second, so the beat's task need not: every five seconds.

A schedule that the operator has changed is left alone.
"""

from __future__ import annotations

from django.db import migrations
from django.utils import timezone

TASK = "bots.tasks.run_bot_task_for_all"
EVERY_SECOND = {"every": 1, "expires": 2}
EVERY_FIVE_SECONDS = {"every": 5, "expires": 5}


def check_every_five_seconds(apps, schema_editor):
    move(apps, EVERY_SECOND, EVERY_FIVE_SECONDS)


def check_every_second(apps, schema_editor):
    move(apps, EVERY_FIVE_SECONDS, EVERY_SECOND)


def move(apps, before, after):
    models = "django_celery_beat"
    # Nothing keeps an operator from having made the same interval twice.
    intervals = apps.get_model(models, "IntervalSchedule").objects
    wanted = {"every": after["every"], "period": "seconds"}
    interval = intervals.filter(**wanted).order_by("pk").first() or intervals.create(**wanted)
    untouched = apps.get_model(models, "PeriodicTask").objects.filter(
        task=TASK, interval__every=before["every"], interval__period="seconds"
    )
    untouched.filter(expire_seconds=before["expires"]).update(expire_seconds=after["expires"])
    if untouched.update(interval=interval):
        # What a running beat looks at; saving a task does it, updating rows does not.
        apps.get_model(models, "PeriodicTasks").objects.update_or_create(
            ident=1, defaults={"last_update": timezone.now()}
        )


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0008_fold_anew"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(check_every_five_seconds, check_every_second)]
