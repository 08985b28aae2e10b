"""Health over HTTP. No sign-in, so the answers name parts and never addresses."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ops.health import problems


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer while the process runs."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when PostgreSQL and Redis can be reached, else 503 naming the part."""
    found = problems()
    return JsonResponse(
        {"status": "unavailable" if found else "ok", "problems": found},
        status=503 if found else 200,
    )
