"""Documents say what is true."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
READERS = r"environment\.(?:text|text_list|boolean|positive_int|positive_float|database)"


def _settings() -> set[str]:
    source = (ROOT / "tradebot_site" / "settings.py").read_text()
    return set(re.findall(rf'{READERS}\(\s*"([A-Z_]+)"', source)) | {"LOG_LEVEL"}


def test_every_setting_is_documented() -> None:
    settings = _settings()
    assert len(settings) > 10
    assert {name for name in settings if f"`{name}`" not in CONFIGURATION} == set()


def test_every_documented_setting_exists() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", CONFIGURATION, flags=re.MULTILINE)
    assert set(rows) - _settings() == set()


def test_every_check_is_documented() -> None:
    checks = (ROOT / "tradebot_site" / "checks.py").read_text()
    ids = set(re.findall(r'id="tradebot\.([EW]\d+)"', checks))
    assert ids == {"E001", "E002", "E003", "E004", "W001"}
    assert {name for name in ids if name not in CONFIGURATION} == set()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    readme = (ROOT / "README.md").read_text()
    paths = set(re.findall(r"`(docs/[^`]+|[A-Z]+\.md)`", readme))
    paths |= set(re.findall(r"\]\(([^)]+)\)", readme))
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_the_quick_start_is_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```\n(.*?)```", readme, flags=re.DOTALL)
    assert blocks[:2] == ["./tradebotctl up\n", "./tradebotctl test\n"]
