/** From the microphone to frames: Opus where the browser has WebCodecs, else PCM. */

import { localTime } from "./clock.js";
import { FRAME, OPUS, PCM, RATE, toPcm } from "./frame.js";

const BITRATE = 32_000; // bits per second: good speech
const OLD = 300; // ms, the longest that a listener's buffer waits: what is older comes too late

const OPUS_CONFIG = {
  codec: "opus",
  sampleRate: RATE,
  numberOfChannels: 1,
  bitrate: BITRATE,
  opus: { frameDuration: FRAME * 1000, application: "voip" },
};

/** Whether this browser can make Opus. */
export async function canEncodeOpus() {
  if (!("AudioEncoder" in globalThis)) return false;
  return (await AudioEncoder.isConfigSupported(OPUS_CONFIG)).supported === true;
}

/** Say why there is no microphone, and what to do. @param {unknown} error */
export function explain(error) {
  const reasons = /** @type {Record<string, string>} */ ({
    NotAllowedError:
      "The microphone is blocked for this page. " +
      "Allow it in the browser’s settings for this site, and join again to speak.",
    NotFoundError: "This device has no microphone. Plug one in, and join again to speak.",
    NotReadableError:
      "The microphone does not answer; another program may be using it. " +
      "Close that, and join again to speak.",
  });
  if (error instanceof Error) {
    return reasons[error.name] ?? `The microphone failed: ${error.message}.`;
  }
  return `The microphone failed: ${error}.`;
}

export class Microphone {
  level = 0; // of the last frame, 0 to 1
  muted = false;
  dropped = 0; // frames that this device was too busy to send in time
  /** @type {MediaStream} */
  #stream;
  /** @type {AudioContext} */
  #context;
  /** @type {AudioEncoder | null} */
  #encoder = null;
  /** @type {number[]} */
  #encoding = []; // capture times of frames in the encoder
  #encoded = 0; // frames

  /**
   * Ask for the microphone, and call `take` with each frame of 20 ms.
   *
   * @param {string} device its ID; "": the system's choice
   * @param {number} codec
   * @param {(codec: number, sound: Uint8Array<ArrayBuffer>, capture: number) => void} take capture
   *   is this device's Unix time in ms
   * @param {() => void} ended the microphone was unplugged, or the permission withdrawn
   */
  static async open(device, codec, take, ended) {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        deviceId: device ? { exact: device } : undefined,
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      },
    });
    stream.getTracks()[0].addEventListener("ended", ended);
    try {
      const { context, source } = connect(stream);
      await context.audioWorklet.addModule(new URL("./capture.worklet.js", import.meta.url));
      const node = new AudioWorkletNode(context, "capture", {
        numberOfOutputs: 0,
        channelCount: 1,
        channelCountMode: "explicit",
      });
      source.connect(node);
      return new Microphone(stream, context, node, codec, take);
    } catch (error) {
      stop(stream);
      throw error;
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context
   * @param {AudioWorkletNode} node
   * @param {number} codec
   * @param {(codec: number, sound: Uint8Array<ArrayBuffer>, capture: number) => void} take
   */
  constructor(stream, context, node, codec, take) {
    this.#stream = stream;
    this.#context = context;
    if (codec === OPUS) {
      this.#encoder = new AudioEncoder({
        output: (chunk) => {
          const sound = new Uint8Array(chunk.byteLength);
          chunk.copyTo(sound);
          take(OPUS, sound, this.#encoding.shift() ?? localTime());
        },
        error: () => (this.#encoder = null), // go on with PCM, which cannot fail
      });
      this.#encoder.configure(OPUS_CONFIG);
    }
    node.port.onmessage = ({ data: { samples, start } }) => {
      this.level = this.muted
        ? 0
        : samples.reduce(
            (/** @type {number} */ peak, /** @type {number} */ sample) =>
              Math.max(peak, Math.abs(sample)),
            0,
          );
      if (this.muted) return;
      const age = (context.currentTime - start) * 1000;
      const waiting = (this.#encoder?.encodeQueueSize ?? 0) * FRAME;
      if (age + waiting > OLD) {
        this.dropped++;
        return;
      }
      const capture = localTime() - age;
      if (this.#encoder) this.#encode(this.#encoder, samples, capture);
      else take(PCM, toPcm(samples), capture);
    };
  }

  close() {
    stop(this.#stream);
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
    this.#encoder = null;
    this.#context.close();
  }

  /**
   * @param {AudioEncoder} encoder
   * @param {Float32Array<ArrayBuffer>} samples
   * @param {number} capture ms
   */
  #encode(encoder, samples, capture) {
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: RATE,
      numberOfFrames: samples.length,
      numberOfChannels: 1,
      timestamp: this.#encoded++ * FRAME * 1000,
      data: samples,
    });
    this.#encoding.push(capture);
    encoder.encode(data);
    data.close();
  }
}

/** Switch the microphone's light off. @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** @param {MediaStream} stream */
function connect(stream) {
  const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    // Firefox does not convert a microphone's rate; the worklet does then.
    context.close();
    const native = new AudioContext({ latencyHint: "interactive" });
    return { context: native, source: native.createMediaStreamSource(stream) };
  }
}
