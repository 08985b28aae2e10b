// The page's colours as the chart library wants them: resolved, because a canvas knows no variables.

const TOKENS = ["accent", "violet", "gain", "loss", "warning", "muted", "line", "panel", "text", "line-strong"];

function resolve() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colors = {};
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    colors[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colors;
}

function faded(color, share) {
  const [red, green, blue] = color.match(/[\d.]+/g);
  return `rgba(${red}, ${green}, ${blue}, ${share})`;
}

/** Return colours by token and ready-made options for chart and candles. */
export function theme() {
  const colors = resolve();
  const border = { borderColor: colors.line };
  const label = { color: faded(colors.muted, 0.5), labelBackgroundColor: colors["line-strong"] };
  return {
    ...colors,
    volume: faded(colors.muted, 0.22),
    chart: {
      layout: {
        background: { color: "transparent" },
        textColor: colors.muted,
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
        attributionLogo: false,
      },
      grid: { vertLines: { color: faded(colors.line, 0.5) }, horzLines: { color: faded(colors.line, 0.5) } },
      rightPriceScale: border,
      timeScale: { ...border, timeVisible: true, secondsVisible: false, rightOffset: 4 },
      crosshair: { mode: 0, vertLine: label, horzLine: label },
      localization: { locale: document.documentElement.lang || "en" },
    },
    candles: {
      upColor: colors.gain,
      downColor: colors.loss,
      borderUpColor: colors.gain,
      borderDownColor: colors.loss,
      wickUpColor: colors.gain,
      wickDownColor: colors.loss,
      priceLineColor: colors.muted,
    },
  };
}
