"""How old what the pages show is, and where it comes from.

All times here are wall time: prices of two minutes ago are two minutes old at any speed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis
from django.utils import timezone

from bots.models import BotConfig
from exchange.domain.streams import Series
from exchange.domain.types import Environment, Market
from exchange.market_data.feed import FeedStatus, account_link, feed_statuses, market_link
from exchange.market_data.store import Cached, Seen, SeriesStore, Source

logger = logging.getLogger(__name__)

A_DAY: Final = timedelta(days=1)
SOURCE_WORDS: Final = {Source.STREAM: "by stream", Source.REQUEST: "by request"}
NO_FEED: Final = "No market feed runs: prices and account events come by request, at every tick."


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The age and the source of what a bot's page shows.

    seen_at          when the newest prices of the bot's series were seen, None: nobody has looked
    source           by what they came
    market_time      of the newest of them
    prices_up        whether the price stream is up, None when no feed runs
    account_up       whether the account's events are heard, None when nobody listens
    account_words    how what happens to the account is noticed, in a few words
    note             what is not as usual, a sentence for the person; empty when nothing is
    """

    seen_at: datetime | None = None
    source: Source | None = None
    market_time: datetime | None = None
    prices_up: bool | None = None
    account_up: bool | None = None
    account_words: str = ""
    note: str = ""

    @property
    def source_words(self) -> str:
        """Say where the prices come from."""
        return SOURCE_WORDS[self.source] if self.source else ""

    @property
    def data(self) -> dict[str, Any]:
        """Return the freshness as JSON, the data of a `feed.age` frame."""
        return {
            "prices_seen_at": self.seen_at.isoformat() if self.seen_at else None,
            "source": self.source,
            "market_time": self.market_time.isoformat() if self.market_time else None,
            "prices_up": self.prices_up,
            "account_up": self.account_up,
            "account_words": self.account_words,
            "note": self.note,
        }


def series_of(bot: BotConfig) -> Series | None:
    """Return the klines that the bot looks at; None without a key, which names the venue."""
    if bot.api_key is None:
        return None
    environment, market = Environment(bot.api_key.environment), Market(bot.position_type)
    return Series(environment, market, bot.symbol, bot.timeframe)


def freshness_of(bots: Iterable[BotConfig]) -> dict[int, Freshness]:
    """Return the freshness of each bot by its id. redis.RedisError passes."""
    series = {bot: one for bot in bots if (one := series_of(bot)) is not None}
    if not series:
        return {}
    seen, statuses = SeriesStore().ages(sorted(set(series.values()))), feed_statuses()
    return {bot.pk: compose(bot, seen.get(one), statuses) for bot, one in series.items()}


def freshness_if_known(bots: Iterable[BotConfig]) -> dict[int, Freshness]:
    """Return the same for a page, which has to appear without Redis too: nothing is known then."""
    try:
        return freshness_of(bots)
    except redis.RedisError as error:
        logger.warning("a page cannot tell how old its prices are: %s", error)
        return {}


def compose(
    bot: BotConfig, seen: Seen | Cached | None, statuses: Mapping[str, FeedStatus]
) -> Freshness:
    """Say how fresh a bot's data are, from its series and from what the feed says of itself."""
    prices, account = _links(bot, statuses)
    return Freshness(
        seen_at=seen.seen_at if seen else None,
        source=_source(seen, prices),
        market_time=seen.market_time if seen else None,
        prices_up=prices.up if prices else None,
        account_up=account.up if account else None,
        account_words=_account_words(account),
        note=_note(prices, account),
    )


def _links(
    bot: BotConfig, statuses: Mapping[str, FeedStatus]
) -> tuple[FeedStatus | None, FeedStatus | None]:
    if bot.api_key is None:
        return None, None
    environment, market = Environment(bot.api_key.environment), Market(bot.position_type)
    account = account_link(bot.api_key.account_id, market)
    return statuses.get(market_link(environment, market)), statuses.get(account)


def _source(seen: Seen | Cached | None, prices: FeedStatus | None) -> Source | None:
    if seen is None:
        return None
    # What a stream said before it went down is not where the next price comes from.
    return seen.source if prices and prices.up else Source.REQUEST


def _account_words(account: FeedStatus | None) -> str:
    if account is None or not account.up:
        return "by request, at every tick"
    return f"by stream since {_moment(account.since)}"


def _note(prices: FeedStatus | None, account: FeedStatus | None) -> str:
    if prices is None and account is None:
        return NO_FEED
    down = {
        what: link
        for what, link in (("Prices", prices), ("Account events", account))
        if link is not None and not link.up
    }
    if not down:
        return ""
    if len(down) > 1 and len({link.reason for link in down.values()}) == 1:
        oldest = min(down.values(), key=lambda link: link.since)
        return (
            f"Prices and account events come by request; their streams are down {_since(oldest)}."
        )
    return " ".join(
        f"{what} come by request; their stream is down {_since(link)}."
        for what, link in down.items()
    )


def _since(link: FeedStatus) -> str:
    reason = f" ({link.reason.rstrip('.')})" if link.reason else ""
    return f"since {_moment(link.since)}{reason}"


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    day = "" if timezone.now() - moment < A_DAY else f"{utc.day} {utc:%b} "
    return f"{day}{utc:%H:%M} UTC"
