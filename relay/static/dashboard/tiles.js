/** What the dashboard shows: one tile each, a figure over its ten minutes. */

import { bytes, milliseconds, number } from "./units.js";

/**
 * @typedef {import("./samples.js").Row} Row
 *
 * @typedef {object} Tile
 * @property {string} title
 * @property {string} unit behind the figure
 * @property {(value: number) => string} format
 * @property {{ label: string, of: (row: Row) => number | null }[]} series the first is the figure
 */

/** @type {Tile[]} */
export const TILES = [
  {
    title: "Deliveries",
    unit: "per second",
    format: number,
    series: [{ label: "to members", of: (row) => row.deliveries }],
  },
  {
    title: "Messages in",
    unit: "per second",
    format: number,
    series: [{ label: "from senders", of: (row) => row.messages }],
  },
  {
    title: "Deliveries per batch",
    unit: "",
    format: number,
    series: [{ label: "per batch", of: (row) => row.perBatch }],
  },
  {
    title: "Bytes",
    unit: "per second out",
    format: bytes,
    series: [
      { label: "out", of: (row) => row.deliveredBytes },
      { label: "in", of: (row) => row.bytes },
    ],
  },
  {
    title: "Connections",
    unit: "",
    format: number,
    series: [
      { label: "connections", of: (row) => row.connections },
      { label: "rooms", of: (row) => row.rooms },
    ],
  },
  {
    title: "Event-loop delay",
    unit: "ms",
    format: milliseconds,
    series: [{ label: "ms late", of: (row) => row.delay }],
  },
];

/** What the names in `closed` mean (relay/closing.py). @type {Record<string, string>} */
export const MEANINGS = {
  left: "the client said goodbye",
  lost: "the stream ended without a goodbye",
  going_away: "the relay was going away",
  restarting: "the relay was restarting",
  broken_frame: "a frame broke the WebSocket protocol",
  invalid_text: "a text message was not UTF-8",
  reserved_text: "a text message began with U+0000",
  too_big: "a message was above MAX_MESSAGE_SIZE",
  failed: "the relay failed",
  overloaded: "the relay was out of memory, and they held most of it",
  taken_over: "the same user connected again",
  too_slow: "the backlog was above WRITE_BUFFER_SIZE",
  stuck: "the backlog had not shrunk for 5 s",
  no_pong: "nothing was heard for 1.5 times PING_INTERVAL",
  token_expired: "the token had expired",
};
