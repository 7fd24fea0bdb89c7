/** From frames to the loudspeaker: a decoder for each speaker, and one worklet that plays them. */

import { FRAME, OPUS, PCM, RATE, fromPcm } from "./frame.js";

const LOOK = 500; // ms in which the device's clock has to move
const TICKS = FRAME * 1000; // microseconds from one frame's timestamp to the next

/**
 * @typedef {object} Report how one speaker comes through
 * @property {string} name
 * @property {number} level 0 to 1
 * @property {number} delay ms from capture to playing, without the device's own
 * @property {number} buffered ms
 * @property {number} target ms
 * @property {number} late frames
 * @property {number} lost frames
 */

export class Listener {
  #context;
  #node;
  #time;
  #isAsked = false; // somebody has pressed Play
  /** @type {Map<string, OpusDecoder>} */
  #decoders = new Map();

  /**
   * @param {() => number} time the relay's clock, ms
   * @param {(reports: Report[]) => void} report
   */
  static async open(time, report) {
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    context.resume(); // now, while the browser still knows that somebody clicked
    await context.audioWorklet.addModule(new URL("./speaker.worklet.js", import.meta.url));
    const node = new AudioWorkletNode(context, "speakers", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    node.connect(context.destination);
    node.port.onmessage = ({ data }) => report(data);
    return new Listener(context, node, time);
  }

  /** @param {AudioContext} context @param {AudioWorkletNode} node @param {() => number} time */
  constructor(context, node, time) {
    this.#context = context;
    this.#node = node;
    this.#time = time;
  }

  /** Milliseconds that the device takes to play what it is given. */
  get outputDelay() {
    return 1000 * (this.#context.outputLatency || this.#context.baseLatency || 0);
  }

  /**
   * Play a frame; return false where this browser cannot.
   *
   * @param {import("./frame.js").Frame} frame
   */
  take(frame) {
    const { name, stream, sequence, capture } = frame;
    // Stamped when it is posted: decoding takes its time.
    const play = (/** @type {Float32Array<ArrayBuffer>} */ samples) =>
      this.#node.port.postMessage(
        { name, stream, sequence, capture, samples, now: this.#time() },
        [samples.buffer],
      );
    if (frame.codec === PCM) {
      play(fromPcm(frame.sound));
      return true;
    }
    if (frame.codec !== OPUS || !("AudioDecoder" in globalThis)) return false;
    let decoder = this.#decoders.get(name);
    if (!decoder || decoder.stream !== stream || decoder.isClosed) {
      decoder?.close();
      decoder = new OpusDecoder(stream);
      this.#decoders.set(name, decoder);
    }
    decoder.decode(frame, play);
    return true;
  }

  /** The clocks have been compared anew. */
  adjust() {
    this.#node.port.postMessage({ reset: true });
  }

  /** @param {string} name @param {number} volume 0 to 1 */
  setVolume(name, volume) {
    this.#node.port.postMessage({ name, volume });
  }

  /** Play on this device. @param {string} id "": the system's */
  async playOn(id) {
    const context = /** @type {AudioContext & { setSinkId?: (id: string) => Promise<void> }} */ (
      this.#context
    );
    await context.setSinkId?.(id);
  }

  /** What the audio device does, in words; "" when it plays. @returns {Promise<string>} */
  async trouble() {
    const before = this.#context.currentTime;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    if (this.#context.state === "closed") return "";
    if (this.#context.state === "suspended" && !this.#isAsked) {
      return "The browser does not play sound yet: press Play.";
    }
    if (this.#context.currentTime === before) {
      return "The audio device does not play: you hear nothing. Plug one in, or choose another.";
    }
    const devices = await navigator.mediaDevices.enumerateDevices();
    const isBlind = !devices.some(({ kind }) => kind === "audiooutput");
    const tells = "setSinkId" in this.#context; // Firefox and Safari list no outputs
    return tells && isBlind ? "This device has no audio output: you hear nothing." : "";
  }

  /** Somebody has clicked: go on. */
  resume() {
    this.#isAsked = true;
    this.#context.resume();
  }

  /** @param {string} name */
  forget(name) {
    this.#decoders.get(name)?.close();
    this.#decoders.delete(name);
    this.#node.port.postMessage({ name, gone: true });
  }

  close() {
    for (const decoder of this.#decoders.values()) decoder.close();
    this.#context.close();
  }
}

/** One stream's decoder: what follows depends on what came before. */
class OpusDecoder {
  /** @type {Map<number, (samples: Float32Array<ArrayBuffer>) => void>} */
  #waiting = new Map(); // by sequence number
  #decoder;

  /** @param {number} stream */
  constructor(stream) {
    this.stream = stream;
    this.#decoder = new AudioDecoder({
      output: (data) => {
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        // Chromium's timestamps come back rounded, a microsecond off now and then.
        const sequence = Math.round(data.timestamp / TICKS);
        this.#waiting.get(sequence)?.(samples);
        this.#waiting.delete(sequence);
        data.close();
      },
      error: () => {}, // it is closed then, and the next frame gets a new one
    });
    this.#decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 1 });
  }

  get isClosed() {
    return this.#decoder.state === "closed";
  }

  /**
   * @param {import("./frame.js").Frame} frame
   * @param {(samples: Float32Array<ArrayBuffer>) => void} play
   */
  decode({ sequence, sound }, play) {
    this.#waiting.set(sequence, play);
    const chunk = { type: /** @type {const} */ ("key"), timestamp: sequence * TICKS, data: sound };
    this.#decoder.decode(new EncodedAudioChunk(chunk));
  }

  close() {
    if (!this.isClosed) this.#decoder.close();
  }
}
