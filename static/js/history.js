// The tables below the chart come from the server again when something has happened.

const EVERY = 3000; // ms; in the demo a bot decides about every second

const section = document.getElementById("history");
let timer = null;
let refreshedAt = 0;
let scrolled = [];

function refresh() {
  timer = null;
  if (document.hidden) return; // the tab fetches once when somebody looks again
  refreshedAt = Date.now();
  section.dispatchEvent(new Event("history-changed"));
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
