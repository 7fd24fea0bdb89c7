/** Code with the address, room and token of this page: each sample runs as it stands. */

import { copies } from "../shared/copy.js";
import { claims } from "../shared/token.js";

const HTTP = "http://localhost:8080"; // as the page has it
const WS = "ws://localhost:8080";

/** Where a token goes. @type {Record<string, [string, (token: string) => string]>} */
const TOKENS = {
  browser: ['room: "lobby",', (token) => `room: "lobby",\n    token: "${token}",`],
  python: [
    "connect(URL)",
    (token) => `connect(\n        URL, additional_headers={"Authorization": "Bearer ${token}"}\n    )`,
  ],
  node: [
    "new WebSocket(url)",
    (token) => `new WebSocket(url, {\n  headers: { Authorization: "Bearer ${token}" },\n})`,
  ],
  shell: [
    '-H "Content-Type: text/plain" \\',
    (token) => `-H "Content-Type: text/plain" \\\n  -H "Authorization: Bearer ${token}" \\`,
  ],
};

const samples = [...document.querySelectorAll("pre code")].map((element) => ({
  element,
  text: element.textContent ?? "",
  whole: "", // with the token
}));

for (const sample of samples) {
  const button = document.querySelector(`button[data-copy="${sample.element.id}"]`);
  if (button instanceof HTMLButtonElement) copies(button, () => sample.whole);
}

/**
 * Write the samples for this room and token.
 *
 * @param {string} room
 * @param {string} token "": none. It is shown by its first letters, and copied whole
 */
export function writeSamples(room, token) {
  for (const sample of samples) {
    const { element, text } = sample;
    sample.whole = write(element.id, text, room, token, token);
    element.textContent = write(element.id, text, room, token, token && `${token.slice(0, 6)}…`);
  }
}

/**
 * @param {string} id
 * @param {string} text
 * @param {string} room
 * @param {string} token
 * @param {string} shown of the token
 */
function write(id, text, room, token, shown) {
  const part = encodeURIComponent(room).replaceAll("'", "%27");
  let written = text;
  if (token && id in TOKENS) {
    const [place, fill] = TOKENS[id];
    written = written.replace(place, () => fill(shown));
    const { user } = claims(token);
    // The token is for one name.
    if (user) {
      written = written
        .replace(/\/ws\/\w+/, () => `/ws/${encodeURIComponent(user)}`)
        .replace(/user: "\w+"/, () => `user: ${JSON.stringify(user)}`);
    }
  }
  const { origin, host, protocol } = location;
  return written
    .replaceAll('room: "lobby"', () => `room: ${JSON.stringify(room)}`)
    .replaceAll("room=lobby", () => `room=${part}`)
    .replaceAll("/rooms/lobby/", () => `/rooms/${part}/`)
    .replaceAll(HTTP, origin)
    .replaceAll(WS, `${protocol === "https:" ? "wss" : "ws"}://${host}`);
}
