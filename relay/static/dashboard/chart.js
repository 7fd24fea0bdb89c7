/** One chart of uPlot in the colours of the page. */

const WINDOW = 600; // seconds
const HEIGHT = 136; // px
const SYNC = "dashboard"; // one cursor for all charts

/**
 * @typedef {(number | null)[][]} Columns time, and one for each series
 * @typedef {import("./tiles.js").Tile} Tile
 *
 * @typedef {object} Chart what we use of uPlot's
 * @property {Columns} data
 * @property {{ idx: number | null | undefined }} cursor
 * @property {(data: Columns) => void} setData
 * @property {(size: { width: number, height: number }) => void} setSize
 * @property {() => void} destroy
 *
 * @typedef {{ new (options: object, data: Columns, target: HTMLElement): Chart }} UPlot
 */

/**
 * Return the chart of a tile; `draw` gives it new columns, the first of which is time.
 *
 * @param {HTMLElement} target
 * @param {Tile} tile
 */
export function makeChart(target, tile) {
  const UPlot = /** @type {{ uPlot: UPlot }} */ (/** @type {unknown} */ (globalThis)).uPlot;
  /** @type {Columns} */
  let data = [[], ...tile.series.map(() => [])];
  /** @type {Chart} */
  let chart;
  const build = () => {
    chart?.destroy();
    chart = new UPlot(options(target, tile), data, target);
  };
  build();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  const fit = () => chart.setSize({ width: target.clientWidth, height: HEIGHT });
  new ResizeObserver(fit).observe(target);
  return {
    /** @param {Columns} columns */
    draw(columns) {
      data = columns;
      chart.setData(data);
    },
  };
}

/** @type {(chart: unknown, low: number, high: number) => [number, number]} */
const lastMinutes = (_, __, high) => [high - WINDOW, high];

/** @type {(chart: unknown, low: number, high: number) => [number, number]} */
const fromZero = (_, __, high) => [0, high > 0 ? high * 1.1 : 1];

/** @param {(value: number) => string} format */
function labels(format) {
  return (/** @type {unknown} */ _, /** @type {number[]} */ values) => values.map(format);
}

/** @param {HTMLElement} target @param {Tile} tile */
function options(target, tile) {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const font = `11px ${colour("--sans")}`;
  const axis = { stroke: colour("--quiet"), font, ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  return {
    width: target.clientWidth,
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC }, y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { range: lastMinutes }, y: { range: fromZero } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 80,
        grid: { show: false },
        values: labels(clock),
      },
      {
        ...axis,
        size: 52,
        space: 32,
        grid,
        values: labels(tile.format),
      },
    ],
    series: [
      {},
      ...tile.series.map(({ label }, index) => ({
        label,
        stroke: colour(index ? "--ink-2" : "--accent"),
        width: 1.5,
        fill: index ? undefined : `${colour("--accent")}1f`,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(/** @type {Chart} */ chart) => show(target, tile, chart)] },
  };
}

/**
 * Say below the pointer what it points at.
 *
 * @param {HTMLElement} target
 * @param {Tile} tile
 * @param {Chart} chart
 */
function show(target, tile, { cursor: { idx }, data }) {
  const time = idx == null ? null : data[0][idx];
  target.title =
    idx == null || time == null
      ? ""
      : [
          new Date(time * 1000).toLocaleTimeString(),
          ...tile.series.map(({ label }, at) => `${tile.format(data[at + 1][idx] ?? 0)} ${label}`),
        ].join(", ");
}

/** @param {number} seconds Unix time */
function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
}
