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
export function backoff(failures: number, away: number, random?: () => number): number;
export const LONGEST_TIMER: number;
