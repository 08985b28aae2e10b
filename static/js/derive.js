// Figures computed from a bot's settings and its state; bots/selectors/bot_view.py computes them alike.

const LIFTED_BY_START = ["error", "paused"];
const NEEDS_A_PERSON = ["error", "waiting"];

const number = (text) => (text === null || text === undefined ? null : Number(text));
const share = (part, whole) => (whole ? (part / whole) * 100 : null);
const clamp = (value) => Math.min(Math.max(value ?? 0, 0), 100);

function distance(level, now) {
  return level === null || !now ? null : share(level - now, now);
}

const isShort = (state) => state.direction === "short";

/** The stop that a price which turns against the position would meet first. */
function guard(state) {
  const stops = [number(state.stop_loss_price), number(state.trailing_stop_price)].filter(Boolean);
  if (!stops.length) return null;
  return isShort(state) ? Math.min(...stops) : Math.max(...stops);
}

export function track(state) {
  const stop = guard(state);
  const target = number(state.take_profit_price);
  const entryPrice = number(state.entry_price);
  const nowPrice = number(state.last_price);
  if ([stop, target, entryPrice, nowPrice].includes(null)) return null;
  const way = target - stop; // below zero for a short position
  if (!way || way < 0 !== isShort(state)) return null;
  const entry = clamp(share(entryPrice - stop, way));
  const now = clamp(share(nowPrice - stop, way));
  return {
    entry,
    now,
    from: Math.min(entry, now),
    width: Math.abs(entry - now),
    result: now >= entry ? "won" : "lost",
  };
}

function sideWord(state) {
  if (state.in_position) return state.direction;
  return number(state.current_position_size_coins) ? "none, only dust too small to sell" : "none";
}

function protectionWord(state) {
  if (!state.in_position) return "nothing to protect";
  if (state.unprotected_since) return "unprotected";
  if (state.resting_stop_price !== null) return "stop rests at the venue";
  return guard(state) === null ? "no stop set" : "stop not placed yet";
}

export function figures(config, state) {
  const unrealized = number(state.unrealized_pnl) ?? 0;
  const realized = number(state.total_realized_pnl) ?? 0;
  const daily = number(state.daily_pnl) ?? 0;
  const now = number(state.last_price);
  const equity = Number(config.initial_capital) + realized + unrealized;
  const dailyPercent = share(daily, equity - daily) ?? 0;
  return {
    ...state,
    quote: config.quote,
    equity,
    total_pnl: realized + unrealized,
    daily_percent: dailyPercent,
    position: state.in_position ? state.current_position_size_coins : null,
    side_word: sideWord(state),
    stop_distance: distance(number(state.stop_loss_price), now),
    target_distance: distance(number(state.take_profit_price), now),
    trail_distance: distance(number(state.trailing_stop_price), now),
    unguarded: state.in_position && !state.is_active && state.resting_stop_price === null,
    protection_word: protectionWord(state),
    is_unprotected: state.in_position && Boolean(state.unprotected_since),
    is_closing: state.in_position && Boolean(state.close_requested_at),
    can_close: state.in_position && !state.close_requested_at,
    can_delete: !state.is_active && !state.in_position,
    can_start: !state.is_active || LIFTED_BY_START.includes(state.state),
    start_word: state.is_active ? "Resume" : "Start",
    needs_a_person:
      NEEDS_A_PERSON.includes(state.state) ||
      (state.in_position && Boolean(state.unprotected_since)),
    track: track(state),
    gauges: {
      target: clamp(share(dailyPercent, number(config.daily_target_perc))),
      loss: clamp(share(-dailyPercent, number(config.max_daily_loss_perc))),
      trades: clamp(share(state.daily_trades_count, config.max_daily_trades)),
    },
  };
}

export function gaugeLevel(used) {
  if (used >= 100) return "reached";
  return used >= 75 ? "near" : "";
}
