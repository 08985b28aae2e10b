"""The schedules in the dress of the admin: what Celery's beat runs and when."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django_celery_beat.admin import CrontabScheduleAdmin, TaskSelectWidget
from django_celery_beat.admin import PeriodicTaskAdmin as BeatTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm as BeatTaskForm
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

# Sunrise and one-time schedules have no use here; a shorter menu has.
for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    admin.site.unregister(model)


class _TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]  # both untyped
    """Offer the tasks that the worker knows."""


class PeriodicTaskForm(BeatTaskForm):  # type: ignore[misc]  # django-celery-beat ships no types
    """Dress the two fields that are declared by the form and not by the model."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["regtask"].widget = _TaskSelect()
        self.fields["task"].widget = UnfoldAdminTextInputWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatTaskAdmin, ModelAdmin):  # type: ignore[misc]  # both untyped
    """Edit when a task runs, or switch it off."""

    form = PeriodicTaskForm
    list_display = ("name", "enabled", "interval", "crontab", "last_run_at", "task")
    list_filter = ("enabled",)
    date_hierarchy = None
    fieldsets = (
        (None, {"fields": ("name", "enabled", "regtask", "task", "description")}),
        (
            "Schedule",
            {
                "description": "Set an interval or a crontab, not both.",
                "fields": ("interval", "crontab", "crontab_translation", "start_time", "one_off"),
            },
        ),
        ("Arguments", {"fields": ("args", "kwargs")}),
        ("Life of a message", {"fields": ("expires", "expire_seconds", "queue", "priority")}),
        ("Seen", {"fields": ("last_run_at",)}),
    )


@admin.register(IntervalSchedule)
class IntervalAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Make intervals for periodic tasks to refer to."""


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]  # both untyped
    """Make times of day and week for periodic tasks to refer to."""

    inlines = ()
