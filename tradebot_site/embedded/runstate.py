"""run.json: what the running `up` is doing, for the other subcommands and the next start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from tradebot_site.embedded.layout import Layout, write_private


@dataclass(slots=True, kw_only=True)
class ChildRecord:
    """One child: `start_ticks` proves later that the pid still means the same process."""

    name: str
    pid: int
    start_ticks: int
    state: str
    restarts: int


@dataclass(slots=True, kw_only=True)
class RunState:
    """The contents of run.json; holds no secrets.

    state        starting, ready, stopping or stopped
    ports        by name; kept when stopped, so that the next start reuses them
    own_services which of postgres and valkey are ours, the others were named by the caller
    """

    state: str = "stopped"
    address: str = ""
    pid: int = 0
    boot_id: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    own_services: list[str] = field(default_factory=list)
    children: list[ChildRecord] = field(default_factory=list)


def load(layout: Layout) -> RunState:
    """Return the last written state; an empty one when there is none or it is unreadable.

    Everything in it can be made anew, so a damaged file is not an error.
    """
    try:
        return _parse(json.loads(layout.run_file.read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return RunState()


def save(layout: Layout, state: RunState) -> None:
    """Replace run.json at one stroke."""
    write_private(layout.run_file, json.dumps(asdict(state), indent=2) + "\n")


def _parse(data: dict[str, Any]) -> RunState:
    children = [ChildRecord(**child) for child in data.pop("children")]
    return RunState(**data, children=children)
