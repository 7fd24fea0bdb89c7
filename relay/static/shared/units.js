/** Figures as people read them: three digits and a unit. */

const count = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });
const BYTES = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} value */
export function number(value) {
  return count.format(value);
}

/** @param {number} value */
export function size(value) {
  const step = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), BYTES.length - 1);
  return `${count.format(value / 1000 ** step)} ${BYTES[step]}`;
}

/** @param {number} value ms */
export function milliseconds(value) {
  return value > 0 && value < 10 ? value.toFixed(1) : value.toFixed(0);
}

/** @param {number} value from 0 to 100 */
export function percent(value) {
  return `${value > 0 && value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}
