// Puts a bot's figures into the elements that name them: data-field says which, data-as how.

import * as format from "./format.js";
import { gaugeLevel } from "./derive.js";

const WRITERS = {
  price: format.price,
  quantity: format.quantity,
  money: format.money,
  signed: format.signed,
  percent: format.percent,
  count: format.count,
  utc: format.utc,
  seconds: format.seconds,
  text: (value) => value ?? "",
  position: (value) => (value === null ? "none" : format.quantity(value)),
};
const TONED = ["signed", "percent"];
const QUIET = ["utc", "text", "seconds"]; // change with every frame, or are words: no fading
const DISTANCES = /_distance$/; // how far a level is away is neither a gain nor a loss

export function write(element, text, { quiet = false } = {}) {
  if (element.textContent === text) return;
  element.textContent = text;
  if (quiet) return;
  element.classList.remove("has-changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("has-changed");
}

export function setTone(element, value, currency) {
  const tone = format.tone(value, currency);
  element.classList.toggle("is-gain", tone === "is-gain");
  element.classList.toggle("is-loss", tone === "is-loss");
}

function paintFields(root, data) {
  for (const element of root.querySelectorAll("[data-field]")) {
    const { field, as } = element.dataset;
    write(element, WRITERS[as](data[field], data.quote), { quiet: QUIET.includes(as) });
    if (TONED.includes(as) && !DISTANCES.test(field)) setTone(element, data[field], data.quote);
  }
  for (const element of root.querySelectorAll("[data-when]")) {
    element.hidden = !data[element.dataset.when];
  }
}

function paintTrack(root, track) {
  for (const svg of root.querySelectorAll("[data-track]")) {
    svg.toggleAttribute("hidden", !track);
    if (!track) continue;
    const result = svg.querySelector("[data-track-result]");
    result.setAttribute("x", track.from);
    result.setAttribute("width", track.width);
    result.setAttribute("class", track.result);
    svg.querySelector("[data-track-entry]").setAttribute("x", track.entry);
    svg.querySelector("[data-track-now]").setAttribute("x", Math.min(track.now, 99));
  }
  for (const ends of root.querySelectorAll("[data-track-ends]")) ends.hidden = !track;
}

function paintGauges(root, gauges) {
  for (const gauge of root.querySelectorAll("[data-gauge]")) {
    const used = gauges[gauge.dataset.gauge];
    gauge.querySelector("progress").value = used;
    gauge.dataset.level = gaugeLevel(used);
  }
}

function paintStatus(data) {
  const [word] = data.status.split(" (");
  for (const chip of document.querySelectorAll(`[data-chip="${data.bot_id}"]`)) {
    chip.dataset.state = data.state;
    write(chip.querySelector("[data-chip-word]"), word, { quiet: true });
    write(chip.querySelector("[data-chip-reason]"), data.status.slice(word.length), { quiet: true });
  }
  for (const dot of document.querySelectorAll(`[data-rail-dot="${data.bot_id}"]`)) {
    dot.dataset.state = data.state;
  }
  for (const controls of document.querySelectorAll(`[data-controls="${data.bot_id}"]`)) {
    const start = controls.querySelector('[data-control="start"]');
    const stop = controls.querySelector('[data-control="stop"]');
    if (start) start.hidden = !data.can_start;
    if (start) write(start.querySelector("[data-start-word]"), data.start_word, { quiet: true });
    // With a position at stake the button asks first what becomes of it.
    const ask = controls.querySelector('[data-control="stop-holding"]');
    if (stop) stop.hidden = !data.is_active || data.in_position;
    if (ask) ask.hidden = !data.is_active || !data.in_position;
    if (data.state !== "stopped") controls.querySelector(".problem")?.remove();
  }
}

export function paintBot(data) {
  paintStatus(data);
  for (const root of document.querySelectorAll(`[data-bot="${data.bot_id}"]`)) {
    paintFields(root, data);
    paintTrack(root, data.track);
    paintGauges(root, data.gauges);
  }
}
