"""The market feed: from what is in use to streams, and from streams to what all others read."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, ParamSpec

import redis
from django.db import Error as DatabaseError
from django.db import close_old_connections

from exchange.domain.streams import AccountEvent, AccountEventKind, Series
from exchange.domain.types import Environment, Market
from exchange.feed.accounts import AccountFeed
from exchange.feed.announcing import AccountNews, encode
from exchange.feed.filling import Found, fill
from exchange.feed.hands import Hands, stop_all
from exchange.feed.inbox import Inbox, Letter, Place
from exchange.feed.market import MarketFeed
from exchange.feed.settings import DEFAULT_SETTINGS, FeedSettings
from exchange.feed.wanted import AccountLine, Wanted
from exchange.feed.writer import Writer, Written
from exchange.market_data import (
    FeedStatus,
    SeriesStore,
    account_link,
    market_link,
    market_time,
    names,
    write_feed_statuses,
)
from exchange.market_data.connection import connection

logger = logging.getLogger(__name__)

P = ParamSpec("P")

_HANDS: Final = 2
_LEAVING_SECONDS: Final = 1.0


async def run_feed(
    wanted: Callable[[], Wanted],
    *,
    on_ready: Callable[[], None],
    settings: FeedSettings = DEFAULT_SETTINGS,
) -> None:
    """Keep everything in use up to date until canceled.

    wanted     what is in use; called in a thread every few seconds, may raise DatabaseError
    on_ready   called once: everything is listened to, or some of it could not be in time
    """
    await Feed(wanted, on_ready=on_ready, settings=settings).run()


class Feed:
    """All that one process listens to."""

    def __init__(
        self,
        wanted: Callable[[], Wanted],
        *,
        on_ready: Callable[[], None],
        settings: FeedSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._wanted = wanted
        self._on_ready = on_ready
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._group = asyncio.TaskGroup()
        # Of each market its own: a venue that hangs must not hold up another one, nor its accounts.
        self._rest: dict[Place, Hands] = {}
        self._signed: dict[Place, Hands] = {}
        self._looking = Hands("feed-looking", count=1)  # at the database, which may hang
        self._books = Hands("feed-books", count=1)  # Redis, which answers soon
        self._inbox = Inbox(calm_seconds=settings.calm_seconds)
        self._store = SeriesStore()
        self._markets: dict[Place, tuple[MarketFeed, asyncio.Task[None]]] = {}
        self._accounts: dict[AccountLine, tuple[AccountFeed, asyncio.Task[None]]] = {}
        self._told: frozenset[tuple[str, bool, str]] = frozenset()
        self._writer = Writer(
            self._inbox,
            self._store,
            connection(),
            on_written=self._on_written,
            on_back=self._on_back,
        )
        self._is_ready = False
        self._has_wanted = False
        self._cannot_look = False

    async def run(self) -> None:
        """Serve until canceled; what ends a part ends the whole."""
        writing = threading.Thread(target=self._write, name="feed-writer", daemon=True)
        writing.start()
        try:
            async with self._group:
                self._group.create_task(self._follow())
                self._group.create_task(self._read_clocks())
                self._group.create_task(self._report())
                self._group.create_task(self._get_ready())
        finally:
            self._writer.stop()
            writing.join(_LEAVING_SECONDS)
            stop_all(
                (self._looking, self._books, *self._rest.values(), *self._signed.values()),
                patience=_LEAVING_SECONDS,
            )

    async def _follow(self) -> None:
        while True:
            try:
                wanted = await self._looking.do(_look, self._wanted)
            except DatabaseError as error:
                if not self._cannot_look:
                    logger.warning("what is in use cannot be read: %s", _first_line(error))
                self._cannot_look = True
            else:
                if self._cannot_look:
                    logger.info("what is in use can be read again")
                self._cannot_look = False
                self._serve(wanted)
            await asyncio.sleep(self._settings.wanted_seconds)

    def _serve(self, wanted: Wanted) -> None:
        for place in self._markets.keys() - wanted.places:
            market, task = self._markets.pop(place)
            market.want([])
            task.cancel()
        for line in self._accounts.keys() - wanted.accounts:
            logger.info("%s: let go", line)
            self._accounts.pop(line)[1].cancel()
        for place in sorted(wanted.places):
            if place not in self._markets:
                self._add_market(*place)
            self._markets[place][0].want(wanted.series_of(*place))
        for line in sorted(wanted.accounts - self._accounts.keys()):
            self._add_account(line)
        self._has_wanted = True

    def _add_market(self, environment: Environment, market: Market) -> None:
        feed = MarketFeed(
            environment, market, inbox=self._inbox, fill=self._fill, settings=self._settings
        )
        task = self._group.create_task(feed.run(), name=f"feed of {feed}")
        self._markets[environment, market] = (feed, task)

    def _add_account(self, line: AccountLine) -> None:
        hands = self._hands_of(self._signed, "account", (line.environment, line.market), count=1)
        feed = AccountFeed(line, hands=hands, tell=self._tell, settings=self._settings)
        task = self._group.create_task(feed.run(), name=f"feed of {line}")
        self._accounts[line] = (feed, task)

    async def _fill(self, series: Series, known: datetime | None) -> Found:
        place = (series.environment, series.market)
        return await self._hands_of(self._rest, "rest", place, count=_HANDS).do(
            fill, self._store, series, market_time=known, count=self._settings.first_klines
        )

    def _hands_of(self, room: dict[Place, Hands], name: str, place: Place, *, count: int) -> Hands:
        if place not in room:
            room[place] = Hands(f"feed-{name}-{place[0]}-{place[1]}", count=count)
        return room[place]

    def _tell(self, news: AccountNews) -> None:
        self._inbox.post(Letter(names.account_channel(), encode(news)))

    def _write(self) -> None:
        try:
            self._writer.run()
        except Exception as error:  # noqa: BLE001  # ends the process, with its words
            self._from_thread(self._fail, error)

    def _from_thread(self, do: Callable[P, None], *args: P.args, **_: P.kwargs) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(do, *args)

    def _fail(self, error: BaseException) -> None:
        async def fail() -> None:
            raise RuntimeError("the feed cannot write any more") from error

        self._group.create_task(fail())

    def _on_written(self, written: Written) -> None:
        series = written.series
        served = self._markets.get((series.environment, series.market))
        if served and served[0].cares_about(written):
            self._from_thread(served[0].on_trouble, written)

    def _on_back(self) -> None:
        self._from_thread(self._tell_all_to_look)

    def _tell_all_to_look(self) -> None:
        for line in self._accounts:
            self._tell(
                AccountNews(
                    account_id=line.account_id,
                    environment=line.environment,
                    market=line.market,
                    event=AccountEvent(kind=AccountEventKind.RESYNC),
                )
            )

    async def _read_clocks(self) -> None:
        while True:
            await asyncio.sleep(self._settings.clock_seconds)
            for place, (market, _) in list(self._markets.items()):
                try:
                    market.note_other_time(await self._books.do(market_time, *place))
                except redis.RedisError:
                    market.note_other_time(None)

    async def _report(self) -> None:
        reported_at = -self._settings.status_seconds
        while True:
            statuses = self._statuses()
            told = frozenset((name, one.up, one.reason) for name, one in statuses.items())
            now = self._loop.time()
            if told != self._told or now - reported_at >= self._settings.status_seconds:
                self._told, reported_at = told, now
                await self._write_statuses(statuses)
            await asyncio.sleep(self._settings.look_seconds)

    async def _write_statuses(self, statuses: dict[str, FeedStatus]) -> None:
        try:
            await self._books.do(write_feed_statuses, statuses)
        except redis.RedisError as error:
            logger.debug("statuses were not written: %s", type(error).__name__)

    def _statuses(self) -> dict[str, FeedStatus]:
        markets = {market_link(*place): feed.status() for place, (feed, _) in self._markets.items()}
        accounts = {
            account_link(line.account_id, line.market): feed.status()
            for line, (feed, _) in self._accounts.items()
        }
        return markets | accounts

    async def _get_ready(self) -> None:
        until = self._loop.time() + self._settings.ready_seconds
        while self._loop.time() < until and not self._is_complete():
            await asyncio.sleep(self._settings.look_seconds)
        self._on_ready()

    def _is_complete(self) -> bool:
        return (
            self._has_wanted
            and all(market.is_ready for market, _ in self._markets.values())
            and all(account.is_up for account, _ in self._accounts.values())
        )


def _look(wanted: Callable[[], Wanted]) -> Wanted:
    close_old_connections()
    return wanted()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
