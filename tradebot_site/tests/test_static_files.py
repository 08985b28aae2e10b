"""Browser code from packages, and whole answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, override_settings

from tradebot_site.staticfiles import PACKAGE_FILES


@pytest.mark.parametrize("name", list(PACKAGE_FILES))
def test_a_package_file_is_found_under_its_public_name(name: str) -> None:
    found = finders.find(name)
    assert isinstance(found, str)
    assert Path(found).read_text()[:20].strip()


def test_a_static_file_is_answered_whole_with_its_type_and_validators(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("body{}")
    with override_settings(STATIC_ROOT=tmp_path):
        client = Client()
        answer = client.get("/static/a.css")
        assert (answer.status_code, answer.content) == (200, b"body{}")
        assert answer["Content-Type"].startswith("text/css")
        assert not answer.streaming
        again = client.get("/static/a.css", headers={"if-modified-since": answer["Last-Modified"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path):
        assert Client().get("/static/no.css").status_code == 404
