"""`down`, `status` and `logs`: look at a running `up` from outside and stop it."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict

from tradebot_site.embedded import runstate
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.instance import holder, holds, instance_lock, is_locked
from tradebot_site.embedded.layout import Layout, check_version
from tradebot_site.embedded.leftovers import end_leftovers
from tradebot_site.embedded.procinfo import is_same_process, memory_of_tree

STOP_SECONDS = 150.0
PAUSE_SECONDS = 0.1


def down(layout: Layout, *, console: Console) -> int:
    """Stop the running `up` and wait until nothing of it is left; fine when nothing runs."""
    check_version(layout)
    if not is_locked(layout.lock_file):
        _end_leftovers(layout, console)
        console.say("TradeBot is not running.")
        return 0
    with console.step("Stopping TradeBot"):
        _ask_to_stop(layout)
        deadline = time.monotonic() + STOP_SECONDS
        while is_locked(layout.lock_file):
            if time.monotonic() > deadline:
                raise FrontDoorError(f"It has not stopped after {STOP_SECONDS:.0f} s.")
            time.sleep(PAUSE_SECONDS)
    return 0


def status(layout: Layout, *, as_json: bool, console: Console) -> int:
    """Show every child; 0 when running, 1 when not."""
    check_version(layout)
    running = is_locked(layout.lock_file)
    state = runstate.load(layout)
    children = [_describe(record) for record in state.children] if running else []
    if as_json:
        report = {
            "running": running,
            "state": state.state if running else "stopped",
            "address": state.address if running else None,
            "pid": state.pid if running else None,
            "data_dir": str(layout.data),
            "ports": state.ports,
            "children": children,
        }
        console.say(json.dumps(report, indent=2))
    elif running:
        console.say(f"TradeBot is {state.state}: {state.address} (pid {state.pid})")
        console.say(f"  {'name':<14} {'pid':>8}  {'state':<9} {'restarts':>8} {'memory':>9}")
        for child in children:
            console.say(
                f"  {child['name']:<14} {child['pid']:>8}  {child['state']:<9} "
                f"{child['restarts']:>8} {int(str(child['memory_bytes'])) / 1e6:>6.0f} MB"
            )
    else:
        console.say("TradeBot is not running.")
    return 0 if running else 1


def _describe(record: runstate.ChildRecord) -> dict[str, object]:
    alive = record.pid and is_same_process(record.pid, record.start_ticks)
    data = asdict(record)
    del data["start_ticks"]
    data["memory_bytes"] = memory_of_tree(record.pid) if alive else 0
    return data


def _ask_to_stop(layout: Layout) -> None:
    pid = holder(layout.lock_file)
    try:
        if holds(pid, layout.lock_file):
            os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as e:
        raise FrontDoorError(
            f"TradeBot (pid {pid}) was started by another user; stop it as that user."
        ) from e


def _end_leftovers(layout: Layout, console: Console) -> None:
    if not layout.lock_file.exists():
        return
    with instance_lock(layout.lock_file):
        ended = end_leftovers(layout, runstate.load(layout))
    if ended:
        console.say(f"Ended what a killed start left behind: {', '.join(ended)}.")
