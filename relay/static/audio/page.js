/** The audio page: joins a room, sends what the microphone hears, plays what the others say. */

import { RelayClient } from "../relay-client.js";
import { find } from "../shared/dom.js";
import { watchMembers } from "../shared/members.js";
import { guestName } from "../shared/names.js";
import { showRelease } from "../shared/release.js";
import { showState } from "../shared/state.js";
import { fillFromToken } from "../shared/token.js";
import { compareClocks, localTime } from "./clock.js";
import { OPUS, PCM, decode, encode } from "./frame.js";
import { Listener } from "./listener.js";
import { Microphone, canEncodeOpus, explain } from "./microphone.js";
import { People, showLevel } from "./people.js";

const QUEUE = 48_000; // bytes: with half a second of PCM waiting, frames are left out
const MOST_SPEAKERS = 50; // names are what senders write, and each costs a decoder
const METER = 100; // ms between two looks at the microphone's level

const user = find("user", HTMLInputElement);
const room = find("room", HTMLInputElement);
const token = find("token", HTMLInputElement);
const address = find("relay", HTMLInputElement);
const codec = find("codec", HTMLSelectElement);
const enter = find("enter", HTMLButtonElement);
const mute = find("mute", HTMLButtonElement);
const state = find("state", HTMLElement);
const people = new People(find("speakers", HTMLElement), find("nobody", HTMLElement));

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
  for (const field of [user, room, token, address, codec]) field.disabled = inside;
  enter.textContent = inside ? "Leave" : "Join and speak";
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
        ? "This browser has no AudioWorklet, without which this page can neither speak nor play."
        : "This page came over plain http, where browsers give no access to sound: " +
            "open it by https, or on the relay’s own machine as localhost.",
    );
    return;
  }
  trouble("");
  show(true);
  enter.disabled = true; // until there is something to leave
  const base = new URL(address.value);
  const key = document.documentElement.dataset.tokens === "on" ? token.value.trim() : "";
  let ahead = 0; // of the relay's clock, ms
  const listener = await Listener.open(
    () => localTime() + ahead,
    (reports) => {
      if (!leave) return; // a last report, from behind the door
      for (const report of reports) people.get(report.name).report(report, listener.outputDelay);
    },
  );
  const relay = new RelayClient(base, {
    room: room.value,
    user: user.value,
    token: key || undefined,
    lag: "skip",
    protocol: "raw", // sound that was missed is not wanted later
  });
  showState(relay, state, find("now", HTMLButtonElement));
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
  compareClocks(base).then((found) => {
    ahead = found.ahead;
    const note = find("clock", HTMLElement);
    note.hidden = false;
    note.textContent =
      found.error === null
        ? "The relay’s clock could not be asked. Delays go by this device’s, and are wrong by " +
          "as much as the speaker’s clock differs from it."
        : `Delays go by the relay’s clock, give or take ${Math.ceil(found.error)} ms.`;
  });
  const speaking = speak(relay, () => ahead);
  leave = () => relay.close("you left");
  enter.disabled = false;
  relay.on("close", async () => {
    leave = null;
    show(false);
    people.clear();
    listener.close();
    (await speaking)?.close();
  });
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
      () => trouble("The microphone was taken away. You still listen; join again to speak."),
    );
  } catch (error) {
    trouble(`${explain(error)} You still hear the others.`);
    return null;
  }
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
    find("unsent", HTMLElement).textContent = unsent.toLocaleString();
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

fillFromToken(token, user, room);
room.addEventListener("input", showInvite);
user.value ||= guestName(); // unless somebody was quicker than this script
room.value = new URLSearchParams(location.search).get("room") ?? room.value;
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
