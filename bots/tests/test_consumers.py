"""Live status over WebSocket, through the real channel layer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast

import orjson
import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers, get_channel_layer
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from accounts.models import User
from bots.consumers import NOT_FOUND, NOT_SIGNED_IN, BotConsumer, DashboardConsumer
from bots.feed import publish
from bots.models import BotConfig, BotState
from bots.routing import websocket_urlpatterns
from bots.selectors.freshness import series_of
from bots.selectors.live_data import ChartWatch
from bots.selectors.status import state_data
from bots.services import create_bot
from bots.tests.views.conftest import stored_key
from bots.tests.views.test_freshness import heard_by_stream, kline, read_by_request

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
ROUTES = URLRouter(websocket_urlpatterns)
untyped_communicator: Any = ApplicationCommunicator


@pytest.fixture(autouse=True)
def _own_channels() -> Iterator[None]:
    """Use channel names of our own: publish and subscribe reach across Redis databases."""
    configured: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    config = {**configured["CONFIG"], "prefix": f"consumers-{uuid.uuid4().hex}"}
    with override_settings(CHANNEL_LAYERS={"default": {**configured, "CONFIG": config}}):
        channel_layers.backends.clear()
        yield
    channel_layers.backends.clear()


def _make_bot(owner: User, name: str = "Bitcoin") -> BotConfig:
    bot = BotConfig(user=owner, name=name, symbol="BTCUSDT", position_size_fixed=Decimal(100))
    return create_bot(bot, actor=owner)


def _publish(bot: BotConfig, kind: Any, data: dict[str, Any]) -> int:
    with transaction.atomic():
        state = BotState.objects.select_related("bot").get(pk=bot.pk)
        publish(state, kind, data)
        state.save()
    return state.sequence


class Page:
    """The browser's end of a socket; channels.testing would need daphne."""

    def __init__(self, path: str, user: User | AnonymousUser) -> None:
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": [],
            "user": user,
        }
        self._socket = untyped_communicator(ROUTES, scope)

    async def open(self) -> None:
        """Connect; a consumer accepts even those whom it turns away, so that they learn why."""
        assert (await self.knock())["type"] == "websocket.accept"

    async def knock(self) -> dict[str, Any]:
        """Ask to connect; return the first answer."""
        await self._socket.send_input({"type": "websocket.connect"})
        return await self.message()

    async def message(self) -> dict[str, Any]:
        """Return the next message of the server."""
        return cast(dict[str, Any], await self._socket.receive_output(5))

    async def frame(self) -> dict[str, Any]:
        """Return the next frame."""
        return cast(dict[str, Any], orjson.loads((await self.message())["text"]))

    async def hears_nothing(self) -> bool:
        """Say whether nothing comes for a while."""
        return bool(await self._socket.receive_nothing(0.2))

    async def say(self, **content: Any) -> None:
        """Send text or bytes."""
        await self._socket.send_input({"type": "websocket.receive", **content})

    async def close(self) -> None:
        """Go away."""
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._socket.wait(5)


@asynccontextmanager
async def _socket(path: str, user: User | AnonymousUser) -> AsyncIterator[Page]:
    page = Page(path, user)
    await page.open()
    try:
        yield page
    finally:
        await page.close()
        await get_channel_layer().flush()


def _in_a_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(scenario)()


def test_a_page_gets_a_snapshot_first_and_every_frame_after_it(trader: User) -> None:
    bot = _make_bot(trader)
    expected = state_data(BotState.objects.select_related("bot").get(pk=bot.pk))

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            snapshot = await page.frame()
            assert set(snapshot) == {"type", "seq", "at", "bot_id", "data"}
            assert (snapshot["type"], snapshot["seq"]) == ("bot.state", 0)
            assert (snapshot["bot_id"], snapshot["data"]) == (bot.pk, expected)
            for number, kind in enumerate(["bot.state", "bot.trade", "bot.kline"], start=1):
                seq = await sync_to_async(_publish)(bot, kind, {"n": number})
                frame = await page.frame()
                assert seq == number
                assert (frame["type"], frame["seq"], frame["data"]) == (kind, seq, {"n": number})

    _in_a_loop(scenario)


def test_a_snapshot_carries_the_number_of_the_last_frame(trader: User) -> None:
    bot = _make_bot(trader)
    for _ in range(3):
        _publish(bot, "bot.state", {})

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            assert (await page.frame())["seq"] == 3

    _in_a_loop(scenario)


def test_the_dashboard_hears_all_bots_of_its_user_and_no_others(
    trader: User, stranger: User
) -> None:
    bots = [_make_bot(trader, name) for name in ("A", "B")]
    foreign = _make_bot(stranger)

    async def scenario() -> None:
        async with _socket("/ws/dashboard/", trader) as page:
            snapshots = [await page.frame() for _ in bots]
            assert [frame["bot_id"] for frame in snapshots] == [bot.pk for bot in bots]
            await sync_to_async(_publish)(foreign, "bot.state", {})
            await sync_to_async(_publish)(bots[0], "bot.kline", {})  # for charts alone
            await sync_to_async(_publish)(bots[1], "bot.trade", {"id": 1})
            frame = await page.frame()
            assert (frame["type"], frame["bot_id"]) == ("bot.trade", bots[1].pk)
            assert await page.hears_nothing()

    _in_a_loop(scenario)


def _close_code(path: str, user: User | AnonymousUser) -> int:
    codes: list[int] = []

    async def scenario() -> None:
        async with _socket(path, user) as page:
            message = await page.message()
            assert message["type"] == "websocket.close"
            codes.append(message["code"])

    _in_a_loop(scenario)
    return codes[0]


def test_nobody_hears_anything_without_signing_in(trader: User) -> None:
    bot = _make_bot(trader)
    assert _close_code(f"/ws/bots/{bot.pk}/", AnonymousUser()) == NOT_SIGNED_IN
    assert _close_code("/ws/dashboard/", AnonymousUser()) == NOT_SIGNED_IN


def test_a_stranger_learns_only_that_there_is_nothing(trader: User, stranger: User) -> None:
    bot = _make_bot(trader)
    assert _close_code(f"/ws/bots/{bot.pk}/", stranger) == NOT_FOUND
    assert _close_code(f"/ws/bots/{bot.pk + 1}/", stranger) == NOT_FOUND


def test_an_address_that_does_not_exist_is_refused_before_it_opens(trader: User) -> None:
    async def scenario() -> None:
        page = Page("/ws/none/", trader)
        answer = await page.knock()
        assert answer == {"type": "websocket.close", "code": NOT_FOUND}

    _in_a_loop(scenario)


def test_staff_may_watch_a_bot_of_somebody_else(trader: User, stranger: User) -> None:
    bot = _make_bot(trader)
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    stranger.refresh_from_db()

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", stranger) as page:
            assert (await page.frame())["bot_id"] == bot.pk

    _in_a_loop(scenario)


def test_what_a_page_says_is_ignored(trader: User) -> None:
    bot = _make_bot(trader)

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            await page.frame()
            await page.say(text="{not json")
            await page.say(bytes=b"\x00")
            await sync_to_async(_publish)(bot, "bot.state", {"still": "here"})
            assert (await page.frame())["data"] == {"still": "here"}

    _in_a_loop(scenario)


# How old the data are


def _bot_with_prices(owner: User, name: str = "Priced") -> BotConfig:
    bot = BotConfig(
        user=owner, name=name, symbol="BTCUSDT", timeframe="5m",
        position_size_fixed=Decimal(100), api_key=stored_key(owner),
    )  # fmt: skip
    created = create_bot(bot, actor=owner)
    read_by_request(created, seen_at=timezone.now())
    return created


async def _until(page: Page, kind: str) -> dict[str, Any]:
    while (frame := await page.frame())["type"] != kind:
        pass
    return frame


@pytest.mark.usefixtures("clean_redis")
def test_a_bot_page_is_told_how_old_its_prices_are_and_hears_the_running_kline(
    trader: User,
) -> None:
    bot = _bot_with_prices(trader)
    _publish(bot, "bot.state", {})
    series = series_of(bot)
    assert series is not None

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            assert (await page.frame())["type"] == "bot.state"  # the snapshot comes first
            klines, age = await page.frame(), await page.frame()
            assert set(age) == {"type", "seq", "at", "bot_id", "data"}
            assert (klines["type"], klines["seq"]) == ("feed.kline", 1)
            assert (age["type"], age["seq"], age["bot_id"]) == ("feed.age", 1, bot.pk)
            assert age["data"]["source"] == "request"
            moved = kline(2, is_closed=False, close="104321.25")
            await sync_to_async(heard_by_stream)(series, moved, seen_at=timezone.now())
            frame = await _until(page, "feed.kline")
            assert frame["data"]["klines"][-1]["close"] == "104321.25"

    _in_a_loop(scenario)


@pytest.mark.usefixtures("clean_redis")
def test_such_frames_carry_the_number_of_the_newest_change_and_take_none(trader: User) -> None:
    bot = _bot_with_prices(trader)

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            assert (await _until(page, "feed.age"))["seq"] == 0
            assert await sync_to_async(_publish)(bot, "bot.state", {}) == 1
            assert (await _until(page, "bot.state"))["seq"] == 1
            await sync_to_async(read_by_request)(bot, seen_at=timezone.now())
            assert (await _until(page, "feed.age"))["seq"] == 1
            assert await sync_to_async(_publish)(bot, "bot.state", {}) == 2

    _in_a_loop(scenario)


@pytest.mark.usefixtures("clean_redis")
def test_the_overview_hears_ages_and_no_klines(trader: User, stranger: User) -> None:
    bot, _ = _bot_with_prices(trader), _bot_with_prices(stranger)

    async def scenario() -> None:
        async with _socket("/ws/dashboard/", trader) as page:
            assert (await page.frame())["type"] == "bot.state"
            age = await page.frame()
            assert (age["type"], age["bot_id"]) == ("feed.age", bot.pk)
            assert await page.hears_nothing()  # nothing of the stranger's, nothing twice

    _in_a_loop(scenario)


@pytest.mark.usefixtures("clean_redis")
def test_a_page_that_has_gone_leaves_no_watch_behind(trader: User) -> None:
    bot = _bot_with_prices(trader)

    async def scenario() -> None:
        before = asyncio.all_tasks()
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            await _until(page, "feed.age")
            assert any("_keep_watch" in repr(task) for task in asyncio.all_tasks() - before)
        assert not any("_keep_watch" in repr(task) for task in asyncio.all_tasks())

    _in_a_loop(scenario)


def test_without_redis_for_the_ages_the_socket_goes_on_and_says_so_once(
    trader: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bot, is_away = _make_bot(trader), [True]
    monkeypatch.setattr(BotConsumer, "watch_every", 0.01)

    def look(*_: Any) -> list[Any]:
        if is_away[0]:
            raise redis.ConnectionError
        return []

    monkeypatch.setattr(ChartWatch, "look", look)

    async def scenario() -> None:
        async with _socket(f"/ws/bots/{bot.pk}/", trader) as page:
            await page.frame()
            assert await page.hears_nothing()
            await sync_to_async(_publish)(bot, "bot.state", {"still": "here"})
            assert (await page.frame())["data"] == {"still": "here"}
            is_away[0] = False
            await asyncio.sleep(0.1)

    with caplog.at_level("INFO"):
        _in_a_loop(scenario)
    assert caplog.text.count("how old their prices are, is away") == 1
    assert caplog.text.count("how old their prices are, is back") == 1


@pytest.mark.usefixtures("clean_redis")
def test_a_bot_that_is_made_while_the_overview_is_open_is_told_about_too(
    trader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bot_with_prices(trader)
    monkeypatch.setattr("bots.consumers.BOTS_READ_EVERY", 0.05)
    monkeypatch.setattr(DashboardConsumer, "watch_every", 0.05)

    async def scenario() -> None:
        async with _socket("/ws/dashboard/", trader) as page:
            await _until(page, "feed.age")
            other = await sync_to_async(_bot_with_prices)(trader, "Second")
            frame = await _until(page, "feed.age")
            while frame["bot_id"] != other.pk:
                frame = await _until(page, "feed.age")

    _in_a_loop(scenario)
