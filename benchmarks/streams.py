"""How long it takes from a kline's close to its bots: at real time, and sixty times as fast.

    python benchmarks/streams.py [--bots 20] [--slow 5] [--fast 150]

Starts a whole installation on a data directory of its own and drives it as a user would: bots on
two symbols that have nothing to do but closed klines. A close is a moment of the demo exchange's
clock; *cached* is when the feed has stored the kline and announced it, *tick* when the worker that
ticks a bot on it has begun. Requests for klines are counted at the exchange. Prints the rows of
docs/measurements.md: the named limit is what a poll of once a second costs on average, and the
floor a message through Redis alone.

--slow   wall minutes at real time, on klines of one minute
--fast   wall seconds at sixty times real time, on klines of fifteen minutes: on shorter ones the
         venue's request weight, which counts wall minutes, would hold twenty bots back
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.venue_process import ROOT, calibrate

GIVEN_BY_OTHERS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "DEMO_EXCHANGE_PORT")
POLL_MEAN_MS = 500.0  # what is looked at once a second has waited half of one on average
ECHOES = 2_000
SETTLE_SECONDS = 15
KLINE_MS = {"1m": 60_000, "15m": 900_000}
# As every tick saves its state: when it began, and the newest kline that it has decided on.
NOTES = """
CREATE TABLE bench_tick (bot_id bigint, started_at timestamptz, kline timestamptz);
CREATE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO bench_tick VALUES (NEW.bot_id, NEW.last_run_at, NEW.last_seen_kline);
  RETURN NEW;
END $$;
CREATE TRIGGER bench_note AFTER UPDATE ON bots_botstate FOR EACH ROW
WHEN (NEW.last_run_at IS DISTINCT FROM OLD.last_run_at) EXECUTE FUNCTION bench_note();
"""
FIRST_TICKS = """
SELECT bot_id, extract(epoch FROM kline) * 1000, extract(epoch FROM min(started_at)) * 1000
FROM bench_tick WHERE bot_id = ANY(%s) AND kline IS NOT NULL GROUP BY bot_id, kline
"""
MAKE_BOTS = """
from decimal import Decimal
from bots.models import BotConfig
from bots.services import create_bot, start_bot, stop_bot
from exchange.models import APIKey
for bot in BotConfig.objects.filter(is_active=True):
    stop_bot(bot_id=bot.pk, actor=None)
key, made = APIKey.objects.get(label="Demo exchange"), []
for number in range({bots}):
    bot = BotConfig(user=key.owner, api_key=key, name=f"{timeframe} bench {{number}}",
        symbol=("BTCUSDT", "ETHUSDT")[number % 2], timeframe="{timeframe}", strategy="ema",
        check_interval_seconds=86_400, initial_capital=Decimal(100), max_daily_trades=1,
        position_size_fixed=Decimal(10))
    bot.full_clean()
    made.append(create_bot(bot, actor=None).pk)
    start_bot(bot_id=made[-1], actor=None)
print("made", made)
"""


@dataclass
class Installation:
    """One `./tradebotctl up`."""

    data: Path
    announced: dict[tuple[str, str, int], float] = field(default_factory=dict)

    def control(self, command: str, *arguments: str) -> str:
        """Run the front door on the data directory."""
        done = subprocess.run(
            [sys.executable, ROOT / "tradebotctl", command, "--data-dir", self.data, *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={name: value for name, value in os.environ.items() if name not in GIVEN_BY_OTHERS},
        )
        return done.stdout

    @property
    def ports(self) -> dict[str, int]:
        """Return where its services listen."""
        found: dict[str, int] = json.loads((self.data / "run.json").read_text())["ports"]
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """Return its generated passwords."""
        found: dict[str, str] = json.loads((self.data / "secrets.json").read_text())
        return found

    def exchange(self, method: str, path: str, body: Any = None) -> Any:
        """Ask a control path of the demo exchange."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['demo_exchange']}/_control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return json.load(reply)

    def database(self) -> psycopg.Connection[Any]:
        """Connect to its PostgreSQL."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.ports["postgres"],
            user="postgres",
            password=self.secrets["postgres_password"],
            dbname="tradebot",
            autocommit=True,
        )

    def redis(self) -> Any:
        """Connect to its Valkey."""
        password = self.secrets["valkey_password"]
        return redis.Redis(host="127.0.0.1", port=self.ports["valkey"], password=password)

    def listen(self) -> None:
        """Note from now on when which kline was announced as cached, in a thread."""
        channel = self.redis().pubsub()
        channel.psubscribe("tradebot:*:closed")

        def note() -> None:
            for message in channel.listen():
                if message["type"] == "pmessage":
                    item = json.loads(message["data"])
                    place = item["symbol"], item["interval"], item["open_time"]
                    self.announced.setdefault(place, item["stored_at"])

        threading.Thread(target=note, daemon=True).start()


@dataclass(frozen=True)
class Clock:
    """The exchange's clock: wall time in ms at which it showed some market time, and its speed."""

    wall_ms: float
    market_ms: int
    speed: float

    @classmethod
    def of(cls, installation: Installation) -> Clock:
        """Read it, between two looks at our own."""
        before = time.time()
        shown = installation.exchange("GET", "clock")
        return cls((before + time.time()) * 500, shown["market_time_ms"], shown["speed"])

    def wall_of(self, market_ms: float) -> float:
        """Return when the clock reaches a market time, wall time in ms."""
        return self.wall_ms + (market_ms - self.market_ms) / self.speed


def main() -> int:
    """Measure and print."""
    options = _options()
    calibration = calibrate()
    with _running() as installation:
        floor = _floor(installation.redis())
        installation.listen()
        with installation.database() as database:
            database.execute(NOTES)
        rows = [
            *_measured(installation, options.bots, 1.0, "1m", options.slow * 60),
            *_measured(installation, options.bots, 60.0, "15m", options.fast),
        ]
    head = [
        "| what | samples | p50 | p99 | p50 : a poll every second |",
        "|---|---|---|---|---|",
        f"| calibration loop | | {calibration:.2f} s | | |",
        f"| floor: a message through Redis | {ECHOES} | {_cells(floor)} |",
    ]
    sys.stdout.write("\n".join([*head, *rows]) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bots", type=int, default=20)
    parser.add_argument("--slow", type=int, default=5, help="wall minutes at real time")
    parser.add_argument("--fast", type=int, default=150, help="wall seconds at sixty times")
    return parser.parse_args()


@contextmanager
def _running() -> Iterator[Installation]:
    where = Path(tempfile.mkdtemp(prefix="bench-"))
    installation = Installation(where / "data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        installation.control("up", "--port", str(port), "--detach")
        yield installation
    finally:
        installation.control("down")
        shutil.rmtree(where, ignore_errors=True)


def _floor(connection: Any) -> list[float]:
    echo = connection.pubsub()
    echo.subscribe("bench")
    echo.get_message(timeout=1)
    found = []
    for _ in range(ECHOES):
        started = time.perf_counter()
        connection.publish("bench", b"x")
        echo.get_message(timeout=1)
        found.append((time.perf_counter() - started) * 1000)
    return found


def _measured(
    installation: Installation, bots: int, speed: float, timeframe: str, seconds: float
) -> Iterator[str]:
    installation.exchange("POST", "clock", {"speed": speed})
    script = MAKE_BOTS.format(bots=bots, timeframe=timeframe)
    printed = installation.control("manage", "shell", "-c", script)
    made = json.loads(printed.rpartition("made ")[2])
    time.sleep(SETTLE_SECONDS)
    asked = _kline_requests(installation)
    began, clock = time.time() * 1000, Clock.of(installation)
    time.sleep(seconds)
    ended = time.time() * 1000 - 1000  # whose tick had no time to end is left out
    asked = _kline_requests(installation) - asked
    closes = {
        open_ms: wall
        for _, interval, open_ms in installation.announced
        if interval == timeframe
        and began <= (wall := clock.wall_of(open_ms + KLINE_MS[timeframe])) < ended
    }
    cached = [
        stored - closes[open_ms]
        for (_, interval, open_ms), stored in installation.announced.items()
        if interval == timeframe and open_ms in closes
    ]
    with installation.database() as database:
        ticks = database.execute(FIRST_TICKS, [made]).fetchall()
    begun = [
        float(started) - closes[int(kline)] for _, kline, started in ticks if int(kline) in closes
    ]
    missed = len(closes) * bots - len(begun)
    name = f"speed {speed:.0f}, {bots} bots on {timeframe}"
    yield f"| {name}: close → cached | {len(cached)} | {_cells(cached)} |"
    yield f"| {name}: close → tick | {len(begun)} | {_cells(begun)} |"
    yield f"| {name}: first tick of a close | {len(closes)} | {_cells(_firsts(ticks, closes))} |"
    yield f"| {name}: kline requests; closes that a bot slept through | {asked}; {missed} | | | |"


def _firsts(ticks: list[tuple[Any, ...]], closes: dict[int, float]) -> list[float]:
    first: dict[int, float] = {}
    for _, kline, started in ticks:
        open_ms = int(kline)
        if open_ms in closes:
            first[open_ms] = min(first.get(open_ms, float(started)), float(started))
    return [started - closes[open_ms] for open_ms, started in first.items()]


def _kline_requests(installation: Installation) -> int:
    """Count from now on: a fault that delays by nothing tells how often it was met."""
    faults = installation.exchange("GET", "faults")
    counters = [one for one in faults if one["endpoint"].endswith("klines")]
    if not counters:
        body = {"action": "delay", "seconds": 0, "times": None}
        endpoints = ("GET /api/v3/klines", "GET /fapi/v1/klines")
        installation.exchange("POST", "faults", [{"endpoint": one} | body for one in endpoints])
    return sum(int(one["hits"]) for one in counters)


def _cells(found: list[float]) -> str:
    if len(found) < 2:  # noqa: PLR2004 - nothing to rank
        return "– | – | –"
    p50, p99 = statistics.median(found), statistics.quantiles(found, n=100)[98]
    return f"{p50:.2f} ms | {p99:.2f} ms | {p50 / POLL_MEAN_MS:.4f} ×"


if __name__ == "__main__":
    sys.exit(main())
