/** The line at the foot of a page: which release this is, and for how long it has run. */

import { find } from "./dom.js";

/** Return seconds as the two units that matter: "3 d 4 h". @param {number} seconds */
export function duration(seconds) {
  const units = /** @type {const} */ ([
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ]);
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [unit, size] = units[first];
  const whole = `${Math.floor(seconds / size)} ${unit}`;
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return rest && next ? `${whole} ${rest} ${next[0]}` : whole;
}

/** Fill the foot of the page in. */
export async function showRelease() {
  try {
    const { version, commit, uptime_seconds } = await (await fetch("/health")).json();
    const release = commit === "unknown" ? version : `${version} (${commit.slice(0, 10)})`;
    find("release", HTMLElement).textContent = `Relay ${release}, up ${duration(uptime_seconds)}`;
  } catch {
    // The page does without it.
  }
}
