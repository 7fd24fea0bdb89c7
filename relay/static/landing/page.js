/** The landing page: a live room, the way to it from elsewhere, and code with this address. */

import { RelayClient } from "../relay-client.js";
import { find } from "../shared/dom.js";
import { freeName, keepName, ownName } from "../shared/names.js";
import { svg } from "../shared/qr.js";
import { showRelease } from "../shared/release.js";
import { showState } from "../shared/state.js";
import { fillFromToken, isFor, keepToken } from "../shared/token.js";
import { milliseconds } from "../shared/units.js";
import { Cursors, roomOf } from "./cursors.js";
import { Form } from "./form.js";
import { Members } from "./members.js";
import { Messages } from "./messages.js";
import { writeSamples } from "./samples.js";

const HISTORY = 30; // messages shown to whoever comes in
const GUESSES = 5; // free names tried for who has not chosen one
const LOCAL = /^(localhost|127\.|\[::1\])/;

const text = find("text", HTMLInputElement);
const send = find("send", HTMLButtonElement);
const state = find("state", HTMLElement);
const now = find("now", HTMLButtonElement);
const delay = find("delay", HTMLElement);
const messages = new Messages(find("messages", HTMLOListElement), find("jump", HTMLButtonElement));
const members = new Members(
  find("here", HTMLElement),
  find("here-title", HTMLElement),
  find("members", HTMLUListElement),
);

/** @type {RelayClient | null} */
let client = null;

const form = new Form(
  () => join(),
  () => {
    client?.close("you left");
    form.inside = null; // also where the next free name is being looked for
  },
  () => showLinks(),
);

/** @param {number} [guesses] free names to try, for a name that nobody has chosen */
function join(guesses = 0) {
  const who = form.who;
  const { room, user, token } = who;
  client?.close("you are in another room now");
  /** @type {RelayClient} */
  let relay;
  try {
    relay = new RelayClient("/", { room, user, token: token || undefined, history: HISTORY });
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    form.refuse(message, []);
    return;
  }
  client = relay;
  form.inside = who;
  messages.clear();
  text.disabled = send.disabled = false;
  text.placeholder = `Write to ${room}`;
  showState(relay, state, now);
  /** @type {Cursors | null} */
  let cursors = null;
  relay.once("open", () => {
    if (guesses === 0) keepName(user);
    if (isFor(token, roomOf(room))) cursors = openCursors(who);
  });
  relay.on("message", (message) => messages.receive(message, user));
  for (const type of /** @type {const} */ (["open", "join", "leave", "members"])) {
    relay.on(type, () => members.show(relay.members, relay.count ?? 0, user));
  }
  tellOutages(relay);
  relay.on("close", async ({ code, reason }) => {
    cursors?.close();
    if (client !== relay) return; // the next one is there
    client = null;
    members.hide();
    delay.hidden = true;
    text.disabled = send.disabled = true;
    text.placeholder = "Join to write";
    const isOver = code !== null || form.inside !== who; // it was open, or somebody has left
    const isTaken = !isOver && / is in use /.test(reason);
    const isGuessing = isTaken && guesses > 0;
    if (!isGuessing) form.inside = null; // else the button stays as it is: another name is tried
    if (isOver) return;
    const taken = isTaken ? await namesIn(room, token) : [];
    if (client || (isGuessing && form.inside !== who)) return; // somebody has joined or left
    form.inside = null;
    if (!form.says(who)) return; // somebody has begun to write something else
    if (isGuessing) {
      form.user.value = freeName(user, taken);
      join(guesses - 1);
    } else {
      form.refuse(reason, taken);
    }
  });
}

/** @param {import("./form.js").Who} who */
function openCursors({ room, user, token }) {
  const surface = find("surface", HTMLElement);
  return new Cursors(surface, { room, user, token: token || undefined }, {
    delay: (name, ms) => {
      members.time(name, ms);
      if (name !== user) return;
      delay.hidden = false;
      delay.textContent = `${milliseconds(ms)} ms`;
    },
    silent: (ms) => {
      if (client?.state !== "open") return; // it says so itself
      state.dataset.state = ms ? "waiting" : "open";
      delay.textContent = ms ? `no answer for ${Math.round(ms / 1000)} s` : delay.textContent;
    },
  });
}

/** Say in the list what was missed, and what was not. @param {RelayClient} relay */
function tellOutages(relay) {
  let isWhole = true; // nothing was missed since it was open last
  let opened = 0; // times
  let isOpen = false;
  relay.on("gap", ({ missed }) => {
    isWhole = false;
    const unknown = "Messages sent meanwhile may be missing.";
    messages.say(missed ? `${missed} messages were missed.` : unknown);
  });
  relay.on("state", ({ state: now, reason }) => {
    if (now === "open") {
      isOpen = true;
      if (opened++ && isWhole) messages.say("Back. Nothing was missed.");
      isWhole = true;
    } else if (isOpen) {
      isOpen = false;
      members.hide();
      delay.hidden = true;
      if (now !== "closed") messages.say(`Reconnecting: ${reason}.`);
    }
  });
}

/** @param {string} room @param {string} token @returns {Promise<string[]>} */
async function namesIn(room, token) {
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
    const answer = await fetch(`/rooms/${encodeURIComponent(room)}`, { headers });
    return (await answer.json()).users ?? [];
  } catch {
    return [];
  }
}

function showLinks() {
  const { room, token } = form.who;
  const link = new URL(`/?${new URLSearchParams({ room: room || "lobby" })}`, location.origin);
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
  for (const place of document.querySelectorAll("[data-room]")) place.textContent = room || "lobby";
  writeSamples(room || "lobby", token);
}

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

const query = new URLSearchParams(location.search);
keepToken(form.token, find("show", HTMLButtonElement));
form.user.value ||= ownName(); // unless somebody was quicker than this script
form.room.value = query.get("room") ?? form.room.value;
fillFromToken(form.token, form.user, form.room);
form.inside = null; // from here on it does something
showLinks();
showRelease();
// The room is alive for everybody who may be in it.
const mayJoin = document.documentElement.dataset.tokens === "off" || form.token.value !== "";
if (mayJoin && !form.isBegun) join(GUESSES);
