/** A relay of its own for a test: a real process on a free port. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { execFileSync } from "node:child_process";

const PYTHON = process.env.PYTHON ?? "python3";

export class Relay {
  /** Start it with these settings and wait until it listens. */
  static async start(settings = {}) {
    const relay = new Relay();
    relay.settings = { DRAIN_WINDOW: "0s", LISTEN_ADDRESS: "127.0.0.1", ...settings };
    await relay.up(0);
    return relay;
  }

  async up(port = this.port) {
    this.process = spawn(PYTHON, ["-m", "relay"], {
      env: { ...process.env, ...this.settings, PORT: `${port}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.ended = once(this.process, "exit");
    const lines = createInterface({ input: this.process.stderr });
    this.url = await new Promise((resolve, reject) => {
      let log = "";
      lines.on("line", (line) => {
        log += `${line}\n`;
        const found = line.match(/listens on (http:\S+),/);
        if (found) resolve(found[1]);
      });
      lines.on("close", () => reject(new Error(`relay did not start: ${log}`)));
    });
    this.port = new URL(this.url).port;
  }

  /** Stop it as a deploy does, and wait until it has gone. */
  async down() {
    this.process.kill("SIGTERM");
    await this.ended;
  }

  token(user, room) {
    return execFileSync(
      PYTHON,
      ["-m", "relay", "token", "--user", user, "--room", room, "--expires", "1h"],
      { env: { ...process.env, ...this.settings }, encoding: "utf8" },
    ).trim();
  }
}

/** Resolve with the next event of this type that the predicate takes. */
export function next(client, type, predicate = () => true) {
  return new Promise((resolve) => {
    const stop = client.on(type, (event) => {
      if (!predicate(event)) return;
      stop();
      resolve(event);
    });
  });
}
