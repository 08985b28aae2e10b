// How much faster than the clock on the wall does the market run? Measured from the frames.

import { utcMonth } from "./format.js";
import { write } from "./paint.js";

const WINDOW = 30000; // ms of wall time that are looked at
const ENOUGH = 8000;
const samples = [];

/** Take one state frame that a tick has sent; show the speed once they span enough time to tell. */
export function noteSpeed(frame) {
  if (!frame.data.market_time) return;
  const sample = { wall: Date.parse(frame.at), market: Date.parse(frame.data.market_time) };
  const last = samples.at(-1);
  if (last && sample.market < last.market) samples.length = 0;
  if (last && sample.market === last.market) return;
  samples.push(sample);
  while (sample.wall - samples[0].wall > WINDOW) samples.shift();
  const wall = sample.wall - samples[0].wall;
  if (wall >= ENOUGH) show(roundly((sample.market - samples[0].market) / wall));
  for (const element of document.querySelectorAll("[data-demo-month]")) {
    write(element, utcMonth(frame.data.market_time), { quiet: true });
  }
}

// A tick reads the market a moment before it reports, so the last digit means nothing.
function roundly(speed) {
  return speed < 20 ? Math.round(speed) : Math.round(speed / 5) * 5;
}

function show(speed) {
  if (speed < 1) return;
  for (const element of document.querySelectorAll("[data-speed]")) {
    write(element, String(speed), { quiet: true });
  }
  for (const element of document.querySelectorAll("[data-demo-speed]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-speed-row]")) {
    write(element, `≈${speed}×`, { quiet: true });
  }
}
