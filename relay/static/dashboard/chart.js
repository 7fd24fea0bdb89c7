/** One chart of uPlot in the colours of the page. */

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
 * @property {(place: { left: number, top: number }) => void} setCursor
 * @property {(value: number, scale: string) => number} valToPos
 * @property {() => void} destroy
 *
 * @typedef {{ new (options: object, data: Columns, target: HTMLElement): Chart }} UPlot
 */

/**
 * Return the chart of a tile.
 *
 * @param {HTMLElement} target
 * @param {Tile} tile
 * @param {() => number} seconds that are shown
 * @param {(index: number | null) => void} point at a place of the columns, or at none
 */
export function makeChart(target, tile, seconds, point) {
  const UPlot = /** @type {{ uPlot: UPlot }} */ (/** @type {unknown} */ (globalThis)).uPlot;
  /** @type {Columns} */
  let data = [[], ...tile.series.map(() => [])];
  /** @type {Chart} */
  let chart;
  const build = () => {
    chart?.destroy();
    chart = new UPlot(options(target, tile, seconds, point), data, target);
  };
  build();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  const fit = () => chart.setSize({ width: target.clientWidth, height: HEIGHT });
  new ResizeObserver(fit).observe(target);
  return {
    /** @param {Columns} columns the first is time */
    draw(columns) {
      data = columns;
      chart.setData(data);
    },
    /** Put the cursor on a time; null takes it away. @param {number | null} time */
    show(time) {
      const left = time === null ? -10 : chart.valToPos(time, "x");
      chart.setCursor({ left, top: time === null ? -10 : 1 });
    },
  };
}

/** @type {(chart: unknown, low: number, high: number) => [number, number]} */
const fromZero = (_, __, high) => [0, high > 0 ? high * 1.1 : 1];

/** @param {(value: number) => string} format */
function labels(format) {
  return (/** @type {unknown} */ _, /** @type {number[]} */ values) => values.map(format);
}

/**
 * @param {HTMLElement} target
 * @param {Tile} tile
 * @param {() => number} seconds
 * @param {(index: number | null) => void} point
 */
function options(target, tile, seconds, point) {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const font = `11px ${colour("--sans")}`;
  const axis = { stroke: colour("--quiet"), font, ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  return {
    width: target.clientWidth,
    height: HEIGHT,
    padding: [8, 28, 0, 0], // right: half a label of the time
    legend: { show: false },
    cursor: { sync: { key: SYNC }, y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: {
        range: (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ high) => [
          high - seconds(),
          high,
        ],
      },
      y: { range: fromZero },
    },
    axes: [
      {
        ...axis,
        size: 22,
        space: 80,
        grid: { show: false },
        values: labels((time) => clock(time, seconds() <= 60)),
      },
      {
        ...axis,
        size: 56,
        space: 32,
        grid,
        values: labels(tile.format),
      },
    ],
    series: [
      {},
      ...tile.series.map(({ label, isLimit }, index) => ({
        label,
        stroke: colour(isLimit ? "--bad" : index ? "--ink-2" : "--accent"),
        width: isLimit ? 1 : 1.5,
        dash: isLimit ? [5, 4] : undefined,
        fill: index ? undefined : `${colour("--accent")}1f`,
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [(/** @type {Chart} */ { cursor: { idx } }) => point(idx ?? null)],
    },
  };
}

/**
 * @param {number} time Unix time, seconds
 * @param {boolean} withSeconds
 */
export function clock(time, withSeconds) {
  return new Date(time * 1000).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: withSeconds ? "2-digit" : undefined,
    hourCycle: "h23",
  });
}
