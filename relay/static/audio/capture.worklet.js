/** In the audio thread: cuts the microphone's sound into frames of 20 ms at 48 kHz. */

import { RATE, SAMPLES } from "./frame.js";

class Capture extends AudioWorkletProcessor {
  #frame = new Float32Array(SAMPLES);
  #filled = 0;
  #step = sampleRate / RATE; // 1, unless the browser insists on the device's own rate
  #phase = 0; // where the next sample lies between `#last` and the first of the input
  #last = 0;

  process([channels]) {
    const input = channels[0];
    if (!input) return true; // no microphone is connected yet
    // Linear interpolation; with a step of 1 the samples pass unchanged, one later.
    for (let at = 0; at < input.length; at++) {
      for (; this.#phase < 1; this.#phase += this.#step) {
        this.#put(this.#last + (input[at] - this.#last) * this.#phase, at);
      }
      this.#phase -= 1;
      this.#last = input[at];
    }
    return true;
  }

  #put(sample, at) {
    this.#frame[this.#filled++] = sample;
    if (this.#filled < SAMPLES) return;
    const start = currentTime + at / sampleRate - SAMPLES / RATE;
    this.port.postMessage({ samples: this.#frame, start }, [this.#frame.buffer]);
    this.#frame = new Float32Array(SAMPLES);
    this.#filled = 0;
  }
}

registerProcessor("capture", Capture);
