// What report and dashboard share: numbers as people read them, and charts in the page's colours.
"use strict";

const SCHEME = matchMedia("(prefers-color-scheme: dark)");
const drawn = []; // functions that draw a chart, called again when the colours change

/** The value of a CSS variable, so that charts wear the page's colours. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** 1234567 as 1.23 M: three digits and what they are worth. */
function short(value) {
  if (value == null) return "–";
  const size = Math.abs(value);
  for (const [unit, factor] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (size >= factor) return `${+(value / factor).toPrecision(3)} ${unit}`;
  }
  return `${+value.toPrecision(3)}`;
}

/** All digits of a whole number, in groups of three; one place behind the point otherwise. */
const full = (value) =>
  value == null ? "–" : value.toLocaleString("en", { maximumFractionDigits: Number.isInteger(value) ? 0 : 1 });

/** Distances of ticks that make sense for things and seconds. */
const WHOLE = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8];

/** Whether a number begins with 1, 2 or 5: the ticks of a logarithmic axis that are named. */
const round = (value) => value != null && /^[125]/.test(value.toExponential());

/** An element with attributes and children; strings become text, never markup. */
function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A card with a title, a line of explanation and a place for a chart, which it returns. */
function card(parent, title, explanation, wide = false) {
  const place = element("div", { className: "plot" });
  parent.append(
    element("section", { className: wide ? "card wide" : "card" },
      element("h2", {}, title), element("p", {}, explanation), place),
  );
  return place;
}

/** The colour with an alpha channel (0 to 255), for fills. */
const faint = (name, alpha) => colour(name) + alpha.toString(16).padStart(2, "0");

/**
 * Draws lines over x. `series`: {label, colour, values, dashed, fill, points, stepped}.
 * `unit` stands behind values in the legend; `log` and `logX` ask for logarithmic axes; `whole`
 * and `ordinal` for x ticks at whole numbers, the latter with half a place at both ends; `counts` for
 * y ticks at whole numbers.
 * `xLabel` and `xValue` give the text for ticks and for the legend; `onPick` gets a clicked index.
 */
function draw(place, { x, series, unit = "", log = false, logX = false, xLabel, xValue, xName = "", height = 240, onPick, whole = false, ordinal = false, counts = false }) {
  let plot = null;
  const paint = () => {
    plot?.destroy();
    const axis = {
      stroke: colour("soft"), font: "12px system-ui", ticks: { stroke: colour("line"), width: 1, size: 5 },
      grid: { stroke: colour("line"), width: 1 },
    };
    plot = new uPlot({
      width: Math.max(place.clientWidth, 260), height,
      scales: {
        x: { time: false, distr: logX ? 3 : 1, ...(ordinal && { range: [-0.5, x.length - 0.5] }) },
        y: log ? { distr: 3 } : { range: (_, low, high) => [0, (high || 1) * 1.12] },
      },
      axes: [
        { ...axis, grid: { show: false }, values: xLabel && ((_, ticks) => ticks.map(xLabel)),
          ...((whole || ordinal) && { incrs: WHOLE }), ...(ordinal && { space: 84 }) },
        { ...axis, size: 58, ...(counts && { incrs: WHOLE }), values: (_, ticks) =>
          ticks.map((tick) => (tick == null || (log && !round(tick)) ? "" : short(tick))) },
      ],
      series: [
        { label: xName, value: (_, value) => (value == null ? "–" : (xValue ?? xLabel ?? full)(value)) },
        ...series.map((line) => ({
          label: line.label, stroke: colour(line.colour), width: line.dashed ? 1.3 : 1.8,
          dash: line.dashed && [6, 5],
          fill: line.fill && faint(line.colour, 38),
          paths: line.stepped && uPlot.paths.stepped({ align: -1 }),
          points: { show: Boolean(line.points), size: 7, fill: colour(line.colour) },
          value: (_, value) => (value == null ? "–" : `${full(value)}${unit}`),
        })),
      ],
      cursor: { y: false, points: { size: 8 }, drag: { x: false, y: false } },
      legend: { live: true },
      hooks: onPick && { ready: [(ready) => ready.over.addEventListener("click", () => ready.cursor.idx != null && onPick(ready.cursor.idx))] },
    }, [x, ...series.map((line) => line.values)], place);
    if (onPick) plot.over.style.cursor = "pointer";
  };
  paint();
  drawn.push(paint);
}

let pending = 0;
const redraw = () => {
  cancelAnimationFrame(pending);
  pending = requestAnimationFrame(() => drawn.forEach((paint) => paint()));
};
SCHEME.addEventListener("change", redraw);
addEventListener("resize", redraw);

/** PASSED, FAILED, or that one should not read much into it. */
function verdict(result) {
  if (result.passed) return ["passed", "PASSED"];
  if (result.invalid.length) return ["doubtful", "INVALID"];
  if (result.incomplete.length) return ["failed", "INCOMPLETE"];
  return ["failed", "FAILED"];
}
