"""Property tests here are about values; a busy machine must not fail them for being slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
