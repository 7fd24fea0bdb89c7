/** What a token says: whoever holds one should not have to type it again. */

/**
 * Return user and room from a JSON Web Token, as far as it names them; the relay checks it.
 *
 * @param {string} token
 * @returns {{ user?: string, room?: string, rooms: string[] }}
 */
export function claims(token) {
  try {
    const [, payload = ""] = token.split(".");
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (c) =>
      c.charCodeAt(0),
    );
    const { sub, room } = JSON.parse(new TextDecoder().decode(bytes));
    const rooms = [room ?? []].flat();
    return { user: sub, room: rooms.find((each) => !each.endsWith("*")), rooms };
  } catch {
    return { rooms: [] }; // not typed to its end yet, or no token
  }
}

/**
 * Whether a token is for this room, as far as it says; the relay decides.
 *
 * @param {string} token "": none is asked for
 * @param {string} name
 */
export function isFor(token, name) {
  if (!token) return true;
  const { rooms } = claims(token);
  return rooms.some((room) =>
    room.endsWith("*") ? name.startsWith(room.slice(0, -1)) : room === name,
  );
}

/**
 * Fill in name and room, now and as soon as a token is there.
 *
 * @param {HTMLInputElement} token
 * @param {HTMLInputElement} user
 * @param {HTMLInputElement} room
 */
export function fillFromToken(token, user, room) {
  const fill = () => {
    const said = claims(token.value.trim());
    if (said.user) user.value = said.user;
    if (said.room) room.value = said.room;
  };
  token.addEventListener("input", fill);
  fill();
}

const KEY = "relay.token";

/**
 * Keep what is typed into the field for as long as this tab is open, and hide or show it.
 *
 * @param {HTMLInputElement} token
 * @param {HTMLButtonElement} show
 */
export function keepToken(token, show) {
  token.value ||= sessionStorage.getItem(KEY) ?? "";
  token.addEventListener("input", () => sessionStorage.setItem(KEY, token.value));
  token.form?.addEventListener("submit", (event) => event.preventDefault());
  show.addEventListener("click", () => {
    const isHidden = token.type === "password";
    token.type = isHidden ? "text" : "password";
    show.textContent = isHidden ? "Hide" : "Show";
  });
}
