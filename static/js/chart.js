// Candles, both averages, trades and price levels of one bot, drawn by TradingView Lightweight Charts.

import * as format from "./format.js";
import { theme } from "./chart_theme.js";

const RETRY_DELAYS = [2000, 4000, 8000, 15000];
const LEVELS = [
  ["entry_price", "ENTRY", "muted"],
  ["stop_loss_price", "STOP", "loss"],
  ["take_profit_price", "TARGET", "gain"],
  ["trailing_stop_price", "TRAIL", "warning"],
];
const BARS_AT_FIRST = 120;
const BARS_ON_A_PHONE = 60;
const ROOM_ON_THE_RIGHT = 4;

const library = window.LightweightCharts;

export class BotChart {
  constructor(card, url) {
    this.url = url;
    this.note = card.querySelector("[data-chart-note]");
    this.legend = card.querySelector("[data-legend]");
    this.tradeLegend = card.querySelector("[data-legend-trade]");
    this.element = card.querySelector("[data-chart]");
    this.bars = [];
    this.averages = { fast: [], slow: [] };
    this.trades = [];
    this.lines = new Map();
    this.failures = 0;
    this.loading = false;
    this.onRead = () => {}; // told the wall time (ISO) of the newest prices that the chart shows
    this.create();
    for (const button of card.querySelectorAll("[data-range]")) {
      button.addEventListener("click", () => this.showRange(button));
    }
    window.addEventListener("theme-changed", () => this.dress());
  }

  create() {
    this.chart = library.createChart(this.element, { autoSize: true });
    this.volume = this.chart.addSeries(library.HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    const line = { lineWidth: 2, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };
    this.series = {
      candles: this.chart.addSeries(library.CandlestickSeries, {}),
      slow: this.chart.addSeries(library.LineSeries, line),
      fast: this.chart.addSeries(library.LineSeries, line),
    };
    this.markers = library.createSeriesMarkers(this.series.candles, []);
    this.chart.subscribeCrosshairMove((point) => this.writeLegend(point.time));
    this.dress();
  }

  dress() {
    this.colors = theme();
    this.chart.applyOptions(this.colors.chart);
    this.series.candles.applyOptions(this.colors.candles);
    this.series.fast.applyOptions({ color: this.colors.accent });
    this.series.slow.applyOptions({ color: this.colors.violet });
    this.volume.applyOptions({ color: this.colors.volume });
    this.drawMarkers();
    this.drawLevels();
  }

  async load() {
    if (this.loading) {
      this.loadAgain = true;
      return;
    }
    this.loading = true;
    const slow = setTimeout(() => this.say("Loading prices…"), 300);
    try {
      await this.fetch();
    } catch {
      this.say("The server does not answer. The chart comes back by itself.");
      this.retry();
    } finally {
      clearTimeout(slow);
      this.loading = false;
    }
    if (this.loadAgain) {
      this.loadAgain = false;
      this.load();
    }
  }

  async fetch() {
    const answer = await fetch(this.url, { headers: { Accept: "application/json" } });
    if (answer.status === 503) {
      const { message, retry } = await answer.json();
      this.say(message);
      if (retry) this.retry();
      return;
    }
    if (!answer.ok) throw new Error(`chart data: ${answer.status}`);
    this.failures = 0;
    this.say("");
    const data = await answer.json();
    this.take(data);
    this.confirm(data.seen_at ?? new Date(answer.headers.get("Date") ?? Date.now()).toISOString());
  }

  /** The newest kline was found to be still the newest one at `moment`, or nothing is known. */
  confirm(moment) {
    if (this.bars.length && moment) this.onRead(moment);
  }

  retry() {
    const delay = RETRY_DELAYS[Math.min(this.failures, RETRY_DELAYS.length - 1)];
    this.failures += 1;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.load(), delay);
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  take(data) {
    const kept = this.bars.length ? this.chart.timeScale().getVisibleLogicalRange() : null;
    const shift = data.klines.length - this.bars.length;
    this.seconds = data.seconds;
    this.periods = data.periods;
    this.bars = data.klines.map(([time, open, high, low, close, volume]) => ({ time, open, high, low, close, volume }));
    this.averages = { fast: data.ema_fast, slow: data.ema_slow };
    this.trades = data.markers;
    this.draw();
    if (!kept) this.showBars(this.element.clientWidth < 600 ? BARS_ON_A_PHONE : BARS_AT_FIRST);
    else this.chart.timeScale().setVisibleLogicalRange({ from: kept.from + shift, to: kept.to + shift });
  }

  draw() {
    const decimals = format.priceDecimals(this.bars.at(-1)?.close ?? 0);
    this.chart.applyOptions({ localization: { priceFormatter: format.price } });
    const priceFormat = { type: "price", precision: decimals, minMove: 10 ** -decimals };
    this.series.candles.applyOptions({ priceFormat });
    this.series.candles.setData(this.bars);
    this.volume.setData(this.bars.map(({ time, volume }) => ({ time, value: volume })));
    for (const name of ["fast", "slow"]) {
      const points = this.bars.map(({ time }, index) => ({ time, value: this.averages[name][index] ?? undefined }));
      this.series[name].setData(points);
    }
    this.drawMarkers();
    this.drawLevels();
    this.writeLegend();
  }

  /**
   * Take the newest klines, oldest first, as they were at `moment` (ISO, wall time); load everything
   * again when some are missing between.
   */
  addKlines(klines, moment) {
    if (!this.bars.length) return;
    for (const kline of klines) {
      const bar = {
        time: Date.parse(kline.open_time) / 1000,
        open: Number(kline.open),
        high: Number(kline.high),
        low: Number(kline.low),
        close: Number(kline.close),
        volume: Number(kline.volume),
      };
      const newest = this.bars.at(-1).time;
      if (bar.time > newest + this.seconds) {
        this.load();
        return;
      }
      if (bar.time >= newest - this.seconds && !this.isOutdated(bar, kline)) this.addBar(bar);
    }
    this.confirm(moment);
    this.writeLegend();
  }

  // Stream and tick both tell about the open kline; what has traded in it never becomes less.
  isOutdated(bar, { is_closed: isClosed }) {
    const shown = this.bars.at(-1);
    return !isClosed && bar.time === shown.time && bar.volume < shown.volume;
  }

  addBar(bar) {
    const known = this.bars.findLastIndex(({ time }) => time === bar.time);
    const index = known === -1 ? this.bars.length : known;
    this.bars[index] = bar;
    const late = index < this.bars.length - 1; // the one before the newest: it has just closed
    this.series.candles.update(bar, late);
    this.volume.update({ time: bar.time, value: bar.volume }, late);
    for (const name of ["fast", "slow"]) this.moveAverage(name, index, late);
  }

  moveAverage(name, index, late) {
    const before = this.averages[name][index - 1];
    if (before === null || before === undefined) return;
    const { time, close } = this.bars[index];
    const value = before + (2 / (this.periods[name] + 1)) * (close - before);
    this.averages[name][index] = value;
    this.series[name].update({ time, value }, late);
  }

  addTrade(trade) {
    const time = Date.parse(trade.market_time) / 1000;
    const known = this.trades.some((each) => each.time === time && each.side === trade.side);
    if (known) return;
    this.trades.push({ time, side: trade.side, price: trade.price, reason: trade.reason, realized_pnl: trade.realized_pnl });
    this.drawMarkers();
  }

  barTime(trade) {
    return trade.time - (trade.time % this.seconds);
  }

  drawMarkers() {
    const oldest = this.bars[0]?.time ?? Infinity;
    const visible = this.trades.filter((trade) => this.barTime(trade) >= oldest);
    this.markers.setMarkers(
      visible.map((trade) => {
        const buys = trade.side === "BUY";
        return {
          time: this.barTime(trade),
          position: buys ? "belowBar" : "aboveBar",
          shape: buys ? "arrowUp" : "arrowDown",
          color: buys ? this.colors.gain : this.colors.loss,
          size: 1.4,
        };
      }),
    );
  }

  /** Show the price levels of a state; remembered for the next theme. */
  setLevels(state) {
    this.state = state;
    this.drawLevels();
  }

  drawLevels() {
    for (const [field, title, color] of LEVELS) {
      const price = Number(this.state?.[field] ?? 0);
      const line = this.lines.get(field);
      const options = { price, title, color: this.colors[color], lineWidth: 1, lineStyle: 2, axisLabelVisible: true };
      if (!price && line) {
        this.series.candles.removePriceLine(line);
        this.lines.delete(field);
      } else if (price && line) line.applyOptions(options);
      else if (price) this.lines.set(field, this.series.candles.createPriceLine(options));
    }
  }

  showRange(button) {
    for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
    if (button.dataset.range === "all") this.chart.timeScale().fitContent();
    else this.showBars(Math.max((Number(button.dataset.range) * 3600) / (this.seconds ?? 60), 10));
  }

  showBars(count) {
    const end = this.bars.length + ROOM_ON_THE_RIGHT;
    this.chart.timeScale().setVisibleLogicalRange({ from: end - count - ROOM_ON_THE_RIGHT, to: end });
  }

  writeLegend(time) {
    const found = time === undefined ? -1 : this.bars.findIndex((bar) => bar.time === time);
    const index = found === -1 ? this.bars.length - 1 : found;
    const bar = this.bars[index];
    if (!bar) return;
    const parts = [
      ["", format.utcFromSeconds(bar.time)],
      ...["open", "high", "low", "close"].map((name) => ["", `${name[0].toUpperCase()} ${format.price(bar[name])}`]),
      ["key-fast", `EMA ${this.periods.fast} ${format.price(this.averages.fast[index])}`],
      ["key-slow", `EMA ${this.periods.slow} ${format.price(this.averages.slow[index])}`],
    ];
    this.legend.replaceChildren(...parts.map(([name, text]) => span(name, text)));
    this.writeTrades(found === -1 ? null : bar.time);
  }

  writeTrades(time) {
    const shown = this.trades.filter((trade) => this.barTime(trade) === time);
    const last = this.trades.at(-1);
    const trades = time === null && last ? [last] : shown;
    this.tradeLegend.replaceChildren(...trades.map((trade) => span(trade.side === "BUY" ? "is-gain" : "is-loss", tradeWords(trade))));
    if (time === null && last) this.tradeLegend.prepend(span("muted", "last trade "));
  }
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function tradeWords({ side, price, reason, realized_pnl: result }) {
  const head = side === "BUY" ? "▲ buy" : "▼ sell";
  const tail = result === null ? "" : `, ${format.signed(result)}`;
  return `${head} ${format.price(price)} (${format.words(reason)})${tail} `;
}
