"""The wire between gateway and demo exchange: a function call that may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ProtocolError

from bots.simulation.chance import Dice
from bots.simulation.clock import VirtualClock
from bots.simulation.perils import Peril, Perils
from bots.simulation.second_worker import SecondWorker
from bots.simulation.trace import Trace
from bots.simulation.worker import Worker
from exchange.demo.dispatch import Reply, respond
from exchange.demo.http.past import Past
from exchange.demo.http.wire import WireRequest
from exchange.demo.venue import Venue

READ_TIMEOUT_SECONDS: Final = 10.0
STALE_SECONDS: Final = 3.0
_SLOWEST_WAY_SECONDS: Final = 0.04
_MOMENT_SECONDS: Final = 0.001
_LATEST_SECONDS: Final = 14.0  # some of those come after their window, and are refused
_PEER: Final = "127.0.0.1"
_QUIET: Final = ("GET /api/v3/time", "GET /fapi/v1/time")
_BUSY: Final = {"code": -1008, "msg": "Server is currently overloaded. Please try again."}
_TOO_MANY: Final = {"code": -1003, "msg": "Too many requests."}
_LATE: Final = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}

_answering: list[Wire] = []


class Wire:
    """Carries requests to a venue and replies back, in virtual time.

    meanwhile   what somebody else does while a request is under way
    """

    def __init__(
        self,
        venue: Venue,
        clock: VirtualClock,
        *,
        worker: Worker,
        second: SecondWorker,
        perils: Perils,
        dice: Dice,
        trace: Trace,
        meanwhile: Callable[[], None],
    ) -> None:
        self.venue, self._clock, self._worker = venue, clock, worker
        self._second = second
        self._perils, self._dice, self._trace = perils, dice, trace
        self._meanwhile = meanwhile
        self._on_the_way: list[tuple[float, WireRequest]] = []
        self._past, self._has_past = Past(venue.state, clock.time), False
        self.requests = 0

    def close(self) -> None:
        """Remove what was kept for stale replies."""
        self._past.forget()

    def catch_up(self) -> None:
        """Let the venue's market reach the clock's, and what was under way arrive."""
        late = [one for at, one in self._on_the_way if at <= self._clock.time()]
        self._on_the_way = [one for one in self._on_the_way if one[0] > self._clock.time()]
        if self._clock.market_ms > self.venue.clock.now_ms():
            self.venue.clock.jump_to(self._clock.market_ms)
        self.venue.advance()
        for wire in late:
            reply = respond(self.venue, wire)
            self._trace.note(f"    {wire.method} {wire.path} arrives late: {_short(reply)}")

    def pass_time(self, seconds: float) -> None:
        """Let so much signing time pass; what is on its way arrives at its moment."""
        end = self._clock.time() + seconds
        for at in sorted(at for at, _ in self._on_the_way if at <= end):
            self._clock.sleep(at - self._clock.time() + _MOMENT_SECONDS)
            self.catch_up()
        self._clock.sleep(end - self._clock.time())
        self.catch_up()

    def keep_past(self) -> None:
        """Keep a copy of the books, for a reply that shows them as they are now."""
        self._past.forget()
        self._past.keep()
        self._has_past = True

    def send(self, prepared: requests.PreparedRequest) -> requests.Response:
        """Answer one request of python-binance, or raise what requests would."""
        if self._second.is_here:
            return self._second.ask(lambda: self._send(prepared))
        if self._worker.is_dead:
            raise _reset()
        return self._send(prepared)

    def _send(self, prepared: requests.PreparedRequest) -> requests.Response:
        wire = _wire_request(prepared)
        endpoint = f"{wire.method} {wire.path}"
        peril = self._perils.of_request(endpoint, changes=wire.method != "GET")
        self._before(peril, wire)
        self._travel()
        reply = self._instead(peril, wire) or self._respond(peril, wire)
        self.requests += 1
        self._travel()
        self._after(peril, wire)
        if endpoint not in _QUIET:
            self._trace.note(f"    {endpoint} {_short(reply)}")
        return _response(prepared, reply)

    def _travel(self) -> None:
        self._clock.sleep(self._dice.uniform(0.001, _SLOWEST_WAY_SECONDS))
        self.catch_up()

    def _before(self, peril: Peril | None, wire: WireRequest) -> None:
        match peril:
            case Peril.KILLED_BEFORE:
                self._worker.kill(wire.path)
            case Peril.LOST_BEFORE:
                self._time_out_or_break()
            case Peril.LATE:
                self._on_the_way.append(
                    (self._clock.time() + self._dice.uniform(0.5, _LATEST_SECONDS), wire)
                )
                self._time_out_or_break()
            case Peril.LOCK_LOST:
                self._worker.cut("default")
                self._act_meanwhile()
            case Peril.MEANWHILE:
                self._act_meanwhile()

    def _act_meanwhile(self) -> None:
        is_armed, self._perils.is_armed = self._perils.is_armed, False
        self._meanwhile()
        self._perils.is_armed = is_armed

    def _instead(self, peril: Peril | None, wire: WireRequest) -> Reply | None:
        match peril:
            case Peril.BUSY:
                return Reply(503, _BUSY)
            case Peril.TOO_MANY:
                return Reply(429, _TOO_MANY, {"Retry-After": str(self._dice.randint(1, 3))})
            case Peril.TIMESTAMP if "signature=" in wire.query + wire.body:
                return Reply(400, _LATE)
        return None

    def _respond(self, peril: Peril | None, wire: WireRequest) -> Reply:
        if peril is Peril.STALE and self._has_past:
            with self._past.books(STALE_SECONDS) as books:
                return respond(self.venue, wire, books=books)
        return respond(self.venue, wire)

    def _after(self, peril: Peril | None, wire: WireRequest) -> None:
        match peril:
            case Peril.KILLED_AFTER:
                self._worker.kill(wire.path)
            case Peril.LOST_AFTER:
                self._time_out_or_break()
            case Peril.BAD_GATEWAY | Peril.GARBAGE:
                raise _UnreadableError(502 if peril is Peril.BAD_GATEWAY else 200)

    def _time_out_or_break(self) -> None:
        if self._dice.happens(0.5):
            self.pass_time(READ_TIMEOUT_SECONDS)
            raise requests.exceptions.ReadTimeout("no reply in time")
        raise _reset()


class _UnreadableError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@contextmanager
def answering(wire: Wire) -> Iterator[None]:
    """Let `wire` answer what any HTTP client of this process sends."""
    _answering.append(wire)
    try:
        yield
    finally:
        _answering.remove(wire)


@contextmanager
def no_network() -> Iterator[None]:
    """Let no request of `requests` leave this process: the wire that answers gets them all."""
    before = HTTPAdapter.send

    def send(
        _: HTTPAdapter, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> requests.Response:
        try:
            return _answering[-1].send(request)
        except _UnreadableError as error:
            return _page(request, error.status)

    HTTPAdapter.send = send  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        HTTPAdapter.send = before  # type: ignore[method-assign]


def _wire_request(prepared: requests.PreparedRequest) -> WireRequest:
    parts = urlsplit(prepared.url or "")
    body = prepared.body or ""
    return WireRequest(
        method=prepared.method or "",
        path=parts.path,
        query=parts.query,
        body=body.decode() if isinstance(body, bytes) else str(body),
        api_key=prepared.headers.get("X-MBX-APIKEY"),
        peer=_PEER,
    )


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = _page(request, reply.status, orjson.dumps(reply.payload))
    response.headers.update(reply.headers)
    return response


def _page(
    request: requests.PreparedRequest, status: int, content: bytes = b'{"symbol":"BTC'
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json;charset=UTF-8"})
    response.url, response.request, response.encoding = request.url or "", request, "utf-8"
    response._content = content
    response._content_consumed = True  # type: ignore[attr-defined]
    return response


def _reset() -> requests.exceptions.ConnectionError:
    return requests.exceptions.ConnectionError(ProtocolError("Connection aborted."))


def _short(reply: Reply) -> str:
    if reply.status == requests.codes.ok:
        payload = reply.payload
        if isinstance(payload, dict):
            names = ("clientOrderId", "listClientOrderId", "clientAlgoId", "side", "type")
            words = [str(payload[one]) for one in (*names, "origQty", "status") if one in payload]
            return " ".join(["200", *words])
        return "200"
    return f"{reply.status} {reply.payload}"
