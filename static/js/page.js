// What the server gave the page to start with.

/** Return the page's data: `{page, bots: [{bot_id, seq, …, state}], …}`. */
export function pageData() {
  return JSON.parse(document.getElementById("page-data").textContent);
}

/** Return the sequence numbers that the page already shows. */
export function seenAtStart(data) {
  return new Map(data.bots.map((bot) => [bot.bot_id, bot.seq]));
}
