"""A venue that does anything at all; afterwards all that is wanted is told, and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from exchange.binance.streams.tests.venue import Venue, a_while, running, until, venue
from exchange.binance.streams.tests.watching import Watched, kline_event
from exchange.domain.streams import KlineStream

STREAMS = [
    KlineStream(f"{letter}USDT", interval) for letter in "ABCDE" for interval in ("1m", "1h")
]
SHUTDOWN = {"e": "serverShutdown", "E": 1}


class MadVenue:
    """Misbehaves by chance until it is calm."""

    def __init__(self, place: Venue, dice: random.Random) -> None:
        self._place, self._dice = place, dice
        self.is_calm = False
        place.answers = self._answer

    def _answer(self, asked: dict[str, Any]) -> Any:
        if not self.is_calm and self._dice.random() < 0.2:
            return self._dice.choice([None, {"id": asked["id"], "error": {"code": 2}}, {"id": -1}])
        return {"result": None, "id": asked["id"]}

    async def misbehave(self) -> None:
        """Do one thing that a venue should not do, or that it may."""
        deeds: list[Callable[[], Any]] = [
            self._place.cut,
            self._place.freeze,
            lambda: self._place.tell(SHUTDOWN),
            lambda: self._place.tell("nonsense"),
            lambda: self._place.tell(kline_event(self._dice.choice(STREAMS))),
            self._refuse,
            self._welcome,
        ]
        done = self._dice.choice(deeds)()
        if done is not None:
            await done

    def _refuse(self) -> None:
        self._place.refusal = (503, {})

    def _welcome(self) -> None:
        self._place.refusal = None


def heard(watched: Watched, since: int) -> set[KlineStream]:
    return {update.stream for update in watched.klines[since:]}


@pytest.mark.parametrize("seed", range(6))
def test_after_any_chaos_all_that_is_wanted_is_told_and_nothing_else(seed: int) -> None:
    dice = random.Random(seed)

    async def story() -> None:
        async with venue() as place:
            mad = MadVenue(place, dice)
            watched = Watched(
                place,
                streams_per_connection=4,
                names_per_message=3,
                reply_seconds=0.1,
                ping_seconds=0.1,
                pong_seconds=0.3,
                healthy_seconds=0.05,
                refused_again_seconds=0.05,
                first_refused_delay=0.01,
                longest_refused_delay=0.02,
            )
            async with running(watched.stream):
                for _ in range(60):
                    watched.stream.want(dice.sample(STREAMS, dice.randrange(len(STREAMS) + 1)))
                    await mad.misbehave()
                    if dice.random() < 0.1:
                        watched.stream.reconnect("by chance")
                    await asyncio.sleep(dice.random() * 0.01)
                mad.is_calm, place.refusal = True, None
                wanted = STREAMS[:7]
                names = {f"{one.symbol.lower()}@kline_{one.interval}" for one in wanted}
                watched.stream.want(wanted)
                await until(lambda: watched.stream.is_up and names <= set(place.subscribed))
                told = len(watched.klines)
                for stream in STREAMS:
                    await place.tell(kline_event(stream))
                await until(lambda: heard(watched, told) == set(wanted))
                await a_while(0.02)
                assert heard(watched, told) == set(wanted)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())
