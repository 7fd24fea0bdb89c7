/** One room, for an operator: its members, who left and why, and what its log holds. */

import { find, make } from "../shared/dom.js";
import { showRelease } from "../shared/release.js";
import { sentence } from "../shared/sentence.js";
import { keepToken } from "../shared/token.js";
import { number, size } from "../shared/units.js";
import { headersOf, Question } from "./ask.js";
import { Inspector } from "./inspector.js";
import { Rows, write } from "./rows.js";

const PERIOD = 1000; // ms
const FACTS = ["count", "in", "out", "bytes", "backlog", "waiting"];
const ENTER = "Enter a token for this room to see who is in it.";

/**
 * @typedef {{ user: string, protocol: string, lag: string, backlog: number, sent: number, skipped: number }} Member
 * @typedef {{ at: number, user: string, reason: string, how: string }} Ended
 */

const name = new URLSearchParams(location.search).get("room") || "lobby";
const path = `/rooms/${encodeURIComponent(name)}`;
const token = find("token", HTMLInputElement);
const state = find("state", HTMLElement);
const asks = document.documentElement.dataset.tokens === "on";
const question = new Question();
const inspector = new Inspector(find("messages", HTMLOListElement), find("messages-note", HTMLElement));

/** @param {string} kind @param {string} text */
function say(kind, text) {
  if (state.textContent === text) return;
  state.dataset.state = kind;
  state.textContent = text;
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await question.ask(path, token.value.trim());
    const said = await answer?.json();
    if (answer?.ok) {
      show(said);
      if (said.members) say("open", "The relay answers.");
      else say("closed", ENTER);
    } else if (answer) {
      say("closed", sentence(said.error));
      hide();
    }
  } catch {
    say("waiting", "The relay does not answer; asking again.");
  }
  await inspector.look(`${path}/messages`, token.value.trim());
}

/** @param {any} room what `GET /rooms/{room}` answers */
function show(room) {
  const rate = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? "–" : `${number(value)}/s`;
  const facts = /** @type {Record<string, string>} */ ({
    count: room.count.toLocaleString("en"),
    in: rate(room.messages_per_second),
    out: rate(room.deliveries_per_second),
    bytes: room.bytes_per_second === undefined ? "–" : `${size(room.bytes_per_second ?? 0)}/s`,
    backlog: size(room.backlog ?? 0),
    waiting: room.waiting ? "yes" : "no",
  });
  if (!room.members) {
    hide();
    find("count", HTMLElement).textContent = facts.count;
    return;
  }
  for (const [id, text] of Object.entries(facts)) find(id, HTMLElement).textContent = text;
  find("waiting", HTMLElement).className = room.waiting ? "bad" : "";
  const here = /** @type {Member[]} */ (room.members);
  const members = new Map(here.map((each) => [each.user, each]));
  const users = /** @type {string[]} */ (room.users);
  inspector.isElsewhere = users.length > 0 && here.length === 0;
  const who = users.map((user) => /** @type {const} */ ([user, members.get(user) ?? { user }]));
  memberRows.show(new Map(who), "Nobody is in it.");
  const ended = /** @type {Ended[]} */ (room.ended ?? []);
  endedRows.show(new Map(ended.map((each) => [JSON.stringify(each), each])), "Nobody.");
  find("disconnect-all", HTMLButtonElement).hidden = users.length === 0;
}

/** Say that nothing is known without a token that is for this room. */
function hide() {
  for (const id of FACTS) find(id, HTMLElement).textContent = "–";
  memberRows.say(ENTER);
  endedRows.say("Not shown without a token for this room.");
  find("disconnect-all", HTMLButtonElement).hidden = true;
}

/** @param {Partial<Member> & { user: string }} member */
function beginMember({ user }) {
  const action = make("td", "number");
  if (asks) {
    const button = make("button", "plain slim", "Disconnect");
    button.type = "button";
    button.ariaLabel = `Disconnect ${user}`;
    button.addEventListener("click", () => disconnect({ user }));
    action.append(button);
  }
  const numbers = Array.from({ length: 3 }, () => make("td", "number"));
  const quiet = Array.from({ length: 2 }, () => make("td", "quiet"));
  return make("tr", "", make("td", "room-name", user), ...quiet, ...numbers, action);
}

/**
 * Write what is known of a member: of one at another relay, only where it is.
 *
 * @param {Partial<Member>} member
 * @param {HTMLTableRowElement} row
 */
function writeMember({ protocol, lag, backlog, sent, skipped }, row) {
  write(row, [
    null,
    protocol ?? "at another relay",
    lag === undefined ? "–" : lag === "skip" ? "skips messages" : "is closed",
    sent?.toLocaleString("en") ?? "–",
    backlog === undefined ? "–" : size(backlog),
    skipped?.toLocaleString("en") ?? "–",
  ]);
}

/** @param {Ended} ended */
function beginEnded({ at, user, how }) {
  const time = new Date(at * 1000).toLocaleTimeString([], { hourCycle: "h23" });
  return make("tr", "", make("td", "time", time), make("td", "room-name", user), make("td", "quiet", how));
}

/** @param {object} body whom; everybody if empty */
async function disconnect(body) {
  const trouble = find("trouble", HTMLElement);
  try {
    const answer = await fetch(`${path}/disconnect`, {
      method: "POST",
      headers: { ...headersOf(token.value.trim()), "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    trouble.hidden = answer.ok;
    trouble.textContent = answer.ok ? "" : `Not disconnected: ${said.error}.`;
  } catch {
    trouble.hidden = false;
    trouble.textContent = "Not disconnected: the relay does not answer.";
  }
  await look();
}

const memberRows = new Rows(find("members", HTMLTableSectionElement), 7, beginMember, writeMember);
const endedRows = new Rows(find("ended", HTMLTableSectionElement), 3, beginEnded, () => {});
find("disconnect-all", HTMLButtonElement).addEventListener("click", () => disconnect({}));
find("pause", HTMLButtonElement).addEventListener("click", ({ target }) => {
  const button = /** @type {HTMLButtonElement} */ (target);
  inspector.isPaused = !inspector.isPaused;
  button.ariaPressed = `${inspector.isPaused}`;
  button.textContent = inspector.isPaused ? "Resume" : "Pause";
});
find("test", HTMLFormElement).addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = find("sent", HTMLElement);
  try {
    const answer = await fetch(`${path}/messages`, {
      method: "POST",
      headers: { ...headersOf(token.value.trim()), "Content-Type": "text/plain" },
      body: find("text", HTMLInputElement).value,
    });
    const { members, error } = await answer.json();
    const whom = members === 1 ? "1 member" : `${members} members`;
    said.textContent = answer.ok ? `Sent to ${whom}.` : `Not sent: ${error}.`;
  } catch {
    said.textContent = "Not sent: the relay does not answer.";
  }
  await look();
});

find("name", HTMLElement).textContent = name;
document.title = `Relay: room ${name}`;
keepToken(token, find("show", HTMLButtonElement));
token.addEventListener("input", look);
showRelease();
const repeat = async () => {
  await look();
  setTimeout(repeat, PERIOD);
};
repeat();
