"""Times in the reader's zone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.middleware import TimeZoneMiddleware
from accounts.models import User


def test_the_readers_time_zone_is_active_during_the_request_only() -> None:
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    request = HttpRequest()
    request.user = User(username="alice", time_zone="Asia/Tokyo")
    TimeZoneMiddleware(view)(request)
    assert seen == ["Asia/Tokyo"]
    assert timezone.get_current_timezone_name() == "UTC"
