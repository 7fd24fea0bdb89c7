/** The line that says how the connection is, and counts down to the next attempt. */

/** @type {Record<import("../relay-client.js").State, string>} */
const WORDS = {
  connecting: "Connecting",
  open: "Connected",
  waiting: "Reconnecting",
  closed: "Not connected",
};

/**
 * Keep the element saying how the client is.
 *
 * @param {import("../relay-client.js").RelayClient} client
 * @param {HTMLElement} element with role="status"
 */
export function showState(client, element) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  client.on("state", ({ state, reason, retryIn }) => {
    clearInterval(timer);
    element.dataset.state = state;
    const said = `${WORDS[state]}: ${reason}`;
    if (retryIn === null) {
      element.textContent = `${said}.`;
      return;
    }
    const end = performance.now() + retryIn;
    const countdown = document.createElement("span");
    countdown.ariaHidden = "true"; // a reader of the screen hears it once, not each second
    const count = () => {
      const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      countdown.textContent = ` Next try in ${seconds} s.`;
    };
    count();
    element.replaceChildren(`${said}; trying again soon.`, countdown);
    timer = setInterval(count, 1000);
  });
}
