"""The chain from the venue's streams to a tick: a market feed, the dispatcher's ears, its hints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.utils import timezone

from bots.dispatch import pending
from bots.dispatch.ears import Ears
from bots.dispatch.pending import PendingHints
from bots.tasks import run_bot_task
from bots.tests.faults.stage import SYMBOL, Stage, until
from exchange.domain.streams import AccountEventKind, Series
from exchange.domain.types import Environment, Market
from exchange.feed.announcing import AccountNews
from exchange.feed.tests.running import RunningFeed
from exchange.feed.wanted import AccountLine, Wanted

SILENCE: Final = 0.2  # wall seconds in which something would have been heard


class Listener:
    """What a dispatcher does about account events, step by step. `news` is all that was heard."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._ears = Ears()
        self.hints = PendingHints()
        self.news: list[AccountNews] = []

    def __enter__(self) -> Listener:
        self._ears.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._ears.close()

    def hear(self, seconds: float = 0.05) -> list[AccountNews]:
        """Listen for a moment; return what was there."""
        news = self._ears.listen(seconds).news
        self.hints.note(news, heard_at=timezone.now())
        self.news += news
        return news

    def open_anew(self) -> None:
        """Subscribe again after the connection was lost."""
        self._ears.open()

    def wait_for(self, kind: AccountEventKind) -> None:
        """Listen until an event of that kind has been heard."""
        until(lambda: self.hear() and kind in [one.event.kind for one in self.news])

    def forget(self) -> None:
        """Leave unlooked at what was heard so far."""
        self.hints = PendingHints()
        self.news = []

    def claims(self) -> list[int]:
        """Claim what the hints have made due; whoever claims and dies ticks nobody."""
        return [claim.bot_id for claim in self.hints.claim()]

    def tick(self) -> int:
        """Listen for a moment and tick whom hints have made due; return how many."""
        self.hear()
        bots = self.claims()
        self._stage.answers += [run_bot_task(bot_id) for bot_id in bots]
        return len(bots)

    def stays_quiet(self) -> bool:
        """Say whether nothing makes the bot due for a while, nor waits to do so."""
        self.hear(SILENCE)
        return not self.tick() and not self.hints


@contextmanager
def listening(stage: Stage) -> Iterator[Listener]:
    """Run a market feed for the stage's bot, and lend what listens to it; both are up."""
    stage.patch.setattr(pending, "PAUSE_SECONDS", 0.1)  # instead of a second
    wanted = Wanted(series=frozenset({series_of(stage)}), accounts=frozenset({_line(stage)}))
    with Listener(stage) as listener, RunningFeed(wanted):
        listener.wait_for(AccountEventKind.RESYNC)
        listener.forget()
        yield listener


def series_of(stage: Stage) -> Series:
    """Return the klines that the bot trades on."""
    market = Market(stage.bot.position_type)
    return Series(Environment.DEMO, market, SYMBOL, stage.bot.timeframe)


def _line(stage: Stage) -> AccountLine:
    assert stage.bot.api_key is not None
    return AccountLine(
        environment=Environment.DEMO,
        market=Market(stage.bot.position_type),
        account_id=stage.bot.api_key.account_id,
        api_key_id=stage.bot.api_key.pk,
    )
