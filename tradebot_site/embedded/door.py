"""The outermost frame: errors become words and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Callable

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import ChildFailedError, FrontDoorError, StopRequestedError

FAILED = 1


def guarded(action: Callable[[], int], console: Console) -> int:
    """Run `action`; return its exit code, or 1 with the reason printed."""
    try:
        return action()
    except StopRequestedError as e:
        console.fail(str(e))
    except ChildFailedError as e:
        console.fail(f"tradebotctl: {e} Its last lines:")
        for line in e.last_lines:
            console.fail(f"  | {line}")
    except FrontDoorError as e:
        console.fail(f"tradebotctl: {e}")
        return e.exit_code
    except KeyboardInterrupt:
        console.fail("Interrupted. Nothing was lost; run the same command again to go on.")
    except OSError as e:
        where = f" ({e.filename})" if e.filename else ""
        console.fail(f"tradebotctl: {e.strerror or e}{where}")
    return FAILED
