// One bot's page: figures, chart and history, kept up to date by one socket.

import { BotChart } from "./chart.js";
import { figures } from "./derive.js";
import { forgetMoment, noteFeed, noteFrame, noteLink, noteMoment, noteTick } from "./freshness.js";
import { refreshHistory } from "./history.js";
import { pageData, seenAtStart } from "./page.js";
import { paintBot } from "./paint.js";
import { openFeed } from "./socket.js";
import { noteSpeed } from "./speed.js";

const data = pageData();
const [config] = data.bots;
const chart = new BotChart(document.querySelector(".chart-card"), data.chart_url);

chart.onRead = (moment) => noteMoment("chart", moment);

function show(state) {
  paintBot(figures(config, state));
  noteTick(config, state);
  if (state.unprotected_since === null) forgetMoment("unprotected_since", config.bot_id);
  else noteMoment("unprotected_since", state.unprotected_since, config.bot_id);
  chart.setLevels(state);
}

const TAKERS = {
  "bot.state": (frame, first) => {
    show(frame.data);
    if (!first) noteSpeed(frame); // a snapshot's `at` is not the time of its tick
    refreshHistory();
  },
  "bot.trade": (frame) => {
    chart.addTrade(frame.data);
    refreshHistory();
  },
  "bot.kline": (frame) => chart.addKlines(frame.data.klines, frame.at),
  "feed.kline": (frame) => chart.addKlines(frame.data.klines, frame.data.seen_at),
  "feed.age": (frame) => {
    noteFeed(config, frame.data);
    chart.confirm(frame.data.prices_seen_at);
  },
};

function take(frame, { first, gap }) {
  TAKERS[frame.type]?.(frame, first);
  noteFrame(frame);
  if (first || gap) chart.load(); // trades and klines in between were not seen
}

show(config.state);
noteFeed(config, config.feed);
chart.load();
openFeed(`/ws/bots/${config.bot_id}/`, { onFrame: take, onLink: noteLink, seen: seenAtStart(data) });
