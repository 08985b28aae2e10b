// How old is what the page shows? Ages are measured against the server's clock, not the browser's.

import { age } from "./format.js";
import { write } from "./paint.js";

const FRESH_SECONDS = 5;
const LATE_SECONDS = 180;

const moments = new Map();
let link = "wait";
let running = 0;
let lastFrame = null;
let clockOffset = 0;

const seconds = (moment) => Math.max((Date.now() + clockOffset - moment) / 1000, 0);

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

/** Note how many of the page's bots are active: without one no news is no bad sign. */
export function noteRunning(count) {
  running = count;
}

/** Remember a moment (ISO text) whose age the elements with this data-age show. */
export function noteMoment(name, text) {
  if (text) moments.set(name, Date.parse(text));
}

function words() {
  const old = lastFrame === null ? "" : `last update ${age(seconds(lastFrame))}`;
  if (link === "wait") return ["wait", "connecting…"];
  if (link === "down") return ["down", old ? `reconnecting… ${old}` : "reconnecting…"];
  if (!running || lastFrame === null || seconds(lastFrame) < FRESH_SECONDS) return ["live", "live"];
  return [seconds(lastFrame) > LATE_SECONDS ? "late" : "live", old];
}

function show() {
  const [state, text] = words();
  for (const element of document.querySelectorAll("[data-freshness]")) {
    element.dataset.link = state;
    write(element.querySelector("[data-freshness-text]"), text, { quiet: true });
  }
  for (const element of document.querySelectorAll("[data-age]")) {
    const moment = moments.get(element.dataset.age);
    if (moment) write(element, age(seconds(moment)), { quiet: true });
  }
}

setInterval(show, 1000);
