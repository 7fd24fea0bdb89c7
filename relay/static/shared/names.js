/** Names for guests, so that nobody has to think of one; the last one is kept by the browser. */

const KEY = "relay.name";
const FIRST =
  "amber brave calm clever gentle happy keen lucky merry quick quiet sunny warm wise".split(" ");
const LAST =
  "badger crane falcon finch fox hare heron lynx marten otter robin seal swift wren".split(" ");

/** Return such a name; one of 2,000, not one that nobody else can have. */
export function guestName() {
  const pick = (/** @type {string[]} */ list) => list[Math.floor(Math.random() * list.length)];
  return `${pick(FIRST)}-${pick(LAST)}-${Math.floor(Math.random() * 10)}`;
}

/** Return the name that was used last in this browser, or that of a guest. */
export function ownName() {
  try {
    return localStorage.getItem(KEY) || guestName();
  } catch {
    return guestName(); // a browser that stores nothing
  }
}

/** @param {string} name */
export function keepName(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // It is one for this visit.
  }
}

/** Return a name like this one that is not taken. @param {string} name @param {string[]} taken */
export function freeName(name, taken) {
  const stem = name.replace(/-\d+$/, "");
  for (let number = 2; ; number++) {
    const free = `${stem}-${number}`;
    if (!taken.includes(free)) return free;
  }
}
