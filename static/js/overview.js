// The overview: every bot's row and the four figures, kept up to date by one socket.

import { figures } from "./derive.js";
import * as format from "./format.js";
import { noteFeed, noteFrame, noteLink, noteTick } from "./freshness.js";
import { pageData, seenAtStart } from "./page.js";
import { paintBot, setTone, write } from "./paint.js";
import { openFeed } from "./socket.js";
import { noteSpeed } from "./speed.js";

const data = pageData();
const bots = new Map(
  data.bots.map((config) => [config.bot_id, { config, shown: figures(config, config.state) }]),
);

function membersOf(group) {
  return [...bots.values()].filter((bot) => bot.config.group === group);
}

function totals(group) {
  const members = membersOf(group);
  const sum = (name) => members.reduce((total, bot) => total + Number(bot.shown[name]), 0);
  const equity = sum("equity");
  const daily = sum("daily_pnl");
  const start = equity - daily;
  return { equity, daily_pnl: daily, daily_percent: start ? (daily / start) * 100 : 0 };
}

const WRITERS = { equity: format.money, daily_pnl: format.signed, daily_percent: format.percent };

function paintTotals() {
  for (const element of document.querySelectorAll("[data-total][data-group]")) {
    const value = totals(element.dataset.group)[element.dataset.total];
    const { quote } = membersOf(element.dataset.group)[0].config;
    const currency = element.dataset.total === "daily_percent" ? "" : quote;
    write(element, WRITERS[element.dataset.total](value, currency));
    if (element.dataset.total === "daily_pnl") setTone(element, value, currency);
  }
  const shown = [...bots.values()].map((bot) => bot.shown);
  const waiting = [...bots.values()].filter((bot) => bot.shown.needs_a_person);
  const counts = {
    in_position: shown.filter((bot) => bot.in_position).length,
    attention: waiting.length,
  };
  for (const [name, value] of Object.entries(counts)) {
    write(document.querySelector(`[data-total="${name}"]`), String(value));
  }
  const names = waiting.map((bot) => bot.config.name ?? "").join(", ");
  write(document.querySelector("[data-attention-names]"), names || "nothing waits for you", { quiet: true });
}

function take(frame, { first }) {
  const bot = bots.get(frame.bot_id);
  if (!bot) {
    location.reload(); // a bot that was made since the page was opened
    return;
  }
  if (frame.type === "feed.age") noteFeed(bot.config, frame.data);
  if (frame.type === "bot.state") takeState(bot, frame, first);
  noteFrame(frame);
}

function takeState(bot, frame, first) {
  noteTick(bot.config, frame.data);
  bot.shown = figures(bot.config, frame.data);
  paintBot(bot.shown);
  paintTotals();
  if (bot.config.environment === "demo" && !first) noteSpeed(frame);
}

if (bots.size) {
  paintTotals();
  for (const { config } of bots.values()) {
    noteTick(config, config.state);
    noteFeed(config, config.feed);
  }
  openFeed("/ws/dashboard/", { onFrame: take, onLink: noteLink, seen: seenAtStart(data) });
}
