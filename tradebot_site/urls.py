"""Every address of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/", include("ops.urls")),
    path("", include("accounts.urls")),
    path("", include("bots.urls")),
]
