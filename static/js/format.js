// Numbers and times as the pages write them; bots/templatetags/figures.py writes them alike.

export const NOTHING = "—";
const COINS = ["BTC", "ETH", "BNB"]; // quote currencies of which 0.01 is real money
const MINUS = "\u2212";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const language = document.documentElement.lang || "en";

function grouped(value, decimals) {
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const text = Math.abs(value).toLocaleString(language, options);
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

const known = (write) => (value, currency) =>
  value === null || value === undefined || value === "" ? NOTHING : write(Number(value), currency);

const moneyDecimals = (currency) => (COINS.includes(currency) ? 8 : 2);

export function priceDecimals(value) {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return 2;
  if (size >= 1) return 4;
  return size >= 0.01 ? 6 : 8;
}

function quantityDecimals(value) {
  if (Math.abs(value) >= 1000) return 2;
  const used = Math.abs(value).toFixed(8).replace(/0+$/, "").split(".")[1]?.length ?? 0;
  return Math.min(Math.max(used, 5), 8);
}

export const price = known((value) => grouped(value, priceDecimals(value)));
export const quantity = known((value) => grouped(value, quantityDecimals(value)));
export const money = known((value, currency) => grouped(value, moneyDecimals(currency)));
export const count = known((value) => grouped(value, 0));

export const signed = known((value, currency) => {
  const text = money(value, currency);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
});

export const percent = known((value) => `${signed(value)} %`);

export function utc(text) {
  if (!text) return NOTHING;
  const moment = new Date(text);
  const clock = moment.toISOString().slice(11, 19);
  return `${moment.getUTCDate()} ${MONTHS[moment.getUTCMonth()]} ${moment.getUTCFullYear()} ${clock}`;
}

export function utcMonth(text) {
  const options = { month: "long", year: "numeric", timeZone: "UTC" };
  return new Date(text).toLocaleString(language, options);
}

export function utcFromSeconds(seconds) {
  return utc(new Date(seconds * 1000).toISOString()).slice(0, -3);
}

const MINUTE = 60;
const HOUR = 3600;

export const seconds = known((value) => {
  const whole = Math.floor(value);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${whole % MINUTE} s`;
  return `${Math.floor(whole / HOUR)} h ${Math.floor((whole % HOUR) / MINUTE)} min`;
});

export const words = (code) => code.replaceAll("_", " ");

/** Write an age: 2 s, 3 min, 5 h, 2 days. */
export function old(seconds) {
  if (seconds < 90) return `${Math.max(Math.round(seconds), 1)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function age(seconds) {
  return seconds < 1.5 ? "now" : `${old(seconds)} ago`;
}

/** Return the class of a profit or a loss, none for what is written as zero. */
export function tone(value, currency) {
  if (!/[1-9]/.test(money(value, currency))) return "";
  return Number(value) > 0 ? "is-gain" : "is-loss";
}
