/** The audio page: joins a room, sends what the microphone hears, plays what the others say. */

import { RelayClient } from "../relay-client.js";
import { find } from "../shared/dom.js";
import { watchMembers } from "../shared/members.js";
import { keepName, ownName } from "../shared/names.js";
import { showRelease } from "../shared/release.js";
import { showState } from "../shared/state.js";
import { fillFromToken, keepToken } from "../shared/token.js";
import { compareClocks, localTime } from "./clock.js";
import { chosenDevices, listDevices, watchDevices } from "./devices.js";
import { OPUS, PCM, decode, encode } from "./frame.js";
import { Listener } from "./listener.js";
import { Microphone, canEncodeOpus, explain } from "./microphone.js";
import { People, showLevel } from "./people.js";

const QUEUE = 48_000; // bytes: with half a second of PCM waiting, frames are left out
const MOST_SPEAKERS = 50; // names are what senders write, and each costs a decoder
const COMPARED = 60_000; // ms between two comparisons of the clocks
const LOOKED = 2_000; // ms between two looks at the audio device
const METER = 100; // ms between two looks at the microphone's level

const user = find("user", HTMLInputElement);
const room = find("room", HTMLInputElement);
const token = find("token", HTMLInputElement);
const address = find("relay", HTMLInputElement);
const codec = find("codec", HTMLSelectElement);
const enter = find("enter", HTMLButtonElement);
const mute = find("mute", HTMLButtonElement);
const state = find("state", HTMLElement);
const listen = find("listen", HTMLInputElement);
const device = find("device", HTMLElement);
const play = find("play", HTMLButtonElement);
/** @type {Listener | null} */
let hearing = null;
const people = new People(
  find("speakers", HTMLElement),
  find("nobody", HTMLElement),
  (name, volume) => hearing?.setVolume(name, volume),
);

/** @type {(() => void) | null} */
let leave = null;

/** @param {string} text "" when all is well */
function trouble(text) {
  const note = find("trouble", HTMLElement);
  note.hidden = !text;
  note.textContent = text;
}

/** Show whether this page is in a room. @param {boolean} inside */
function show(inside) {
  const microphone = find("microphone", HTMLSelectElement);
  for (const field of [user, room, token, address, codec, listen, microphone]) {
    field.disabled = inside;
  }
  enter.textContent = inside ? "Leave" : listen.checked ? "Join and listen" : "Join and speak";
  enter.classList.toggle("plain", inside);
  enter.disabled = false;
  mute.hidden = find("own", HTMLElement).hidden = true;
  mute.setAttribute("aria-pressed", "false");
  mute.textContent = "Mute";
}

async function join() {
  if (!window.AudioWorkletNode || !navigator.mediaDevices) {
    trouble(
      window.isSecureContext
        ? "This browser has no AudioWorklet, which this page needs to record and to play sound."
        : "This page was loaded over plain http, where browsers allow no sound. " +
            "Open it over https, or as localhost on the relay’s own machine.",
    );
    return;
  }
  trouble("");
  show(true);
  enter.disabled = true; // until there is something to leave
  const base = new URL(address.value);
  const key = document.documentElement.dataset.tokens === "on" ? token.value.trim() : "";
  let ahead = 0; // of the relay's clock, ms
  let isOpen = false;
  const listener = await Listener.open(
    () => localTime() + ahead,
    (reports) => {
      if (!leave || !isOpen) return; // a last report, or of nobody
      for (const report of reports) people.get(report.name).report(report, listener.outputDelay);
    },
  );
  hearing = listener;
  await listener.playOn(chosenDevices().output).catch(() => trouble("The loudspeaker that you chose is not available."));
  const relay = new RelayClient(base, {
    room: room.value,
    user: user.value,
    token: key || undefined,
    lag: "skip",
    protocol: "raw", // sound that was missed is not wanted later
  });
  showState(relay, state, find("now", HTMLButtonElement));
  relay.on("state", (change) => {
    isOpen = change.state === "open";
    if (!isOpen) people.forget();
  });
  watchMembers(relay, base, key, (names) => {
    const gone = people.show(names.filter((name) => name !== relay.user));
    for (const name of gone) listener.forget(name);
  });
  relay.on("message", ({ data }) => {
    const frame = typeof data === "string" ? null : decode(data);
    if (!frame) return; // something else than this page's audio
    if (people.size >= MOST_SPEAKERS && !people.has(frame.name)) return;
    const person = people.get(frame.name);
    person.heard = performance.now();
    if (!listener.take(frame)) person.refuse("sends Opus, which this browser cannot decode");
  });
  const compare = async () => {
    const found = await compareClocks(base);
    ahead = found.ahead;
    listener.adjust();
    const note = find("clock", HTMLElement);
    note.hidden = false;
    note.textContent =
      found.error === null
        ? "The relay’s clock could not be read. Delays use this device’s clock: they are wrong by " +
          "as much as the speaker’s clock differs from it."
        : `Delays use the relay’s clock, give or take ${Math.ceil(found.error)} ms.`;
  };
  relay.on("open", () => {
    keepName(relay.user);
    compare();
  });
  const timers = [
    setInterval(compare, COMPARED),
    setInterval(() => watchDevice(listener), LOOKED),
  ];
  watchDevice(listener);
  const speaking = listen.checked ? null : speak(relay, () => ahead);
  leave = () => relay.close("you left");
  enter.disabled = false;
  relay.on("close", async () => {
    leave = null;
    hearing = null;
    for (const timer of timers) clearInterval(timer);
    device.hidden = true;
    show(false);
    people.clear();
    listener.close();
    (await speaking)?.close();
  });
}

/** Say it where nothing would be heard. @param {Listener} listener */
async function watchDevice(listener) {
  const said = await listener.trouble();
  if (hearing !== listener) return;
  device.hidden = !said;
  if (find("device-text", HTMLElement).textContent !== said) {
    find("device-text", HTMLElement).textContent = said;
  }
  play.hidden = !said.includes("press Play");
}

/**
 * Send what the microphone hears; say why where there is none.
 *
 * @param {RelayClient} relay
 * @param {() => number} ahead of the relay's clock, ms
 */
async function speak(relay, ahead) {
  const stream = crypto.getRandomValues(new Uint32Array(1))[0];
  let sequence = 0;
  let unsent = 0;
  /** @type {Microphone} */
  let microphone;
  try {
    microphone = await Microphone.open(
      chosenDevices().microphone,
      Number(codec.value),
      (codec, sound, capture) => {
        if (relay.state !== "open") return;
        const frame = {
          codec,
          stream,
          sequence: sequence++,
          capture: capture + ahead(),
          name: relay.user,
          sound,
        };
        // Sound that waits is worth less than sound that is missing.
        if (relay.queued > QUEUE) unsent++;
        else relay.send(encode(frame));
        find("sending", HTMLElement).textContent = codec === OPUS ? "Opus" : "PCM";
      },
      () => trouble("The microphone was disconnected. You still hear the others; join again to speak."),
    );
  } catch (error) {
    trouble(`${explain(error)} You still hear the others.`);
    return null;
  }
  listDevices(); // their names are told from now on
  if (relay.state === "closed") return microphone;
  mute.hidden = find("own", HTMLElement).hidden = false;
  mute.onclick = () => {
    microphone.muted = !microphone.muted;
    mute.setAttribute("aria-pressed", `${microphone.muted}`);
    mute.textContent = microphone.muted ? "Unmute" : "Mute";
    if (microphone.muted) find("sending", HTMLElement).textContent = "nothing";
  };
  const timer = setInterval(() => {
    showLevel(find("own-level", HTMLElement), microphone.level);
    find("sent", HTMLElement).textContent = (sequence - unsent).toLocaleString();
    find("unsent", HTMLElement).textContent = (unsent + microphone.dropped).toLocaleString();
  }, METER);
  relay.on("close", () => clearInterval(timer));
  return microphone;
}

function showInvite() {
  const query = new URLSearchParams({ room: room.value });
  find("invite", HTMLAnchorElement).href = `/audio?${query}`;
}

find("join", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (leave) leave();
  else
    join().catch((error) => {
      show(false);
      trouble(`${error instanceof Error ? error.message : error}`);
    });
});

play.addEventListener("click", () => hearing?.resume());
listen.addEventListener("change", () => show(false));
watchDevices((id) => hearing?.playOn(id).catch((error) => trouble(`${error.message}.`)));
user.value ||= ownName(); // unless somebody was quicker than this script
room.value = new URLSearchParams(location.search).get("room") ?? room.value;
keepToken(token, find("show", HTMLButtonElement));
fillFromToken(token, user, room);
room.addEventListener("input", showInvite);
address.value = location.origin;
showInvite();
showRelease();
enter.disabled = false; // from here on it does something
canEncodeOpus().then((can) => {
  if (can) return;
  codec.options[0].disabled = true;
  codec.options[0].text = "Opus: this browser cannot make it";
  codec.value = `${PCM}`;
});
