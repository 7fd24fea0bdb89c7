/**
 * Loads the page again where the network failed while its scripts arrived; a page names it first.
 *
 * A phone that changes from one network to another loses what is on its way, and a page without one
 * of its scripts does nothing at all.
 */

const AGAIN = 3; // times
const WAIT = 1000; // ms, and each time as much more

let hasFailed = false;

addEventListener(
  "error",
  ({ target }) => {
    if (!(target instanceof HTMLScriptElement) || hasFailed) return;
    hasFailed = true;
    const times = (Number(history.state?.loads) || 0) + 1;
    const isLast = times > AGAIN;
    const element = document.getElementById("state");
    if (element) {
      element.dataset.state = isLast ? "closed" : "waiting";
      element.textContent = isLast
        ? "Parts of this page did not load. Reload it."
        : "Parts of this page did not load. Loading it again.";
    }
    if (isLast) return;
    history.replaceState({ loads: times }, ""); // which a reload keeps
    setTimeout(() => location.reload(), WAIT * times);
  },
  true, // such an event does not bubble
);

addEventListener("load", () => {
  if (!hasFailed) history.replaceState(null, "");
});

export {};
