/** Who is in a room: `GET /rooms/{room}`, asked every few seconds while somebody looks. */

const PERIOD = 3000; // ms

/**
 * Tell who is in the client's room, for as long as it is open.
 *
 * @param {import("../relay-client.js").RelayClient} client
 * @param {URL} base the relay's address
 * @param {string} token "" where the relay asks for none
 * @param {(users: string[], count: number) => void} show
 */
export function watchMembers(client, base, token, show) {
  const url = new URL(`/rooms/${encodeURIComponent(client.room)}`, base);
  const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
  const look = async () => {
    if (document.hidden || client.state !== "open") return;
    try {
      const answer = await fetch(url, { headers, cache: "no-store" });
      const { users, count } = await answer.json();
      if (client.state === "open") show(users, count);
    } catch {
      // The connection tells when the relay is away.
    }
  };
  const timer = setInterval(look, PERIOD);
  document.addEventListener("visibilitychange", look);
  client.on("open", look);
  client.on("close", () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  });
  return look;
}
