/** What a relay says between messages (docs/protocol.md): a note of a known kind is whole. */

/** @typedef {(value: any) => boolean} Fits */

/** @type {Fits} */
const isText = (value) => typeof value === "string";
/** @type {Fits} */
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
/** @param {Fits} fits @returns {Fits} */
const orNull = (fits) => (value) => value === null || fits(value);

const members = { members: orNull(Array.isArray), count: isCount };
/** @type {Record<string, Record<string, Fits>>} */
const FIELDS = {
  welcome: { cursor: isText, received: orNull(isCount), ...members },
  from: { user: orNull(isText), at: isCount },
  cursor: { cursor: isText },
  ack: { received: isCount },
  gap: { cursor: isText, missed: isCount },
  join: { user: isText },
  leave: { user: isText },
  members,
  drain: { retry_after_ms: isCount },
};

/** Return the note that this text holds; null if it is none. @param {string} text @returns {any} */
export function parse(text) {
  let note;
  try {
    note = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof note !== "object" || !note || Array.isArray(note)) return null;
  const fields = Object.hasOwn(FIELDS, note.type) ? FIELDS[note.type] : {};
  return Object.entries(fields).every(([name, fits]) => fits(note[name])) ? note : null;
}
