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

/** All digits of a whole number, in groups of three; otherwise as many as matter. */
const full = (value) =>
  value == null ? "–" : value.toLocaleString("en", Number.isInteger(value) ? { maximumFractionDigits: 0 }
    : Math.abs(value) < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 1 });

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
 * Draws lines over x. `series`: {label, colour, values, dashed, fill, points, stepped, right, unit};
 * those at the right have an axis of their own there, named `right`.
 * `unit` stands behind values in the legend; `log` and `logX` ask for logarithmic axes; `whole`
 * and `ordinal` for x ticks at whole numbers, the latter with half a place at both ends; `counts` for
 * y ticks at whole numbers.
 * `xLabel` and `xValue` give the text for ticks and for the legend; `onPick` gets a clicked index.
 */
function draw(place, { x, series, unit = "", log = false, logX = false, xLabel, xValue, xName = "", height = 240, onPick, whole = false, ordinal = false, counts = false, right = "", space = 64 }) {
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
        ...(right && { right: { range: (_, low, high) => [0, (high || 1) * 1.12] } }),
      },
      axes: [
        { ...axis, grid: { show: false }, space, values: xLabel && ((_, ticks) => ticks.map(xLabel)),
          ...((whole || ordinal) && { incrs: WHOLE }), ...(ordinal && { space: 84 }) },
        { ...axis, size: 58, ...(counts && { incrs: WHOLE }), values: (_, ticks) =>
          ticks.map((tick) => (tick == null || (log && !round(tick)) ? "" : short(tick))) },
        ...(right ? [{ ...axis, scale: "right", side: 1, size: 58, grid: { show: false },
          values: (_, ticks) => ticks.map((tick) => `${short(tick)} ${right}`) }] : []),
      ],
      series: [
        { label: xName, value: (_, value) => (value == null ? "–" : (xValue ?? xLabel ?? full)(value)) },
        ...series.map((line) => ({
          label: line.label, stroke: colour(line.colour), scale: line.right ? "right" : "y", width: line.dashed ? 1.3 : 1.8,
          dash: line.dashed && [6, 5],
          fill: line.fill && faint(line.colour, 38),
          paths: line.lone ? () => null : line.stepped && uPlot.paths.stepped({ align: -1 }),
          points: { show: Boolean(line.points), size: 7, fill: colour(line.colour) },
          value: (_, value) => (value == null ? "–" : `${full(value)}${line.unit ?? unit}`),
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

/** A canvas of its own, as wide as its place, in the screen's pixels; `paint` draws on it, again whenever
 * size or colours change, and gets context, width and height. */
function canvas(place, height, paint) {
  const made = element("canvas", { className: "own" });
  made.style.height = `${height}px`;
  place.append(made);
  const again = () => {
    const width = Math.max(place.clientWidth, 260), ratio = devicePixelRatio || 1;
    made.width = width * ratio;
    made.height = height * ratio;
    const context = made.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "12px system-ui";
    paint(context, width, height);
  };
  again();
  drawn.push(again);
  return made;
}

/** Round numbers from 0 to `most`, at most `count` of them. */
function marks(most, count) {
  const distance = WHOLE.find((step) => most / step <= count) ?? most;
  return Array.from({ length: Math.floor(most / distance) + 1 }, (_, index) => index * distance);
}

/** Deliveries by latency over time. `heat`: edges of the rows in ms, and [second, row, count]; a column
 * ends with its second, and is `span` seconds wide. */
function heatmap(place, { edges, cells }, last, span = 1) {
  const height = 240, left = 58, bottom = 28;
  const most = Math.max(...cells.map(([, , count]) => count));
  canvas(place, height, (context, width) => {
    const wide = (width - left - 4) / last, tall = (height - bottom - 4) / edges.length;
    const heat = colour("heat");
    for (const [second, row, count] of cells) {
      // The square root, so that the few slow ones can be seen beside the many fast ones.
      context.fillStyle = `rgb(${heat} / ${(0.08 + 0.92 * Math.sqrt(count / most)).toFixed(3)})`;
      context.fillRect(left + (second - span) * wide, height - bottom - (row + 1) * tall, Math.max(wide * span - 0.5, 1), Math.max(tall - 0.5, 1));
    }
    context.fillStyle = colour("soft");
    context.textAlign = "right";
    context.textBaseline = "middle";
    let free = Infinity;
    edges.forEach((edge, row) => {
      const y = height - bottom - (row + 0.5) * tall;
      if (free - y < 18) return;
      free = y;
      context.fillText(`${short(edge)} ms`, left - 8, y);
    });
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const second of marks(last, width / 90)) {
      if (second) context.fillText(`${full(second)} s`, Math.min(left + (second - 0.5) * wide, width - 16), height - bottom + 8);
    }
  });
  place.append(element("div", { className: "key" }, "none", element("span", { className: "scale" }), `${full(most)} deliveries in ${span > 1 ? `${full(span)} seconds` : "a second"}`));
}

/** Each absence as a bar, one row for each member. `absences`: [member, left, back] in seconds. */
function bars(place, absences, last) {
  const members = [...new Set(absences.map(([member]) => member))];
  const tall = Math.max(Math.min(14, 420 / members.length), 2), left = 12, bottom = 28;
  const height = Math.max(members.length * tall, 20) + bottom + 4;
  const row = new Map(members.map((member, index) => [member, index]));
  canvas(place, height, (context, width) => {
    const scale = (width - 2 * left) / last;
    for (const [member, away, back] of absences) {
      context.fillStyle = colour(back == null ? "coral" : "violet");
      context.fillRect(left + away * scale, 2 + row.get(member) * tall, Math.max(((back ?? last) - away) * scale, 2), Math.max(tall - 1, 1));
    }
    context.fillStyle = colour("soft");
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const second of marks(last, width / 90)) context.fillText(`${full(second)} s`, Math.min(Math.max(left + second * scale, 14), width - 18), height - bottom + 8);
  });
}

let pending = 0;
const redraw = () => {
  cancelAnimationFrame(pending);
  pending = requestAnimationFrame(() => drawn.forEach((paint) => paint()));
};
SCHEME.addEventListener("change", redraw);
addEventListener("resize", redraw);

/** The class of a verdict's badge, and its word; results of the first schema had no word. */
function verdict(result) {
  const word = result.verdict;
  return [{ PASSED: "passed", FAILED: "failed", INCOMPLETE: "failed" }[word] ?? "doubtful", word];
}

/** A card with a table; columns after the first are numbers where there is a head. */
function table(title, head, rows) {
  const cell = (tag, text, index) => {
    const known = text instanceof Node ? text : String(text);
    return element(tag, { className: head?.[index] && index ? "number" : "" }, known);
  };
  return element("section", { className: "card" }, element("h2", {}, title), element("div", { className: "scroll" },
    element("table", {},
      head && element("thead", {}, element("tr", {}, ...head.map((text, index) => cell("th", text, index)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text, index) => cell("td", text, index))))))));
}
