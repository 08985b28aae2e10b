// A WebSocket that comes back by itself, and drops the frames that a page has already seen.

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15000;
const NOT_SIGNED_IN = 4401;
const NOT_FOUND = 4404;
const UNNUMBERED = "feed."; // such frames are no change of the bot: none is a repeat, none a gap

function address(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${path}`;
}

/**
 * Open `path` and keep it open.
 *
 * onFrame(frame, {first, gap})   a frame that is new; `first` is the snapshot of its bot after each
 *                                connect, `gap` says that frames before it were missed
 * onLink(state)                  "live" or "down"
 * seen                           bot id → newest sequence number that the page already shows
 *
 * Frames whose type begins with "feed." say how old a bot's data are; they carry the number of its
 * newest change and are all handed on.
 */
export function openFeed(path, { onFrame, onLink, seen = new Map() }) {
  let delay = FIRST_DELAY;
  let greeted = new Set();

  function take(frame) {
    if (frame.type.startsWith(UNNUMBERED)) {
      onFrame(frame, { first: false, gap: false });
      return;
    }
    const newest = seen.get(frame.bot_id) ?? -1;
    const first = !greeted.has(frame.bot_id) && frame.type === "bot.state";
    if (first) greeted.add(frame.bot_id);
    else if (frame.seq <= newest) return;
    // After the venue's or database's restart from a backup the numbers may be lower: the
    // snapshot of a connect is always the truth.
    seen.set(frame.bot_id, frame.seq);
    onFrame(frame, { first, gap: !first && frame.seq > newest + 1 });
  }

  function connect() {
    const socket = new WebSocket(address(path));
    socket.addEventListener("open", () => {
      greeted = new Set();
      delay = FIRST_DELAY;
      onLink("live");
    });
    socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      onLink("down");
      if (event.code === NOT_SIGNED_IN || event.code === NOT_FOUND) {
        location.reload(); // the server says in words what is the matter
        return;
      }
      setTimeout(connect, delay * (0.5 + Math.random()));
      delay = Math.min(delay * 2, LONGEST_DELAY);
    });
  }

  connect();
}
