/** Names for guests, so that nobody has to think of one. */

const FIRST =
  "amber brave calm clever gentle happy keen lucky merry quick quiet sunny warm wise".split(" ");
const LAST =
  "badger crane falcon finch fox hare heron lynx marten otter robin seal swift wren".split(" ");

/** Return such a name; one of 2,000, not one that nobody else can have. */
export function guestName() {
  const pick = (/** @type {string[]} */ list) => list[Math.floor(Math.random() * list.length)];
  return `${pick(FIRST)}-${pick(LAST)}-${Math.floor(Math.random() * 10)}`;
}
