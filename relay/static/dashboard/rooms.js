/** The table of rooms: asks `GET /rooms` every second while somebody looks. */

import { find, make } from "../shared/dom.js";
import { number, size } from "../shared/units.js";
import { Spark } from "../shared/spark.js";

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

/** Return the header of a request with this token. @param {string} token "": none */
export function headersOf(token) {
  return token ? { Authorization: `Bearer ${token}` } : undefined;
}

/** @param {HTMLInputElement} token */
export function watchRooms(token) {
  const body = find("rooms", HTMLTableSectionElement);
  const note = find("rooms-note", HTMLElement);
  const asks = document.documentElement.dataset.tokens === "on";
  /** @type {Map<string, Spark>} */
  const sparks = new Map();

  /** @param {string} text */
  const sayInTable = (text) => {
    const cell = make("td", "quiet", text);
    cell.colSpan = 7;
    body.replaceChildren(make("tr", "", cell));
  };

  const look = async () => {
    const key = token.value.trim();
    if (asks && !key) return sayInTable("This relay shows its rooms to who has a token for them.");
    if (document.hidden) return undefined;
    let answer;
    try {
      answer = await fetch("/rooms", { headers: headersOf(key), cache: "no-store" });
    } catch {
      return undefined; // the page says that the relay is away
    }
    const said = await answer.json();
    if (!answer.ok) return sayInTable(`${said.error}.`);
    const rooms = /** @type {Room[]} */ (said.rooms);
    const seen = new Set(rooms.slice(0, SHOWN).map(({ room }) => room));
    for (const room of sparks.keys()) if (!seen.has(room)) sparks.delete(room);
    if (!rooms.length) return sayInTable("No room has members now.");
    const isFocused = body.contains(document.activeElement);
    const focused = isFocused ? document.activeElement?.textContent : null;
    body.replaceChildren(...rooms.slice(0, SHOWN).map((room) => row(room, sparks)));
    if (isFocused) [...body.querySelectorAll("a")].find((a) => a.textContent === focused)?.focus();
    const more = said.count - Math.min(rooms.length, SHOWN);
    const hidden = more ? ` ${more.toLocaleString("en")} more rooms are not shown.` : "";
    note.textContent = `Rates are those of the last two seconds.${hidden}`;
    return undefined;
  };

  const repeat = async () => {
    await look();
    setTimeout(repeat, PERIOD);
  };
  token.addEventListener("input", look);
  repeat();
}

/** @param {Room} room @param {Map<string, Spark>} sparks */
function row({ room, count, waiting, backlog, ...rates }, sparks) {
  let spark = sparks.get(room);
  if (!spark) {
    spark = new Spark("per second");
    sparks.set(room, spark);
  }
  spark.add(rates.messages_per_second ?? 0);
  const link = make("a", "", room);
  link.href = `/dashboard/room?${new URLSearchParams({ room })}`;
  const rate = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? "–" : `${number(value)}/s`;
  return make(
    "tr",
    "",
    make("td", "room-name", link),
    make("td", "number", count.toLocaleString("en")),
    make("td", "number", rate(rates.messages_per_second)),
    make("td", "number", rate(rates.deliveries_per_second)),
    make("td", "number", size(backlog ?? 0)),
    make("td", waiting ? "bad" : "quiet", waiting ? "waiting for slow readers" : "flowing"),
    make("td", "", spark.element),
  );
}
