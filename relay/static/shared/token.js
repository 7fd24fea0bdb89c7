/** What a token says: whoever holds one should not have to type it again. */

/**
 * Return user and room from a JSON Web Token, as far as it names them; the relay checks it.
 *
 * @param {string} token
 * @returns {{ user?: string, room?: string }}
 */
export function claims(token) {
  try {
    const [, payload = ""] = token.split(".");
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (c) =>
      c.charCodeAt(0),
    );
    const { sub, room } = JSON.parse(new TextDecoder().decode(bytes));
    return { user: sub, room: Array.isArray(room) ? room[0] : room };
  } catch {
    return {}; // not typed to its end yet, or no token
  }
}

/**
 * Fill in name and room as soon as a token is there.
 *
 * @param {HTMLInputElement} token
 * @param {HTMLInputElement} user
 * @param {HTMLInputElement} room
 */
export function fillFromToken(token, user, room) {
  token.addEventListener("input", () => {
    const said = claims(token.value.trim());
    if (said.user) user.value = said.user;
    if (said.room) room.value = said.room;
  });
}
