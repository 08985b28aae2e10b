"""WebSocket addresses."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path

from bots.consumers import NOT_FOUND, BotConsumer, DashboardConsumer


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    """Turn away who asks for an address that does not exist, without a traceback in the log."""
    await receive()
    await send({"type": "websocket.close", "code": NOT_FOUND})


websocket_urlpatterns = [
    path("ws/bots/<int:bot_id>/", BotConsumer.as_asgi()),
    path("ws/dashboard/", DashboardConsumer.as_asgi()),
    re_path("", nothing_here),  # type: ignore[arg-type]  # the types know views alone
]
