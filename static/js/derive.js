// Figures computed from a bot's settings and its state; bots/selectors/bot_view.py computes them alike.

const LIFTED_BY_START = ["error", "paused"];
const NEEDS_A_PERSON = ["error", "waiting"];

const number = (text) => (text === null || text === undefined ? null : Number(text));
const share = (part, whole) => (whole ? (part / whole) * 100 : null);
const clamp = (value) => Math.min(Math.max(value ?? 0, 0), 100);

function distance(level, now) {
  return level === null || !now ? null : share(level - now, now);
}

export function track(state) {
  const stops = [number(state.stop_loss_price), number(state.trailing_stop_price)];
  const low = Math.max(...stops.map((price) => price ?? -Infinity));
  const high = number(state.take_profit_price);
  const entryPrice = number(state.entry_price);
  const nowPrice = number(state.last_price);
  if (!Number.isFinite(low) || high === null || entryPrice === null || nowPrice === null) return null;
  if (high <= low) return null;
  const entry = clamp(share(entryPrice - low, high - low));
  const now = clamp(share(nowPrice - low, high - low));
  return {
    entry,
    now,
    from: Math.min(entry, now),
    width: Math.abs(entry - now),
    result: now >= entry ? "won" : "lost",
  };
}

function sideWord(state) {
  if (state.in_position) return "long";
  return number(state.current_position_size_coins) ? "none, only dust too small to sell" : "none";
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
    unguarded: state.in_position && !state.is_active,
    can_start: !state.is_active || LIFTED_BY_START.includes(state.state),
    start_word: state.is_active ? "Resume" : "Start",
    needs_a_person: NEEDS_A_PERSON.includes(state.state),
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
