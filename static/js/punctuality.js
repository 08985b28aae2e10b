// When is a bot late? After fifteen seconds, or three times as long as it usually takes; prices of a
// stream that is up when nobody has looked for longer than a quiet market explains.

const LEAST_SECONDS = 15;
const TIMES = 3;
// A stream says nothing while nothing trades; the market feed looks at a quiet one once a minute.
const QUIET_SECONDS = 75;
const GAPS = 9;

export class Punctuality {
  /** interval   seconds of market time between two looks; the market may run faster than the clock */
  constructor(interval) {
    this.interval = interval;
    this.gaps = [];
    this.last = null;
    this.working = false;
    this.begun = -Infinity; // since when it is at work, ms; long before the page was opened, mostly
  }

  /** Take a bot's state. */
  note(state) {
    // An error waits for a person, except where prices were missing: that heals by itself.
    this.working = state.is_active && (state.state !== "error" || state.reason === "price data");
    if (state.state === "pending" || !this.working) this.begun = Date.parse(state.last_updated_at ?? "");
    const ticked = Date.parse(state.last_run_at ?? "");
    if (this.last !== null && ticked > this.last) {
      this.gaps = [...this.gaps.slice(1 - GAPS), (ticked - this.last) / 1000];
    }
    if (!Number.isNaN(ticked)) this.last = ticked;
  }

  /**
   * Say whether what was seen at `moment` (ms) is overdue at `now`; who has just been started cannot
   * be late yet.
   */
  isLate(moment, now, { streamed = false } = {}) {
    if (!this.working) return false;
    const patience = streamed ? QUIET_SECONDS : Math.max(LEAST_SECONDS, TIMES * this.usual());
    return now - Math.max(moment, this.begun || -Infinity) > patience * 1000;
  }

  usual() {
    const sorted = [...this.gaps].sort((one, other) => one - other);
    const middle = sorted[Math.floor(sorted.length / 2)] ?? Infinity;
    return Math.min(middle, this.interval);
  }
}
