/** In the audio thread: plays all speakers through their jitter buffers, mixed. */

import { RATE } from "./frame.js";
import { JitterBuffer } from "./jitter.js";

const REPORT = RATE / 10; // samples between two reports
const DRIFT = 0.05; // ms that the offset may fall with each message, as clocks drift
const RELEASE = 0.8; // of a level that remains from one report to the next

class Speakers extends AudioWorkletProcessor {
  /** @type {Map<string, { buffer: JitterBuffer, peak: number, level: number, volume: number }>} */
  #speakers = new Map();
  #offset = -Infinity; // from the audio clock to the relay's, ms
  #unreported = 0; // samples
  #scratch = new Float32Array(128);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.gone) {
        this.#speakers.delete(data.name);
        return;
      }
      if (data.reset) {
        this.#offset = -Infinity; // the clocks were compared anew
        return;
      }
      let speaker = this.#speakers.get(data.name);
      if (!speaker) {
        speaker = { buffer: new JitterBuffer(), peak: 0, level: 0, volume: 1 };
        this.#speakers.set(data.name, speaker);
      }
      if (data.volume !== undefined) {
        speaker.volume = data.volume;
        return;
      }
      // A message that waited on its way here was stamped too early for this: the highest counts.
      const clock = currentTime * 1000;
      this.#offset = Math.max(data.now - clock, this.#offset - DRIFT);
      speaker.buffer.push(data, clock + this.#offset);
    };
  }

  process(_, [[output]]) {
    if (this.#scratch.length !== output.length) this.#scratch = new Float32Array(output.length);
    const now = currentTime * 1000 + this.#offset;
    for (const speaker of this.#speakers.values()) {
      if (!speaker.buffer.pull(this.#scratch, now)) continue;
      for (let at = 0; at < output.length; at++) {
        output[at] += this.#scratch[at] * speaker.volume;
        speaker.peak = Math.max(speaker.peak, Math.abs(this.#scratch[at] * speaker.volume));
      }
    }
    this.#unreported += output.length;
    if (this.#unreported >= REPORT) this.#report();
    return true;
  }

  #report() {
    this.#unreported = 0;
    const report = [];
    for (const [name, speaker] of this.#speakers) {
      speaker.level = Math.max(speaker.peak, speaker.level * RELEASE);
      speaker.peak = 0;
      const { delay, buffered, target, late, lost } = speaker.buffer;
      report.push({ name, level: speaker.level, delay, buffered, target, late, lost });
    }
    this.port.postMessage(report);
  }
}

registerProcessor("speakers", Speakers);
