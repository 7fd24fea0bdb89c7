/** A small line of the last minute. */

const POINTS = 60;
const WIDTH = 120; // units of the drawing
const HEIGHT = 24;
const SVG = "http://www.w3.org/2000/svg";

export class Spark {
  element = document.createElementNS(SVG, "svg");
  #line = document.createElementNS(SVG, "polyline");
  /** @type {number[]} */
  #values = [];

  #unit;

  /** @param {string} unit of the values, in words */
  constructor(unit) {
    this.#unit = unit;
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("class", "spark");
    this.element.setAttribute("role", "img");
    this.element.append(this.#line);
  }

  /** @param {number} value */
  add(value) {
    const values = this.#values;
    values.push(value);
    if (values.length > POINTS) values.shift();
    const highest = Math.max(1, ...values);
    const step = WIDTH / (POINTS - 1);
    const first = POINTS - values.length;
    const points = values.map((each, at) => {
      const y = HEIGHT - 2 - (each / highest) * (HEIGHT - 4);
      return `${((first + at) * step).toFixed(1)},${y.toFixed(1)}`;
    });
    this.#line.setAttribute("points", points.join(" "));
    this.element.setAttribute("aria-label", `last minute: at most ${Math.round(highest)} ${this.#unit}`);
  }
}
