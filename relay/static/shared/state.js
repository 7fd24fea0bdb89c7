/** The line that says how the connection is, and counts down to the next attempt. */

import { make } from "./dom.js";

/** @type {Record<import("../relay-client.js").State, string>} */
const WORDS = {
  connecting: "Connecting",
  open: "Connected",
  waiting: "Reconnecting",
  closed: "Not connected",
};

/**
 * Keep the element saying how the client is; the button connects at once.
 *
 * @param {import("../relay-client.js").RelayClient} client
 * @param {HTMLElement} element with role="status"
 * @param {HTMLButtonElement} now shown while the client waits
 */
export function showState(client, element, now) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const stop = new AbortController();
  const { signal } = stop;
  now.addEventListener("click", () => client.reconnect(), { signal });
  // The client asks the relay meanwhile; a browser that is offline knows it at once.
  addEventListener(
    "offline",
    () => {
      if (client.state !== "open") return;
      element.dataset.state = "waiting";
      element.textContent = "This device is offline. Messages wait until it is back.";
    },
    { signal },
  );
  client.on("state", ({ state, reason, retryIn }) => {
    clearInterval(timer);
    if (state === "closed") stop.abort();
    element.dataset.state = state;
    now.hidden = state !== "waiting";
    const said = reason.startsWith("connecting to ")
      ? `Connecting${reason.slice("connecting".length)}`
      : `${WORDS[state]}: ${reason}`;
    if (retryIn === null) {
      element.textContent = `${said}.`;
      return;
    }
    const end = performance.now() + retryIn;
    const countdown = make("span", "");
    countdown.ariaHidden = "true"; // a reader of the screen hears it once, not each second
    const count = () => {
      const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      countdown.textContent = ` Next try in ${seconds} s.`;
    };
    count();
    const soon = make("span", "unseen", " Trying again soon.");
    element.replaceChildren(make("span", "", `${said}.`, soon, countdown));
    timer = setInterval(count, 1000);
  });
}
