/** A QR code as an SVG element. */

import { generate } from "../vendor/lean-qr/lean-qr.js";

const MARGIN = 4; // modules, as ISO/IEC 18004 asks for
const SVG = "http://www.w3.org/2000/svg";

/**
 * Return the code, dark on transparent; throws for a text that no code holds.
 *
 * @param {string} text
 * @param {string} label for those who do not see it
 */
export function svg(text, label) {
  const code = generate(text);
  const element = document.createElementNS(SVG, "svg");
  const side = code.size + 2 * MARGIN;
  element.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${side} ${side}`);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", outline(code));
  element.append(path);
  return element;
}

/** @param {{ size: number, get: (x: number, y: number) => boolean }} code */
function outline({ size, get }) {
  let drawn = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) if (get(x, y)) drawn += `M${x} ${y}h1v1h-1z`;
  }
  return drawn;
}
