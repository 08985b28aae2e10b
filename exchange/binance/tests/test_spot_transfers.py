"""What goes over the wire for transfers, and what their history is taken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from exchange.binance.clock import wall_milliseconds
from exchange.binance.spot import BinanceSpotGateway
from exchange.binance.tests.conftest import KEY, SECRET, asking_once, loopback_urls
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.binance.tests.test_spot_orders import payload, unstamped
from exchange.domain.clock import to_milliseconds
from exchange.domain.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.transfers import (
    TransferDirection,
    TransferReport,
    TransferRequest,
    TransferStatus,
)
from exchange.domain.types import Environment

PATH = "/sapi/v1/asset/transfer"
TIME = "/api/v3/time"
START = datetime(2026, 11, 1, tzinfo=UTC)
REQUEST = TransferRequest(
    direction=TransferDirection.TO_FUTURES,
    asset="USDT",
    amount=Decimal("0.00000012"),
    signed_at_ms=1_700_000_000_123,
    recv_window_ms=4321,
)


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return a row of the history as the venue's documentation shows it."""
    values = {
        "asset": "USDT",
        "amount": "1",
        "type": "MAIN_UMFUTURE",
        "status": "CONFIRMED",
        "tranId": number,
        "timestamp": 1_544_433_328_000 + number,
    }
    return values | changes


@pytest.fixture
def told_time(script: ScriptedServer) -> None:
    """Let the venue tell its time once."""
    script.says(TIME, {"serverTime": wall_milliseconds()})


@pytest.fixture
def without_sapi(
    script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BinanceSpotGateway]:
    """Return a gateway to a venue of whose address it is known that it has no /sapi."""
    host = script.url.removeprefix("http://").partition(":")[0]
    monkeypatch.setattr("exchange.binance.urls.HOSTS_WITHOUT_SAPI", {host})
    gateway = BinanceSpotGateway(
        environment=Environment.TESTNET,
        urls=loopback_urls(script.url),
        key=KEY,
        secret=SECRET,
        governor=asking_once(),
    )
    yield gateway
    gateway.close()


def test_a_transfer_is_sent_once_signed_with_what_was_committed(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.says(PATH, {"tranId": 13526853623})

    assert gateway.transfer(REQUEST) == "13526853623"

    (seen,) = script.seen
    assert (seen.method, seen.path) == ("POST", PATH)
    assert dict(parse_qsl(payload(seen))) == {
        "type": "MAIN_UMFUTURE",
        "asset": "USDT",
        "amount": "0.00000012",
        "timestamp": "1700000000123",
        "recvWindow": "4321",
    }


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": -5013, "msg": "insufficient balance"}, OrderRejectedError),
        (400, {"code": -9000, "msg": "user have no avaliable amount"}, OrderRejectedError),
        (400, {"code": -1102, "msg": "Mandatory parameter."}, OrderRejectedError),
        (400, {"code": -1121, "msg": "Invalid symbol."}, UnknownSymbolError),
        (400, {"code": -5012, "msg": "Asset transfer is in pending."}, OutcomeUnknownError),
        (400, {"code": -5010, "msg": "Asset transfer fail."}, OutcomeUnknownError),
        (400, {"code": -3000, "msg": "Inner error."}, OutcomeUnknownError),
        (400, {"code": -99999, "msg": "Never heard of."}, OutcomeUnknownError),
        (400, {"code": -1021, "msg": "Timestamp for this request."}, TimestampError),
        (400, {"code": -1002, "msg": "You are not authorized."}, CredentialsError),
        (429, {"code": -1003, "msg": "Too much."}, RateLimitedError),
        (500, {"code": -1000, "msg": "unknown"}, OutcomeUnknownError),
        (502, "<html>", OutcomeUnknownError),
        (200, "<html>", OutcomeUnknownError),
        (200, {}, OutcomeUnknownError),
        (200, {"tranId": "x"}, OutcomeUnknownError),
        (200, {"tranId": None}, OutcomeUnknownError),
    ],
)  # fmt: skip
def test_what_a_reply_to_a_transfer_means(
    script: ScriptedServer, gateway: BinanceSpotGateway, status: int, body: Any, kind: type
) -> None:
    script.says(PATH, body, status=status)

    with pytest.raises(kind) as caught:
        gateway.transfer(REQUEST)

    assert type(caught.value) is kind
    assert len(script.seen) == 1  # never a second time, whatever happened


def test_a_transfer_whose_reply_is_lost_is_unknown_and_not_sent_again(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    script.queue(PATH, Reply(drops=True))

    with pytest.raises(OutcomeUnknownError):
        gateway.transfer(REQUEST)

    assert len(script.seen) == 1


@pytest.mark.usefixtures("told_time")
def test_the_history_of_one_direction_comes_oldest_first(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    rows = [
        row(12, status="PENDING", amount="0.10000000"),
        row(11, status="FAILED"),
        row(9, status="HALF_DONE", timestamp=1_544_433_328_011),
    ]
    script.says(PATH, {"total": 3, "rows": rows})

    found = gateway.transfers(TransferDirection.TO_FUTURES, start=START, end=START)

    assert [one.transaction_id for one in found] == ["9", "11", "12"]
    assert [one.status for one in found] == [
        TransferStatus.OTHER,
        TransferStatus.FAILED,
        TransferStatus.PENDING,
    ]
    assert found[2] == TransferReport(
        transaction_id="12",
        direction=TransferDirection.TO_FUTURES,
        asset="USDT",
        amount=Decimal("0.1"),
        status=TransferStatus.PENDING,
        made_at=datetime(2018, 12, 10, 9, 15, 28, 12_000, tzinfo=UTC),
    )
    start = str(to_milliseconds(START))
    assert unstamped(script.asked(PATH)[0]) == {
        "type": "MAIN_UMFUTURE",
        "current": "1",
        "size": "100",
        "startTime": start,
        "endTime": start,
    }


@pytest.mark.usefixtures("told_time")
def test_every_page_is_read_and_a_row_that_moved_to_the_next_one_counts_once(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    newest_first = [row(number) for number in range(250, 0, -1)]
    script.says(PATH, {"total": 250, "rows": newest_first[:100]})
    script.says(PATH, {"total": 250, "rows": newest_first[99:199]})
    script.says(PATH, {"total": 250, "rows": newest_first[199:]})

    found = gateway.transfers(TransferDirection.TO_FUTURES, start=START, end=START)

    assert [int(one.transaction_id) for one in found] == list(range(1, 251))
    assert [seen.values["current"] for seen in script.asked(PATH)] == ["1", "2", "3"]


@pytest.mark.usefixtures("told_time")
def test_a_row_that_arrives_while_the_pages_are_read_is_not_simply_missing(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    newest_first = [row(number) for number in range(150, 0, -1)]
    script.says(PATH, {"total": 150, "rows": newest_first[:100]})
    script.says(PATH, {"total": 151, "rows": newest_first[99:]})  # the new one is on page 1 now
    script.says(PATH, {"total": 151, "rows": []})

    with pytest.raises(UnavailableError, match="has 151 rows and shows only 150 of them"):
        gateway.transfers(TransferDirection.TO_FUTURES, start=START, end=START)


@pytest.mark.usefixtures("told_time")
def test_a_venue_that_answers_every_page_with_the_same_rows_is_not_believed(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    for _ in range(2):
        script.says(PATH, {"total": 5, "rows": [row(1), row(2)]})

    with pytest.raises(UnavailableError, match="has 5 rows and shows only 2 of them"):
        gateway.transfers(TransferDirection.TO_FUTURES, start=START, end=START)

    assert len(script.asked(PATH)) == 2


@pytest.mark.usefixtures("told_time")
def test_a_long_span_is_read_a_week_at_a_time_and_the_last_one_has_no_end(
    script: ScriptedServer, gateway: BinanceSpotGateway
) -> None:
    start = datetime.now(UTC) - timedelta(days=16)
    for number in (1, 2, 2):  # on the seam
        script.says(PATH, {"total": 1, "rows": [row(number)]})

    found = gateway.transfers(TransferDirection.TO_SPOT, start=start)

    assert [one.transaction_id for one in found] == ["1", "2"]
    week = 7 * 86_400_000
    first = to_milliseconds(start)
    spans = [
        (int(seen.values["startTime"]), seen.values.get("endTime")) for seen in script.asked(PATH)
    ]
    assert spans == [
        (first, str(first + week)),
        (first + week, str(first + 2 * week)),
        (first + 2 * week, None),
    ]


@pytest.mark.usefixtures("told_time")
@pytest.mark.parametrize(
    "page", [{"total": 0}, {"total": 0, "rows": None}, {"total": 0, "rows": []}]
)
def test_a_history_without_rows_is_empty_when_the_venue_counts_none(
    script: ScriptedServer, gateway: BinanceSpotGateway, page: dict[str, Any]
) -> None:
    script.says(PATH, page)

    assert gateway.transfers(TransferDirection.TO_SPOT, start=START, end=START) == []


@pytest.mark.usefixtures("told_time")
@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"rows": []},
        {"total": 1},
        {"total": "0"},
        {"total": True, "rows": []},
        {"total": -1, "rows": []},
        {"total": 1, "rows": []},
        {"total": 1, "rows": [row(1, type="MAIN_MARGIN")]},
        {"total": 1, "rows": [row(1, amount="-1")]},
        {"total": 1, "rows": [row(1, amount=1.5)]},
        {"total": 1, "rows": [row(1, tranId="abc")]},
        {"total": 1, "rows": [row(1, timestamp="soon")]},
        {"total": 1, "rows": [{"tranId": 1}]},
    ],
)
def test_a_history_that_makes_no_sense_is_never_an_empty_one(
    script: ScriptedServer, gateway: BinanceSpotGateway, page: Any
) -> None:
    script.says(PATH, page)

    with pytest.raises(UnavailableError):
        gateway.transfers(TransferDirection.TO_SPOT, start=START, end=START)


def test_where_the_venue_has_no_sapi_nothing_is_sent(
    script: ScriptedServer, without_sapi: BinanceSpotGateway
) -> None:
    with pytest.raises(UnavailableError, match="does not offer transfers") as sending:
        without_sapi.transfer(REQUEST)
    with pytest.raises(UnavailableError, match="does not offer transfers") as reading:
        without_sapi.transfers(TransferDirection.TO_SPOT, start=START)

    assert sending.value.is_lasting
    assert reading.value.is_lasting
    assert script.seen == []


def test_without_a_key_nothing_is_sent(script: ScriptedServer) -> None:
    gateway = BinanceSpotGateway(
        environment=Environment.DEMO, urls=loopback_urls(script.url), governor=asking_once()
    )

    with pytest.raises(CredentialsError):
        gateway.transfer(REQUEST)
    with pytest.raises(CredentialsError):
        gateway.transfers(TransferDirection.TO_SPOT, start=START)

    assert script.seen == []
    gateway.close()


def test_a_request_that_could_not_be_meant_is_refused_by_name() -> None:
    for changes, words in (
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"asset": "usdt"}, "asset"),
        ({"recv_window_ms": 60_001}, "recv_window_ms"),
    ):
        with pytest.raises(ValueError, match=words):
            replace(REQUEST, **changes)
