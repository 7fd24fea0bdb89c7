/**
 * One binary message: 20 ms of one speaker. Numbers are big-endian.
 *
 * | byte | type    | field                                                                |
 * |------|---------|----------------------------------------------------------------------|
 * | 0    | uint8   | 0xA1, so that other binary messages are told apart                   |
 * | 1    | uint8   | codec: 1 Opus, 2 PCM (16 bit, little-endian); both 48 kHz and mono   |
 * | 2    | uint32  | stream: random, a new one each time somebody begins to speak         |
 * | 6    | uint32  | sequence: counts the stream's frames from 0                          |
 * | 10   | float64 | capture time of the first sample: Unix time in ms, the relay's clock |
 * | 18   | uint8   | n, bytes of the name; raw messages do not say whom they are from     |
 * | 19   | n bytes | the speaker's name, UTF-8                                            |
 * | 19+n | rest    | the sound                                                            |
 */

export const RATE = 48_000; // samples per second
export const SAMPLES = 960; // of one frame
export const FRAME = 20; // ms
export const OPUS = 1;
export const PCM = 2;

const MARK = 0xa1;
const HEADER = 19; // bytes before the name
const LONGEST = HEADER + 255 + 2 * SAMPLES; // bytes: 20 ms of PCM; Opus takes less

/**
 * @typedef {object} Frame
 * @property {number} codec
 * @property {number} stream
 * @property {number} sequence
 * @property {number} capture ms
 * @property {string} name
 * @property {Uint8Array<ArrayBuffer>} sound
 */

/** @param {Frame} frame @returns {ArrayBuffer} */
export function encode({ codec, stream, sequence, capture, name, sound }) {
  const label = new TextEncoder().encode(name);
  const bytes = new Uint8Array(HEADER + label.length + sound.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MARK);
  view.setUint8(1, codec);
  view.setUint32(2, stream);
  view.setUint32(6, sequence);
  view.setFloat64(10, capture);
  view.setUint8(18, label.length);
  bytes.set(label, HEADER);
  bytes.set(sound, HEADER + label.length);
  return bytes.buffer;
}

/**
 * Return the frame, or null for anything else.
 *
 * @param {ArrayBuffer} message
 * @returns {Frame | null}
 */
export function decode(message) {
  if (message.byteLength < HEADER || message.byteLength > LONGEST) return null;
  const view = new DataView(message);
  const start = HEADER + view.getUint8(18);
  if (view.getUint8(0) !== MARK || message.byteLength < start) return null;
  return {
    codec: view.getUint8(1),
    stream: view.getUint32(2),
    sequence: view.getUint32(6),
    capture: view.getFloat64(10),
    name: new TextDecoder().decode(new Uint8Array(message, HEADER, start - HEADER)),
    sound: new Uint8Array(message, start),
  };
}

/** Return samples from -1 to 1 as 16-bit PCM. @param {Float32Array} samples */
export function toPcm(samples) {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  samples.forEach((sample, at) => {
    view.setInt16(at * 2, Math.max(-1, Math.min(1, sample)) * 0x7fff, true);
  });
  return new Uint8Array(view.buffer);
}

/** Return 16-bit PCM as samples from -1 to 1. @param {Uint8Array} sound */
export function fromPcm(sound) {
  const view = new DataView(sound.buffer, sound.byteOffset, sound.byteLength);
  return Float32Array.from(
    { length: sound.length >> 1 },
    (_, at) => view.getInt16(at * 2, true) / 0x8000,
  );
}
