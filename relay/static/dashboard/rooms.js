/** The table of rooms: asks `GET /rooms` every second while somebody looks. */

import { find, make } from "../shared/dom.js";
import { sentence } from "../shared/sentence.js";
import { Spark } from "../shared/spark.js";
import { number, size } from "../shared/units.js";
import { Question } from "./ask.js";
import { Rows, write } from "./rows.js";

const PERIOD = 1000; // ms
const SHOWN = 30; // rooms

/**
 * @typedef {object} Room
 * @property {string} room
 * @property {number} count
 * @property {boolean} [waiting] for its receivers
 * @property {number} [backlog] bytes
 * @property {number | null} [messages_per_second] null: the relay keeps no history to tell it from
 * @property {number | null} [bytes_per_second]
 * @property {number | null} [deliveries_per_second]
 */

/** @param {HTMLInputElement} token */
export function watchRooms(token) {
  const note = find("rooms-note", HTMLElement);
  const asks = document.documentElement.dataset.tokens === "on";
  const body = find("rooms", HTMLTableSectionElement);
  const rows = new Rows(body, 7, begin, writeRoom);
  const question = new Question();

  const look = async () => {
    const key = token.value.trim();
    if (asks && !key) return rows.say("Enter a token to see the rooms that it is for.");
    if (document.hidden) return undefined;
    let answer;
    try {
      answer = await question.ask("/rooms", key);
    } catch {
      return undefined; // the page says that the relay is away
    }
    if (!answer) return undefined; // the table says why
    const said = await answer.json();
    if (!answer.ok) return rows.say(sentence(said.error));
    const rooms = /** @type {Room[]} */ (said.rooms);
    const shown = rooms.slice(0, SHOWN).map((room) => /** @type {const} */ ([room.room, room]));
    rows.show(new Map(shown), "No room has members now.");
    const more = said.count - Math.min(rooms.length, SHOWN);
    const hidden = more ? ` ${more.toLocaleString("en")} more rooms are not shown.` : "";
    note.textContent = `Rates are averages of the last two seconds.${hidden}`;
    return undefined;
  };

  const repeat = async () => {
    await look();
    setTimeout(repeat, PERIOD);
  };
  token.addEventListener("input", look);
  repeat();
}

/** @type {WeakMap<HTMLTableRowElement, Spark>} */
const sparks = new WeakMap();

/** @param {Room} room */
function begin({ room }) {
  const spark = new Spark("per second");
  const link = make("a", "", room);
  link.href = `/dashboard/room?${new URLSearchParams({ room })}`;
  const numbers = Array.from({ length: 4 }, () => make("td", "number"));
  const row = make(
    "tr",
    "",
    make("td", "room-name", link),
    ...numbers,
    make("td", ""),
    make("td", "", spark.element),
  );
  sparks.set(row, spark);
  return row;
}

/** @param {Room} room @param {HTMLTableRowElement} row */
function writeRoom({ count, waiting, backlog, ...rates }, row) {
  const rate = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? "–" : `${number(value)}/s`;
  write(row, [
    null,
    count.toLocaleString("en"),
    rate(rates.messages_per_second),
    rate(rates.deliveries_per_second),
    size(backlog ?? 0),
    waiting ? "waiting for slow readers" : "flowing",
  ]);
  row.cells[5].className = waiting ? "bad" : "quiet";
  sparks.get(row)?.add(rates.messages_per_second ?? 0);
}
