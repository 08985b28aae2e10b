from __future__ import annotations

from django.apps import AppConfig


class TradebotSiteConfig(AppConfig):
    name = "tradebot_site"

    def ready(self) -> None:
        """Register the system checks, and make the Celery app the default one of every process."""
        from tradebot_site import celery, checks  # noqa: F401, PLC0415  # need a loaded app registry
