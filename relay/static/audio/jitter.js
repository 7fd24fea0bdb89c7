/**
 * One speaker's jitter buffer: what arrives in fits and starts is played without gaps, as early as
 * the fits and starts allow. It decides and touches no audio, so that a test can drive it.
 *
 * Playing begins once `target` ms are there. The target follows how much the time on the way has
 * varied of late: up at once, and down slowly. A buffer that is longer than its target leaves out
 * silence, which nobody misses. One that is much longer, by a burst after a stall or a clock that
 * runs fast, is cut off at the old end.
 */

import { FRAME, RATE, SAMPLES } from "./frame.js";

const LEAST = 60; // ms of target
const FIRST = 120; // ms of target while little is known of the variation
const KNOWN = 100; // frames, 2 s, after which it is known
const MOST = 300; // ms of target
const MARGIN = 20; // ms above the variation seen
const STEP = 0.5; // ms by which the target falls with each frame
const SILENT = 0.005; // level below which a frame may be left out
const EXCESS = 100; // ms above the target before the oldest frames are cut off
const WINDOW = 250; // frames, 5 s, over which the variation is taken
const FILLED = 5; // lost frames in a row that silence stands in for; a longer loss is a jump

/** @typedef {{ capture: number, samples: Float32Array, isLate: boolean }} Piece */

export class JitterBuffer {
  lost = 0; // frames whose number never came
  late = 0; // frames that came after their turn, or were cut off to catch up
  delay = 0; // ms from capture to the beginning of playing, of the frame that plays
  target = FIRST;
  #stream = -1;
  #sequence = -1;
  #capture = 0;
  /** @type {Piece[]} */
  #queue = [];
  #position = 0; // samples of the first piece that were played
  #isPlaying = false;
  #waited = 0; // samples of silence since the first piece of a beginning came
  #missed = 0; // samples of silence since the last piece was played to its end
  /** @type {number[]} */
  #transits = []; // ms on the way, of the last frames; only differences mean something

  /** Milliseconds that wait to be played. */
  get buffered() {
    return (this.#length() / RATE) * 1000;
  }

  /**
   * Take a frame that arrived at `now`.
   *
   * @param {{ stream: number, sequence: number, capture: number, samples: Float32Array }} frame
   * @param {number} now ms, by the clock of `capture`
   */
  push({ stream, sequence, capture, samples }, now) {
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#sequence = sequence - 1;
      this.#transits = [];
      this.#missed = 0;
    }
    const gap = sequence - this.#sequence - 1;
    if (gap < 0) return; // played already, or given up
    this.lost += gap;
    const isPause = capture - this.#capture > FRAME * (gap + 1.5); // the speaker was muted
    for (let step = 0; step < gap && gap <= FILLED && !isPause; step++) {
      this.#add(capture - FRAME * (gap - step), new Float32Array(SAMPLES), true);
    }
    if (isPause) this.#missed = 0;
    const isLate = this.#missed > 0;
    if (isLate) {
      this.late++;
      this.#missed = Math.max(0, this.#missed - samples.length);
    }
    this.#add(capture, samples, isLate);
    this.#sequence = sequence;
    this.#capture = capture;
    this.#follow(now - capture);
  }

  /**
   * Fill `output` with what is to be played at `now`; return whether there was anything.
   *
   * @param {Float32Array} output
   * @param {number} now ms
   */
  pull(output, now) {
    output.fill(0);
    if (!this.#isPlaying) {
      if (!this.#queue.length) {
        if (this.#sequence >= 0) this.#missed += output.length;
        return false;
      }
      this.#waited += output.length;
      const enough = (this.target / 1000) * RATE;
      if (this.#length() < enough && this.#waited < enough) return false;
      this.#isPlaying = true;
    }
    let filled = 0;
    while (filled < output.length && this.#queue.length) {
      const { capture, samples } = this.#queue[0];
      if (this.#position === 0) this.delay = Math.max(0, now - capture);
      const part = samples.subarray(this.#position, this.#position + output.length - filled);
      output.set(part, filled);
      filled += part.length;
      this.#position += part.length;
      if (this.#position === samples.length) this.#shift();
    }
    if (filled < output.length) {
      this.#isPlaying = false;
      this.#waited = 0;
      this.#missed = output.length - filled;
    }
    return true;
  }

  /** @param {number} capture @param {Float32Array} samples @param {boolean} isLate */
  #add(capture, samples, isLate) {
    if (this.buffered >= this.target + FRAME && isSilent(samples)) return;
    this.#queue.push({ capture, samples, isLate });
    if (this.buffered <= this.target + EXCESS) return;
    while (this.#queue.length > 1 && this.buffered > this.target) {
      if (!this.#queue[0].isLate) this.late++;
      this.#shift();
    }
  }

  #shift() {
    this.#queue.shift();
    this.#position = 0;
  }

  #length() {
    return this.#queue.reduce((sum, { samples }) => sum + samples.length, -this.#position);
  }

  /** @param {number} transit ms */
  #follow(transit) {
    this.#transits.push(transit);
    if (this.#transits.length > WINDOW) this.#transits.shift();
    const variation = Math.max(...this.#transits) - Math.min(...this.#transits);
    const least = this.#transits.length < KNOWN ? FIRST : LEAST;
    this.target = Math.min(MOST, Math.max(least, variation + MARGIN, this.target - STEP));
  }
}

/** @param {Float32Array} samples */
function isSilent(samples) {
  return samples.every((sample) => Math.abs(sample) < SILENT);
}
