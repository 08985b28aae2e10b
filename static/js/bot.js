// One bot's page: figures, chart and history, kept up to date by one socket.

import { BotChart } from "./chart.js";
import { figures } from "./derive.js";
import { noteFrame, noteLink, noteMoment, noteRunning } from "./freshness.js";
import { refreshHistory } from "./history.js";
import { pageData, seenAtStart } from "./page.js";
import { paintBot } from "./paint.js";
import { openFeed } from "./socket.js";
import { noteSpeed } from "./speed.js";

const data = pageData();
const [config] = data.bots;
const chart = new BotChart(document.querySelector(".chart-card"), data.chart_url);
let marketTime = null;

function show(state, at) {
  paintBot(figures(config, state));
  noteRunning(state.is_active ? 1 : 0);
  noteMoment("last_run_at", state.last_run_at);
  noteMoment("unprotected_since", state.unprotected_since);
  if (marketTime !== null && state.market_time !== marketTime) noteMoment("market_moved", at);
  marketTime = state.market_time;
  chart.setLevels(state);
}

const TAKERS = {
  "bot.state": (frame, first) => {
    show(frame.data, frame.at);
    if (!first) noteSpeed(frame); // a snapshot's `at` is not the time of its tick
    refreshHistory();
  },
  "bot.trade": (frame) => {
    chart.addTrade(frame.data);
    refreshHistory();
  },
  "bot.kline": (frame) => chart.addKlines(frame.data.klines),
};

function take(frame, { first, gap }) {
  noteFrame(frame);
  TAKERS[frame.type]?.(frame, first);
  if (first || gap) chart.load(); // trades and klines in between were not seen
}

show(config.state, null);
chart.load();
openFeed(`/ws/bots/${config.bot_id}/`, { onFrame: take, onLink: noteLink, seen: seenAtStart(data) });
