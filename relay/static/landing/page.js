/** The landing page: a live room, the way to it from elsewhere, and code with this address. */

import { RelayClient } from "../relay-client.js";
import { find, make } from "../shared/dom.js";
import { guestName } from "../shared/names.js";
import { svg } from "../shared/qr.js";
import { showRelease } from "../shared/release.js";
import { showState } from "../shared/state.js";
import { fillFromToken } from "../shared/token.js";
import { Messages } from "./messages.js";

const HISTORY = 30; // messages shown to whoever comes in
const LOCAL = /^(localhost|127\.|\[::1\])/;

const user = find("user", HTMLInputElement);
const room = find("room", HTMLInputElement);
const token = find("token", HTMLInputElement);
const enter = find("enter", HTMLButtonElement);
const text = find("text", HTMLInputElement);
const send = find("send", HTMLButtonElement);
const state = find("state", HTMLElement);
const here = find("here", HTMLElement);
const messages = new Messages(find("messages", HTMLOListElement));

/** @type {RelayClient | null} */
let client = null;

/** Show whether there is a room to write to. @param {boolean} inside */
function show(inside) {
  for (const field of [user, room, token]) field.disabled = inside;
  enter.textContent = inside ? "Leave" : "Join";
  enter.classList.toggle("plain", inside);
  text.disabled = send.disabled = !inside;
  text.placeholder = inside ? `Write to ${room.value}` : "Join to write";
  here.hidden = true;
}

function join() {
  const key = document.documentElement.dataset.tokens === "on" ? token.value.trim() : "";
  const relay = new RelayClient("/", {
    room: room.value,
    user: user.value,
    token: key || undefined,
    history: HISTORY,
  });
  client = relay;
  show(true);
  showState(relay, state);
  relay.on("message", (message) => messages.receive(message, relay.user));
  for (const type of /** @type {const} */ (["open", "join", "leave", "members"])) {
    relay.on(type, () => showMembers(relay));
  }
  let isWhole = true; // nothing was missed since it was open last
  relay.on("gap", ({ missed }) => {
    isWhole = false;
    const unknown = "Messages sent meanwhile may be missing.";
    messages.say(missed ? `${missed} messages were missed.` : unknown);
  });
  let opened = 0; // times
  let isOpen = false;
  relay.on("state", ({ state: now, reason }) => {
    if (now === "open") {
      isOpen = true;
      if (opened++ && isWhole) messages.say("Back. Nothing was missed.");
      isWhole = true;
    } else if (isOpen) {
      isOpen = false;
      here.hidden = true;
      if (now !== "closed") messages.say(`Reconnecting: ${reason}.`);
    }
  });
  relay.on("close", () => {
    client = null;
    show(false);
  });
}

/** @param {RelayClient} relay */
function showMembers({ members, count, user: own }) {
  here.hidden = false;
  find("here-title", HTMLElement).textContent = count === 1 ? "Only you" : `${count} here`;
  const names = members ?? []; // too many to list
  const items = names.map((name) => make("li", name === own ? "self" : "", name));
  find("members", HTMLUListElement).replaceChildren(...items);
}

function showLinks() {
  const link = new URL(
    `/?${new URLSearchParams({ room: room.value || "lobby" })}`,
    location.origin,
  );
  find("tab", HTMLAnchorElement).href = link.href;
  try {
    find("qr", HTMLElement).replaceChildren(svg(link.href, `QR code of ${link.href}`));
  } catch {
    find("qr", HTMLElement).replaceChildren(); // a name that no code holds; the link still works
  }
  if (LOCAL.test(location.hostname)) {
    find("second-hint", HTMLElement).textContent =
      `${location.hostname} only works on this computer. ` +
      "Open this page by its network address, and the code will work.";
  }
}

function fillCode() {
  const secure = location.protocol === "https:";
  for (const code of document.querySelectorAll("pre code")) {
    code.textContent = (code.textContent ?? "")
      .replaceAll("http://localhost:8080", location.origin)
      .replaceAll("ws://localhost:8080", `${secure ? "wss" : "ws"}://${location.host}`);
  }
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = !navigator.clipboard; // there is none without https
    button.addEventListener("click", async () => {
      const code = find(button.dataset.copy ?? "", HTMLElement);
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

find("join", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (client) {
    client.close("you left");
  } else {
    join();
    text.focus();
  }
});

find("composer", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (!client || !text.value) return;
  try {
    messages.send(client.user, text.value, client.send(text.value));
    text.value = "";
  } catch (error) {
    messages.say(error instanceof Error ? error.message : `${error}`);
  }
});

fillFromToken(token, user, room);
token.addEventListener("input", showLinks);
room.addEventListener("input", showLinks);
const asked = new URLSearchParams(location.search).get("room");
user.value ||= guestName(); // unless somebody was quicker than this script
if (asked) room.value = asked;
showLinks();
fillCode();
showRelease();
enter.disabled = false; // from here on it does something
// Who follows a link to a room wants to be in it.
if (asked && document.documentElement.dataset.tokens === "off") join();
