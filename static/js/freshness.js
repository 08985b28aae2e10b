// How old is what the page shows, and where does it come from?
// Ages are measured against the server's clock, not the browser's; all of it is wall time.

import { age, old, utc } from "./format.js";
import { pageData } from "./page.js";
import { write } from "./paint.js";
import { Punctuality } from "./punctuality.js";

const SILENT_SECONDS = 30; // the server says something every ten
const BY = { stream: "by stream", request: "by request" };

const isOneBotsPage = pageData().page === "bot";

const moments = new Map(); // "bot id/name" → ms
const bots = new Map(); // bot id → {punctuality, feed, ticked}
let link = "wait";
let lastFrame = null;
let clockOffset = 0;

const now = () => Date.now() + clockOffset;
const seconds = (moment) => Math.max((now() - moment) / 1000, 0);
const owner = (element) => element.closest("[data-bot]")?.dataset.bot ?? "";

/** Note that a frame has just arrived, and the server's time in it. */
export function noteFrame(frame) {
  lastFrame = Date.parse(frame.at);
  clockOffset = lastFrame - Date.now();
  show();
}

/** Note whether the socket is "live" or "down". */
export function noteLink(state) {
  link = state;
  show();
}

/** Remember a moment (ISO text) whose age the elements with this data-age show; never goes back. */
export function noteMoment(name, text, botId = "") {
  const moment = Date.parse(text ?? "");
  const key = `${botId}/${name}`;
  if (moment > (moments.get(key) ?? -Infinity)) moments.set(key, moment);
}

/** Forget a moment: its elements say again that nothing is known. */
export function forgetMoment(name, botId = "") {
  moments.delete(`${botId}/${name}`);
}

/** Note a bot's state: whether it is at work, and when it last ticked. */
export function noteTick(config, state) {
  const bot = entry(config);
  bot.punctuality.note(state);
  bot.ticked = { at: Date.parse(state.last_run_at ?? ""), marketTime: state.market_time };
  noteMoment("last_run_at", state.last_run_at, config.bot_id);
  // A tick asks the venue for the price itself; where that failed, the bot says so.
  if (state.state !== "error") noteMoment("prices", state.last_run_at, config.bot_id);
}

/** Note what the server says about the sources of a bot's data (a `feed.age` frame's data). */
export function noteFeed(config, feed) {
  const bot = entry(config);
  bot.feed = feed;
  noteMoment("prices", feed.prices_seen_at, config.bot_id);
}

function entry({ bot_id: id, check_interval_seconds: interval }) {
  if (!bots.has(id)) bots.set(id, { punctuality: new Punctuality(interval), feed: null, ticked: {} });
  return bots.get(id);
}

const momentOf = (name, id) => moments.get(`${id}/${name}`) ?? null;

/** Say how old a bot's prices are in seconds (null: none yet), where from, and what is late. */
function judge(id, { punctuality, feed }) {
  const prices = momentOf("prices", id);
  const tick = momentOf("last_run_at", id);
  const streamed = feed?.source === "stream" && feed.prices_up;
  return {
    working: punctuality.working,
    prices: prices === null ? null : seconds(prices),
    source: feed?.source ?? "",
    late: {
      prices: prices !== null && punctuality.isLate(prices, now(), { streamed }),
      last_run_at: tick !== null && punctuality.isLate(tick, now()),
    },
  };
}

function judged() {
  return new Map([...bots].map(([id, bot]) => [id, judge(id, bot)]));
}

/** Return what the top bar shows of the bots that count: its state, words and source. */
function headline(shown) {
  const working = shown.filter((bot) => bot.working);
  const counted = working.length || !isOneBotsPage ? working : shown;
  const known = counted.filter((bot) => bot.prices !== null);
  const prices = known.length ? `prices ${old(Math.max(...known.map((bot) => bot.prices)))} old` : "";
  if (link === "wait") return { state: "wait", text: "connecting…" };
  if (link === "down") return { state: "down", text: `reconnecting… ${prices}`.trim(), spoken: "reconnecting" };
  if (lastFrame !== null && seconds(lastFrame) > SILENT_SECONDS) {
    return { state: "late", text: `no news for ${old(seconds(lastFrame))}`, spoken: "no news from the server" };
  }
  if (!counted.length) return { state: "live", text: "no bot is running" };
  if (!prices) return { state: "live", text: "no prices yet" };
  const late = counted.filter((bot) => bot.late.prices).length;
  const howMany = counted.length === 1 ? "late" : `${late} of ${counted.length} late`;
  if (late) return { state: "late", text: `${prices}, ${howMany}`, spoken: "prices are late" };
  const sources = new Set(known.map((bot) => bot.source));
  const source = sources.has("request") ? "request" : [...sources][0];
  return { state: "live", text: prices, source: BY[source], spoken: "prices are up to date" };
}

function showHeadline(bots) {
  const { state, text, source = "", spoken = "" } = headline([...bots.values()]);
  for (const element of document.querySelectorAll("[data-freshness]")) {
    element.dataset.link = state;
    write(element.querySelector("[data-freshness-text]"), text, { quiet: true });
    write(element.querySelector("[data-freshness-source]"), source, { quiet: true });
    write(element.querySelector("[data-freshness-spoken]"), spoken, { quiet: true });
  }
}

function showAges(bots) {
  const onlyBot = bots.size === 1 ? [...bots.values()][0] : null;
  for (const element of document.querySelectorAll("[data-age]")) {
    const { age: name } = element.dataset;
    const id = owner(element);
    const moment = momentOf(name, id);
    const bot = id ? bots.get(Number(id)) : onlyBot;
    const late = Boolean(bot?.late[name === "chart" ? "prices" : name]);
    element.toggleAttribute("data-late", late && moment !== null);
    if (moment === null) continue; // the server's words stay
    write(element, late ? `${age(seconds(moment))}, late` : age(seconds(moment)), { quiet: true });
  }
  for (const element of document.querySelectorAll("[data-when-late]")) {
    element.hidden = !bots.get(Number(owner(element)))?.late[element.dataset.whenLate];
  }
  for (const element of document.querySelectorAll("[data-read-at]")) {
    write(element, age(seconds(Date.parse(element.dataset.readAt))), { quiet: true });
  }
}

function showSources() {
  for (const element of document.querySelectorAll("[data-feed]")) {
    const feed = bots.get(Number(owner(element)))?.feed;
    if (!feed) continue;
    const { feed: name } = element.dataset;
    const text = name === "source" ? BY[feed.source] ?? "" : feed[name];
    write(element, text, { quiet: true });
    if (element.matches("[data-feed-hides]")) element.hidden = !text;
  }
}

/** Return the market time of whatever has looked last: a tick, or who reads the prices. */
function marketTime({ feed, ticked }) {
  const seen = Date.parse(feed?.prices_seen_at ?? "");
  return Number.isNaN(seen) || ticked.at > seen ? ticked.marketTime : feed.market_time;
}

function showMarketTimes() {
  for (const element of document.querySelectorAll("[data-market-time]")) {
    const bot = bots.get(Number(owner(element)));
    if (bot) write(element, utc(marketTime(bot)), { quiet: true });
  }
}

/** Say once for all bots at work what is not as usual about their streams. */
function showNotes() {
  const working = [...bots.values()].filter((bot) => bot.punctuality.working);
  const text = [...new Set(working.map((bot) => bot.feed?.note ?? ""))].join(" ").trim();
  for (const element of document.querySelectorAll("[data-feed-notes]")) {
    write(element, text, { quiet: true });
    element.hidden = !text;
  }
}

function show() {
  const found = judged();
  showHeadline(found);
  showAges(found);
  showSources();
  showMarketTimes();
  showNotes();
}

document.addEventListener("htmx:afterSwap", show);
setInterval(show, 1000);
