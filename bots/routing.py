"""WebSocket addresses."""

from __future__ import annotations

from django.urls import path

from bots.consumers import BotConsumer, DashboardConsumer

websocket_urlpatterns = [
    path("ws/bots/<int:bot_id>/", BotConsumer.as_asgi()),
    path("ws/dashboard/", DashboardConsumer.as_asgi()),
]
