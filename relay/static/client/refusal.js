/** Why an upgrade failed: a browser does not tell, but a plain GET gets the same answer. */

const TIMEOUT = 5_000; // ms; the relay itself takes up to 2 s to see whether a name is in use

/** HTTP answers of the 400s that may be another one next time. */
const PASSING = new Set([408, 425, 426, 429]);

/**
 * @param {string} url of the WebSocket
 * @param {string} token "": none
 * @returns {Promise<import("./types.js").Refusal>}
 */
export async function ask(url, token) {
  const { host } = new URL(url);
  try {
    const answer = await fetch(url.replace(/^ws/, "http"), {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const { status } = answer;
    const said = await answer.json().catch(() => null);
    return {
      reason:
        status === 426
          ? "connecting failed, and would succeed now"
          : `${said?.error ?? `${host} answers ${status} instead of a WebSocket`}`,
      after: 1000 * Math.max(0, Number(answer.headers.get("Retry-After")) || 0),
      isFinal: status >= 400 && status < 500 && !PASSING.has(status),
      status,
    };
  } catch {
    const { location } = globalThis;
    // A page from elsewhere is not told which of the two it is.
    const other =
      location && location.host !== host ? `, or does not admit pages of ${location.origin}` : "";
    return { reason: lost(`${host} does not answer`) + other, after: 0, isFinal: false, status: 0 };
  }
}

/** Return the reason, unless there is a simpler one. @param {string} reason */
export function lost(reason) {
  return globalThis.navigator?.onLine === false ? "this device is offline" : reason;
}
