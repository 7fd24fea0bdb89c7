/** Work that many events ask for, and that the screen needs once. */

/**
 * Return a function that has `work` done with the next frame, however often it is called before.
 *
 * @param {() => void} work
 * @param {number} [gap] ms at least between two times
 */
export function perFrame(work, gap = 0) {
  let isPlanned = false;
  let done = -Infinity;
  const run = () => {
    isPlanned = false;
    done = performance.now();
    work();
  };
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    const wait = done + gap - performance.now();
    if (wait > 0) setTimeout(() => requestAnimationFrame(run), wait);
    else requestAnimationFrame(run);
  };
}
