// The tables below the chart, and what holds the bot back, come from the server again when something has happened.

const EVERY = 3000; // ms; in the demo a bot decides about every second

const section = document.getElementById("history");
const holds = document.getElementById("holds");
let timer = null;
let refreshedAt = 0;
let scrolled = [];

function refresh() {
  timer = null;
  if (document.hidden) return; // the tab fetches once when somebody looks again
  refreshedAt = Date.now();
  section.dispatchEvent(new Event("history-changed"));
  // Nobody's reason is taken out of their hands while they write it.
  if (holds && !holds.querySelector(":popover-open, :focus")) {
    holds.dispatchEvent(new Event("history-changed"));
  }
}

/** Ask for the tables, at most once in a while. */
export function refreshHistory() {
  timer ??= setTimeout(refresh, Math.max(refreshedAt + EVERY - Date.now(), 50));
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshHistory();
});

// Who reads further down keeps the place.
section.addEventListener("htmx:beforeSwap", () => {
  scrolled = [...section.querySelectorAll(".scroll")].map((box) => box.scrollTop);
});
section.addEventListener("htmx:afterSwap", () => {
  section.querySelectorAll(".scroll").forEach((box, index) => {
    box.scrollTop = scrolled[index] ?? 0;
  });
});
