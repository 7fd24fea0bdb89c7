/** The relay's clock, so that a delay between two machines means something. */

const ASKED = 5; // times; the fastest answer says it best

/** This device's Unix time in ms, by a clock that never jumps. */
export function localTime() {
  return performance.timeOrigin + performance.now();
}

/**
 * Return how far the relay's clock is ahead of this device's, and how wrong that may be, in ms; an
 * error of null says that the relay could not be asked.
 *
 * @param {URL} base the relay's address
 * @returns {Promise<{ ahead: number, error: number | null }>}
 */
export async function compareClocks(base) {
  let best = { ahead: 0, error: /** @type {number | null} */ (null) };
  try {
    for (let turn = 0; turn < ASKED; turn++) {
      const sent = localTime();
      const answer = await fetch(new URL("/live?since=999999999999999", base), {
        cache: "no-store",
      });
      const received = localTime();
      const { time } = await answer.json();
      const error = (received - sent) / 2;
      if (best.error === null || error < best.error) {
        best = { ahead: time * 1000 - sent - error, error };
      }
    }
  } catch {
    // An older relay, or one that does not let this page read its answers.
  }
  return best;
}
