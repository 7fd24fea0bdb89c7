/** How long to wait before the next attempt. */

const FIRST = 500; // ms
const LONGEST_AT_FIRST = 5_000; // ms, while
const AT_FIRST = 60_000; // ms have not passed since the connection was lost
const LONGEST = 30_000; // ms
export const LONGEST_TIMER = 2 ** 31 - 1; // ms; one that is to wait for longer does not wait at all

/**
 * Return how long to wait after so many failures in a row: full jitter, so that clients that were
 * cut off together do not come back together.
 *
 * @param {number} failures from 0
 * @param {number} away ms since the connection was lost
 * @param {() => number} [random] from 0 to 1
 * @returns {number} milliseconds: at most 500 after the first failure, 5,000 in the first minute,
 *   and never above 30,000
 */
export function backoff(failures, away, random = Math.random) {
  const longest = away < AT_FIRST ? LONGEST_AT_FIRST : LONGEST;
  return random() * Math.min(FIRST * 2 ** failures, longest);
}
