"""The control door: clock, steered prices, faults and the truth about the books. Loopback only."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from exchange.demo.clock import MAXIMUM_SPEED
from exchange.demo.control.accounts import all_keys, deposit, set_key, whole_ledger
from exchange.demo.control.algo import add_hitch, all_hitches, clear_hitches
from exchange.demo.control.faults import FaultBoard
from exchange.demo.control.fields import FieldError, Fields
from exchange.demo.control.positions import all_positions, trade_elsewhere
from exchange.demo.control.prices import all_prices, set_price
from exchange.demo.control.symbols import all_symbols, set_symbol
from exchange.demo.dispatch import Reply
from exchange.demo.errors import BAD_REQUEST, NOT_FOUND
from exchange.demo.times import DAY_MS, iso, parse_moment, to_milliseconds
from exchange.demo.venue import Venue

PREFIX: Final = "/_control"
FORBIDDEN: Final = 403
SLOWEST_SPEED: Final = 0.001
_LONGEST_JUMP_MS: Final = 366 * DAY_MS


class Control:
    """Answers `/_control/…`. A refused request has changed nothing.

    doors   what a part further out answers beside, by method and path below the prefix
    """

    def __init__(
        self,
        venue: Venue,
        faults: FaultBoard,
        *,
        doors: Mapping[tuple[str, str], Callable[[Any], Any]] | None = None,
    ) -> None:
        self._venue = venue
        self._faults = faults
        self._doors: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "/clock"): lambda _: self._clock(),
            ("POST", "/clock"): self._set_clock,
            ("GET", "/faults"): lambda _: self._all_faults(),
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): lambda _: self._clear_faults(),
            ("GET", "/ledger"): lambda _: whole_ledger(venue),
            ("POST", "/deposits"): lambda item: deposit(venue, item),
            ("GET", "/keys"): lambda _: all_keys(venue),
            ("POST", "/keys"): lambda item: set_key(venue, item),
            ("GET", "/symbols"): lambda _: all_symbols(venue),
            ("POST", "/symbols"): lambda item: set_symbol(venue, item),
            ("GET", "/price"): lambda _: all_prices(venue),
            ("POST", "/price"): lambda item: set_price(venue, item),
            ("GET", "/algo"): lambda _: all_hitches(venue),
            ("POST", "/algo"): lambda item: add_hitch(venue, item),
            ("DELETE", "/algo"): lambda _: clear_hitches(venue),
            ("GET", "/positions"): lambda _: all_positions(venue),
            ("POST", "/positions"): lambda item: trade_elsewhere(venue, item),
            **(doors or {}),
        }

    def respond(
        self,
        method: str,
        path: str,
        body: str,
        *,
        peer: str,
        origin: str | None = None,
        host: str | None = None,
    ) -> Reply:
        """Answer one control request from `peer`, an IP address.

        A request with an `Origin` comes from a web page, which has no business here. So does one
        that calls this machine by a foreign `host`, a name which somebody let point here.
        """
        if not is_loopback(peer) or origin is not None or not is_own_name(host):
            return Reply(FORBIDDEN, {"error": "the control paths answer only on loopback"})
        door = self._doors.get((method, path.removeprefix(PREFIX)))
        if door is None:
            known = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in self._doors)
            return Reply(NOT_FOUND, {"error": f"no such control path; known are {known}"})
        try:
            return Reply(200, door(_parse_body(body) if method == "POST" else None))
        except FieldError as e:
            return Reply(BAD_REQUEST, {"error": str(e)})

    def _clock(self) -> dict[str, Any]:
        clock = self._venue.clock
        now_ms = self._venue.advance()
        return {
            "running": clock.is_running,
            "speed": clock.speed,
            "market_time": iso(now_ms),
            "market_time_ms": now_ms,
            "wall_time": iso(self._venue.wall_ms()),
        }

    def _set_clock(self, item: Any) -> dict[str, Any]:
        fields = Fields(item, ("running", "speed", "market_time"))
        running = fields.flag("running") if fields.has("running") else None
        speed = None
        if fields.has("speed"):
            speed = fields.number("speed", least=SLOWEST_SPEED, most=MAXIMUM_SPEED)
        if fields.has("market_time"):
            self._jump(fields)
        try:
            if speed is not None:
                self._venue.clock.set_speed(speed)
            if running is not None:
                self._venue.clock.set_running(is_running=running)
        except ValueError as e:
            raise fields.wrong("running" if speed is None else "speed", str(e)) from e
        return self._clock()

    def _jump(self, fields: Fields) -> None:
        try:
            target = to_milliseconds(parse_moment(fields.text("market_time")))
        except (ValueError, OverflowError):
            raise fields.wrong("market_time", "must be a moment in ISO 8601") from None
        if target > self._venue.clock.now_ms() + _LONGEST_JUMP_MS:
            raise fields.wrong("market_time", "lies more than 366 days ahead")
        try:
            self._venue.clock.jump_to(target)
        except ValueError as e:
            raise fields.wrong("market_time", str(e)) from e

    def _all_faults(self) -> list[dict[str, Any]]:
        return [fault.as_json() for fault in self._faults.all()]

    def _add_faults(self, item: Any) -> list[dict[str, Any]]:
        added = self._faults.add(item if isinstance(item, list) else [item])
        return [fault.as_json() for fault in added]

    def _clear_faults(self) -> list[dict[str, Any]]:
        self._faults.clear()
        return []


def is_loopback(peer: str) -> bool:
    """Say whether an address is this machine's own."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_own_name(host: str | None) -> bool:
    """Say whether a request that calls for this host, a port behind it or not, means a loopback."""
    called = (host or "localhost").lower()
    is_bracketed = called.startswith("[")
    name = called[1:].partition("]")[0] if is_bracketed else called.partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _parse_body(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as e:
        raise FieldError(f"the body is no JSON: {e}") from e
