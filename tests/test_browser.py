"""Chromium on the real pages: live status without a reload, in both themes and on a phone."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from channels.layers import channel_layers
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection, connections, transaction
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from accounts.models import User
from bots.domain.status import Reason, State, Status
from bots.engine.publishing import publish_state
from bots.feed import publish
from bots.models import BotConfig, BotState
from bots.selectors.bot_view import BotView
from bots.selectors.freshness import series_of
from bots.services import start_bot
from bots.templatetags import figures
from exchange.demo.testing import RunningExchange
from exchange.domain.types import Environment, Kline, Market
from exchange.market_data.feed import (
    FeedStatus,
    account_link,
    market_link,
    write_feed_statuses,
)
from exchange.market_data.store import SeriesStore, Source
from tradebot_site import settings as product_settings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
]
Result = TypeVar("Result")

CHECKOUT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse"
LOOKS: dict[str, tuple[Any, ViewportSize]] = {
    "light": ("light", {"width": 1280, "height": 900}),
    "dark": ("dark", {"width": 1280, "height": 900}),
    "phone": ("light", {"width": 390, "height": 844}),
}


def elsewhere(act: Callable[[], Result]) -> Result:
    """Run `act` in a thread of its own, as a worker would: Playwright's loop owns this one."""

    def act_and_hang_up() -> Result:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(act_and_hang_up).result()


class Web:
    """The web process as in production, on the test's database, Redis and demo exchange."""

    def __init__(self, venue: RunningExchange, static: Path, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = _environment(static) | {"BINANCE_DEMO_SPOT_URL": venue.url}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        command = ["uvicorn", "tradebot_site.asgi:application", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=CHECKOUT, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill it; pages see the connection break."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _environment(static: Path) -> dict[str, str]:
    database = connection.settings_dict
    login = database["USER"]
    if database.get("PASSWORD"):
        login = f"{login}:{database['PASSWORD']}"
    address = f"{database['HOST']}:{database['PORT']}" if database.get("PORT") else database["HOST"]
    return {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}@{address}/{database['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "STATIC_ROOT": str(static),
        "DEBUG": "false",
    }


@pytest.fixture(scope="session")
def static_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect the static files once."""
    static = tmp_path_factory.mktemp("collected")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
        cwd=CHECKOUT,
        env={**os.environ, "STATIC_ROOT": str(static)},
        check=True,
    )
    return static


@pytest.fixture
def same_channels() -> Iterator[None]:
    """Publish where the web process listens: on the test's Redis, under the product's names."""
    configured = product_settings.CHANNEL_LAYERS["default"]
    config = {**configured["CONFIG"], "hosts": [settings.REDIS_URL]}  # type: ignore[dict-item]
    with override_settings(CHANNEL_LAYERS={"default": {**configured, "CONFIG": config}}):
        channel_layers.backends.clear()
        yield
    channel_layers.backends.clear()


@pytest.fixture
def web(
    venue: RunningExchange, same_channels: None, static_files: Path, tmp_path: Path
) -> Iterator[Web]:
    """Run the web process."""
    web = Web(venue, static_files, tmp_path / "web.log")
    web.start()
    yield web
    web.stop()


@pytest.fixture
def can_sign_in(trader: User) -> None:
    """Store the password as production does; the tests' own fast hash is unknown to it."""
    hashed = PBKDF2PasswordHasher().encode(PASSWORD, salt="saltsaltsalt")
    User.objects.filter(pk=trader.pk).update(password=hashed)


@pytest.fixture
def chromium(web: Web, bot: BotConfig, can_sign_in: None) -> Iterator[Browser]:
    """Start the system's Chromium.

    After everything that touches the database, and stopped before it: as long as Playwright
    runs, its event loop occupies this thread, and Django refuses to work beside one.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("No Chromium. Install one (apt-get install chromium), or add -m 'not browser'.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A signed-in page that remembers what went wrong in it."""

    def __init__(self, browser: Browser, web: Web, look: str = "light") -> None:
        scheme, size = LOOKS[look]
        self.look = look
        self.web = web
        self.context = browser.new_context(color_scheme=scheme, viewport=size, base_url=web.url)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.text} {message.location}")

    def sign_in(self) -> None:
        """Sign in as the trader through the form."""
        self.page.goto("/")
        self.page.get_by_label("User name").fill("alice")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.shoot("sign-in")
        self.page.get_by_role("button", name="Sign in").click()
        self.wait_until_live()

    def wait_until_live(self) -> None:
        """Wait for the socket, and mark the page so that a reload would be noticed."""
        self.wait_for_link("live")

    def wait_for_link(self, state: str) -> None:
        """Wait until the top bar says so, and mark the page."""
        expect(self.page.locator("[data-freshness]")).to_have_attribute(
            "data-link", state, timeout=20_000
        )
        self.page.evaluate("window.samePage = true")

    def was_reloaded(self) -> bool:
        """Say whether the page was loaded again since `wait_until_live`."""
        return not self.page.evaluate("window.samePage ?? false")

    def shoot(self, name: str) -> None:
        """Keep a screenshot when SCREENSHOT_DIR says where."""
        directory = os.environ.get("SCREENSHOT_DIR")
        if directory:
            path = Path(directory) / f"{name}-{self.look}.png"
            self.page.screenshot(path=path, full_page=True)

    def scrolls_sideways(self) -> bool:
        """Say whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.fixture
def visit(chromium: Browser, web: Web, bot: BotConfig) -> Iterator[Callable[..., Visit]]:
    """Return a maker of visits; their contexts are closed afterwards."""
    visits: list[Visit] = []

    def make(look: str = "light") -> Visit:
        visits.append(Visit(chromium, web, look))
        visits[-1].sign_in()
        return visits[-1]

    yield make
    for each in visits:
        each.context.close()


def _show(bot: BotConfig, status: Status, **columns: Any) -> None:
    """Change and publish the state as a tick would."""

    def act() -> None:
        with transaction.atomic():
            state = BotState.objects.select_for_update().select_related("bot").get(pk=bot.pk)
            BotConfig.objects.filter(pk=bot.pk).update(is_active=True)
            state.bot.is_active = True
            state.show(status, Environment.DEMO)
            for name, value in columns.items():
                setattr(state, name, value)
            publish_state(state)
            state.save()

    elsewhere(act)


def _publish(bot: BotConfig, kind: Any, data: dict[str, Any]) -> None:
    def act() -> None:
        with transaction.atomic():
            state = BotState.objects.select_related("bot").get(pk=bot.pk)
            publish(state, kind, data)
            state.save()

    elsewhere(act)


HOLDING = {
    "in_position": True,
    "entry_price": Decimal("103900.5"),
    "current_position_size_coins": Decimal("0.0096"),
    "last_price": Decimal("104100.25"),
    "stop_loss_price": Decimal(101822),
    "take_profit_price": Decimal(108056),
    "unrealized_pnl": Decimal("1.92"),
    "daily_pnl": Decimal("-2.5"),
    "last_sentence": "Holds: stop 2.2 % away, target 3.8 % away.",
    "last_run_at": timezone.now(),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_status_change_shows_without_a_reload(
    look: str, visit: Callable[..., Visit], bot: BotConfig
) -> None:
    here = visit(look)
    page = here.page
    expect(page.locator(".chip")).to_have_text("stopped")
    _show(bot, Status(State.RUNNING), **HOLDING)
    expect(page.locator(".chip")).to_have_text("running (demo mode)")
    expect(page.locator('[data-total="in_position"]')).to_have_text("1")
    expect(page.locator('[data-total="daily_pnl"]')).to_have_text("\N{MINUS SIGN}2.50")
    expect(page.get_by_role("button", name="Stop Bitcoin")).to_be_visible()
    assert not here.was_reloaded()
    assert not here.scrolls_sideways()
    here.shoot("overview")

    page.get_by_role("link", name="Bitcoin", exact=True).last.click()
    here.wait_until_live()
    expect(page.locator("[data-chart] canvas").first).to_be_visible()
    expect(page.locator("[data-legend]")).to_contain_text("EMA 21")
    expect(page.locator("[data-chart-note]")).to_be_hidden()
    _show(bot, Status(State.PAUSED, Reason.MAX_DAILY_TRADES), unrealized_pnl=Decimal("3.5"))
    expect(page.locator(".chip")).to_have_text("paused (max_daily_trades reached)")
    expect(page.locator('[data-field="unrealized_pnl"]')).to_have_text("+3.50")
    expect(page.get_by_role("button", name="Resume Bitcoin")).to_be_visible()
    assert not here.was_reloaded()
    assert not here.scrolls_sideways()
    here.shoot("bot")
    assert here.problems == []


def test_start_and_stop_work_without_a_reload(visit: Callable[..., Visit], bot: BotConfig) -> None:
    here = visit()
    here.page.get_by_role("button", name="Start Bitcoin").click()
    expect(here.page.locator(".chip")).to_have_text("pending")
    here.page.get_by_role("button", name="Stop Bitcoin").click()
    expect(here.page.locator(".chip")).to_have_text("stopped")
    expect(here.page.get_by_role("button", name="Start Bitcoin")).to_be_visible()
    assert not here.was_reloaded()
    assert here.problems == []


def test_klines_and_trades_move_the_chart_and_the_history(
    visit: Callable[..., Visit], bot: BotConfig
) -> None:
    here = visit()
    page = here.page
    page.goto(bot.get_absolute_url())
    here.wait_until_live()
    expect(page.locator("[data-legend]")).to_contain_text("EMA 9")
    newest = page.evaluate(
        f"fetch('/bots/{bot.pk}/chart.json').then(a => a.json()).then(c => c.klines.at(-1))"
    )
    begins = datetime.fromtimestamp(newest[0] + 300, tz=UTC)
    kline = {
        "open_time": begins.isoformat(), "open": "104000", "high": "104500.5", "low": "103900",
        "close": "104321.25", "volume": "7", "is_closed": False,
    }  # fmt: skip
    _publish(bot, "bot.kline", {"klines": [kline]})
    expect(page.locator("[data-legend]")).to_contain_text("C 104,321.25")
    trade = {
        "id": 1, "side": "BUY", "price": "104321.25", "reason": "entry_signal",
        "realized_pnl": None, "market_time": begins.isoformat(),
    }  # fmt: skip
    _publish(bot, "bot.trade", trade)
    _publish(bot, "bot.kline", {"klines": [kline | {"close": "104322"}]})
    expect(page.locator("[data-legend-trade]")).to_contain_text("▲ buy 104,321.25 (entry signal)")
    elsewhere(lambda: start_bot(bot_id=bot.pk, actor=None))
    expect(page.locator("#history")).to_contain_text("Started Bitcoin", timeout=10_000)
    assert not here.was_reloaded()
    assert here.problems == []


def test_a_page_comes_back_by_itself_and_catches_up(
    visit: Callable[..., Visit], web: Web, bot: BotConfig
) -> None:
    here = visit()
    web.stop()
    freshness = here.page.locator("[data-freshness]")
    expect(freshness).to_have_attribute("data-link", "down")
    expect(freshness).to_contain_text("reconnecting…")
    _show(bot, Status(State.RUNNING), **HOLDING)  # nobody listens
    web.start()
    expect(freshness).to_have_attribute("data-link", "live", timeout=30_000)
    expect(here.page.locator(".chip")).to_have_text("running (demo mode)")
    assert not here.was_reloaded()


def test_without_its_venue_the_chart_says_so_and_the_page_goes_on(
    visit: Callable[..., Visit], venue: RunningExchange, bot: BotConfig
) -> None:
    here = visit()
    venue.stop()
    here.page.goto(bot.get_absolute_url())
    expect(here.page.locator("[data-chart-note]")).to_contain_text(
        "The venue does not answer", timeout=30_000
    )
    _show(bot, Status(State.ERROR, Reason.PRICE_DATA))
    expect(here.page.locator(".chip")).to_have_text("error (price data)")
    here.shoot("no-venue")


def test_the_browser_writes_and_computes_as_the_server_does(
    visit: Callable[..., Visit], bot: BotConfig
) -> None:
    here = visit()
    page = here.page
    _show(bot, Status(State.RUNNING), **HOLDING)
    values = ["104005.1", "99.5", "0.5", "0.00001234", "12345.678", "0", "-1.25", "0.00961"]
    for name in ("price", "quantity", "money", "signed", "percent"):
        script = f"values => import('/static/js/format.js').then(f => values.map(v => f.{name}(v)))"
        write = getattr(figures, name)
        assert page.evaluate(script, values) == [write(Decimal(value)) for value in values], name
    data = elsewhere(lambda: _view(bot).page_data)
    script = "data => import('/static/js/derive.js').then(d => d.figures(data, data.state))"
    computed = page.evaluate(script, data)
    view = elsewhere(lambda: _view(bot))
    assert computed["equity"] == pytest.approx(float(view.equity))
    assert computed["daily_percent"] == pytest.approx(float(view.daily_percent))
    assert computed["stop_distance"] == pytest.approx(float(view.stop.distance or 0))
    assert computed["target_distance"] == pytest.approx(float(view.target.distance or 0))
    assert view.track is not None
    assert computed["track"]["now"] == pytest.approx(float(view.track["now"]), abs=0.01)
    assert computed["side_word"] == view.side_word


def _prices(bot: BotConfig, *, seconds_ago: float, source: Source, close: str = "104000") -> None:
    """Put three klines there that were seen so many seconds ago."""

    def act() -> None:
        series = series_of(bot)
        assert series is not None
        begins = datetime(2025, 5, 12, 3, 10, tzinfo=UTC)
        klines = [
            Kline(
                open_time=begins + number * series.length,
                close_time=begins + (number + 1) * series.length - timedelta(milliseconds=1),
                open=Decimal(104000),
                high=Decimal(105000),
                low=Decimal(103000),
                close=Decimal(close),
                volume=Decimal(10**6),
                is_closed=number < 2,
            )
            for number in range(3)
        ]
        SeriesStore().fill(
            series,
            klines,
            market_time=begins + 2.5 * series.length,
            seen_at=timezone.now() - timedelta(seconds=seconds_ago),
            source=source,
        )

    elsewhere(act)


def _feed(bot: BotConfig, *, up: bool, reason: str = "") -> None:
    """Let the market feed say how its two connections of the bot do, since ten minutes ago."""
    assert bot.api_key is not None
    link = FeedStatus(
        up=up, since=timezone.now() - timedelta(minutes=10), reason=reason, at=timezone.now()
    )
    account = account_link(bot.api_key.account_id, Market.SPOT)
    market = market_link(Environment.DEMO, Market.SPOT)
    elsewhere(lambda: write_feed_statuses({market: link, account: link}))


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_says_how_old_its_prices_are_and_where_they_come_from(
    look: str, visit: Callable[..., Visit], bot: BotConfig
) -> None:
    here = visit(look)
    page, headline = here.page, here.page.locator("[data-freshness]")
    expect(headline).to_contain_text("no bot is running")
    long_ago = timezone.now() - timedelta(seconds=100)
    _prices(bot, seconds_ago=77, source=Source.STREAM)
    _feed(bot, up=True)
    _show(bot, Status(State.RUNNING), **HOLDING | {"last_run_at": long_ago})
    page.reload()  # on a page that saw it start, the bot would not be late yet
    here.wait_for_link("late")
    expect(headline).to_contain_text(re.compile(r"prices [78]\d s old, late"))
    expect(headline).to_have_attribute("data-link", "late")
    expect(page.locator(".late-note").first).to_have_text("last tick 2 min ago, late")
    expect(page.locator(".late-note").last).to_have_text(re.compile(r"prices [78]\d s ago, late"))
    here.shoot("late-overview")
    assert not here.scrolls_sideways()
    _prices(bot, seconds_ago=0, source=Source.STREAM)
    _show(bot, Status(State.RUNNING), last_run_at=timezone.now())
    expect(headline).to_have_attribute("data-link", "live")
    expect(headline).to_contain_text(re.compile(r"prices \d s old"))
    assert page.locator(".late-note:visible").count() == 0
    assert not here.was_reloaded()

    page.goto(bot.get_absolute_url())
    here.wait_until_live()
    health = page.locator("section", has=page.locator("#health-title"))
    expect(health).to_contain_text("by stream")
    expect(health).to_contain_text("by stream since")
    expect(page.locator('[data-age="chart"]')).to_have_text(re.compile(r"now|\d s ago"))
    expect(page.locator(".feed-note")).to_be_hidden()
    _feed(bot, up=False, reason="the connection was cut")
    expect(page.locator(".feed-note")).to_have_text(
        re.compile(
            "Prices and account events come by request; their streams are down "
            r"since \d\d:\d\d UTC \(the connection was cut\)\."
        )
    )
    expect(health.locator('[data-feed="source"]')).to_have_text("by request")
    expect(headline).to_have_attribute("data-link", "live")  # calm: prices do come
    expect(page.locator("[data-market-time]")).to_have_text("12 May 2025 03:22:30")
    assert not here.was_reloaded()
    assert not here.scrolls_sideways()
    here.shoot("by-request")
    page.get_by_role("link", name="Overview", exact=True).first.click()
    expect(page.locator("[data-feed-notes]")).to_contain_text("come by request")
    here.shoot("by-request-overview")
    assert here.problems == []


def test_the_running_kline_moves_between_two_ticks(
    visit: Callable[..., Visit], bot: BotConfig
) -> None:
    here = visit()
    page = here.page
    page.goto(bot.get_absolute_url())
    here.wait_until_live()
    expect(page.locator("[data-legend]")).to_contain_text("EMA 9")
    _prices(bot, seconds_ago=0, source=Source.STREAM, close="104321.25")
    expect(page.locator("[data-legend]")).to_contain_text("C 104,321.25")
    _prices(bot, seconds_ago=0, source=Source.STREAM, close="104322.75")
    expect(page.locator("[data-legend]")).to_contain_text("C 104,322.75")
    assert not here.was_reloaded()
    assert here.problems == []


def test_what_is_late_depends_on_how_often_it_usually_comes(visit: Callable[..., Visit]) -> None:
    here = visit()
    script = """async () => {
      const { Punctuality } = await import('/static/js/punctuality.js');
      const at = (second) => new Date(second * 1000).toISOString();
      const state = (second, more = {}) =>
        ({ is_active: true, state: 'running', reason: '', last_run_at: at(second), ...more });
      const late = (bot, seen, now, more) => bot.isLate(seen * 1000, now * 1000, more);
      const slow = new Punctuality(60);
      slow.note(state(1000));
      const answers = [
        late(slow, 1000, 1179), late(slow, 1000, 1181), // three times its interval
        late(slow, 1000, 1074, { streamed: true }), late(slow, 1000, 1076, { streamed: true }),
      ];
      const fast = new Punctuality(60); // the demo's market runs faster than the clock
      for (const second of [1000, 1001, 1002, 1003]) fast.note(state(second));
      answers.push(late(fast, 1003, 1017), late(fast, 1003, 1019));
      const stopped = new Punctuality(60);
      stopped.note(state(1000, { is_active: false, last_updated_at: at(5000) }));
      answers.push(late(stopped, 1000, 9000));
      stopped.note(state(1000, { state: 'pending', last_updated_at: at(9000) }));
      answers.push(late(stopped, 1000, 9100), late(stopped, 1000, 9181));
      const failed = new Punctuality(60);
      failed.note(state(1000, { state: 'error', reason: 'api key decrypt failed' }));
      answers.push(late(failed, 1000, 9000));
      failed.note(state(1000, { state: 'error', reason: 'price data' }));
      answers.push(late(failed, 1000, 9000));
      return answers;
    }"""
    assert here.page.evaluate(script) == [
        False, True, False, True, False, True, False, False, True, False, True,
    ]  # fmt: skip


def test_frames_about_ages_are_neither_repeats_nor_gaps(visit: Callable[..., Visit]) -> None:
    here = visit()
    script = """async () => {
      const { openFeed } = await import('/static/js/socket.js');
      const taken = [];
      const sockets = [];
      const original = window.WebSocket;
      window.WebSocket = class extends EventTarget {
        constructor() { super(); sockets.push(this); }
      };
      const onFrame = ({ type, seq }, { first, gap }) => taken.push([type, seq, first, gap]);
      openFeed('/ws/none/', { onFrame, onLink: () => {} });
      window.WebSocket = original;
      const say = (type, seq) => sockets[0].dispatchEvent(
        new MessageEvent('message', { data: JSON.stringify({ type, seq, bot_id: 1 }) }));
      say('bot.state', 7); say('feed.age', 7); say('feed.kline', 9); say('bot.state', 7);
      say('bot.state', 8); say('feed.age', 7); say('bot.trade', 10);
      return taken;
    }"""
    assert here.page.evaluate(script) == [
        ["bot.state", 7, True, False],
        ["feed.age", 7, False, False],
        ["feed.kline", 9, False, False],
        ["bot.state", 8, False, False],
        ["feed.age", 7, False, False],
        ["bot.trade", 10, False, True],
    ]


def _view(bot: BotConfig) -> BotView:
    loaded = BotConfig.objects.select_related("state", "api_key").get(pk=bot.pk)
    return BotView(loaded)


def test_the_theme_that_a_person_chose_is_kept(visit: Callable[..., Visit]) -> None:
    here = visit("light")
    page = here.page
    switch = page.get_by_role("button", name="Theme")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    switch.click()
    assert page.evaluate(background) == light
    switch.click()
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
    assert here.problems == []
