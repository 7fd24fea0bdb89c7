/** The jitter buffer and the audio frame, without any audio. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { OPUS, SAMPLES, decode, encode, fromPcm, toPcm } from "../../relay/static/audio/frame.js";
import { JitterBuffer } from "../../relay/static/audio/jitter.js";

const TICK = 20; // ms

/** Frame number `sequence` of a stream; each sample is its number, to see what is played. */
function frame(sequence, changes = {}) {
  const samples = new Float32Array(SAMPLES).fill(sequence + 1);
  return { stream: 1, sequence, capture: sequence * TICK, samples, ...changes };
}

/** Play one frame's time at `now`; return which numbers were heard. */
function play(buffer, now) {
  const output = new Float32Array(SAMPLES);
  buffer.pull(output, now);
  return [...new Set(output)];
}

test("frames that come on time are played in order, after the least delay", () => {
  const buffer = new JitterBuffer();
  const heard = [];
  for (let number = 0; number < 50; number++) {
    buffer.push(frame(number), number * TICK + 5);
    heard.push(...play(buffer, number * TICK + 5));
  }
  assert.deepEqual(heard.slice(0, 8), [0, 0, 0, 0, 0, 1, 2, 3]); // 120 ms have to be there
  assert.deepEqual([buffer.late, buffer.lost, buffer.target], [0, 0, 120]);
  assert.equal(buffer.delay, 105);
  for (let number = 50; number < 300; number++) buffer.push(frame(number), number * TICK + 5);
  assert.equal(buffer.target, 60); // the variation is known by now
});

test("what never came is lost, and silence stands in for it", () => {
  const buffer = new JitterBuffer();
  for (const number of [0, 1, 2, 5, 6]) buffer.push(frame(number), number * TICK);
  assert.equal(buffer.lost, 2);
  const heard = [];
  for (let tick = 0; tick < 8; tick++) heard.push(...play(buffer, 200 + tick * TICK));
  assert.deepEqual(heard, [1, 2, 3, 0, 0, 6, 7, 0]);
});

test("a stall makes frames late and the buffer longer", () => {
  const buffer = new JitterBuffer();
  for (let number = 0; number < 10; number++) {
    buffer.push(frame(number), number * TICK);
    play(buffer, number * TICK);
  }
  for (let tick = 10; tick < 18; tick++) play(buffer, tick * TICK);
  for (let number = 10; number < 18; number++) buffer.push(frame(number), 18 * TICK);
  assert.ok(buffer.late >= 1 && buffer.late <= 5, `${buffer.late} late`);
  assert.equal(buffer.lost, 0);
  assert.equal(buffer.target, 180); // 160 ms seen, and the margin
});

test("a buffer that no longer has to be long leaves out silence, and nothing is late", () => {
  const buffer = new JitterBuffer();
  const heard = [];
  for (let number = 0; number < 1000; number++) {
    const delay = number === 20 ? 110 : 0; // once
    const isSpeech = number % 10 === 0;
    const samples = new Float32Array(SAMPLES).fill(isSpeech ? number + 1 : 0);
    buffer.push(frame(number, { samples }), number * TICK + delay);
    heard.push(...play(buffer, number * TICK));
  }
  assert.equal(buffer.late, 0);
  assert.ok(buffer.buffered <= 80, `${buffer.buffered} ms`);
  const speech = heard.filter((sample) => sample > 0);
  assert.deepEqual(speech, Array.from({ length: speech.length }, (_, at) => 10 * at + 1));
});

test("what is too much to be needed is cut off, and counted as late", () => {
  const buffer = new JitterBuffer();
  for (let number = 0; number < 20; number++) buffer.push(frame(number), number * TICK);
  assert.ok(buffer.buffered <= 220, `${buffer.buffered} ms`);
  assert.ok(buffer.late > 0);
});

test("a speaker who was muted is neither late nor lost", () => {
  const buffer = new JitterBuffer();
  for (let number = 0; number < 5; number++) {
    buffer.push(frame(number), number * TICK);
    play(buffer, number * TICK);
  }
  for (let tick = 5; tick < 200; tick++) play(buffer, tick * TICK);
  for (let number = 5; number < 10; number++) {
    buffer.push(frame(number, { capture: (number + 195) * TICK }), (number + 195) * TICK);
    play(buffer, (number + 195) * TICK);
  }
  assert.deepEqual([buffer.late, buffer.lost], [0, 0]);
});

test("the end of a sentence that is shorter than the buffer is played too", () => {
  const buffer = new JitterBuffer();
  buffer.push(frame(0), 0);
  const heard = [0, 1, 2, 3, 4, 5].flatMap((tick) => play(buffer, tick * TICK));
  assert.ok(heard.includes(1));
});

test("a delay is never negative, whatever the clocks say", () => {
  const buffer = new JitterBuffer();
  for (let number = 0; number < 5; number++) {
    buffer.push(frame(number), number * TICK - 500);
    play(buffer, number * TICK - 500);
  }
  assert.equal(buffer.delay, 0);
});

test("repeats are left out, and a new stream begins anew", () => {
  const buffer = new JitterBuffer();
  buffer.push(frame(7), 0);
  buffer.push(frame(7), 0);
  assert.equal(buffer.buffered, 20);
  buffer.push(frame(0, { stream: 2 }), 20);
  assert.equal(buffer.buffered, 40);
  assert.equal(buffer.lost, 0);
});

test("a frame survives its way over the wire, and nothing else is taken for one", () => {
  const sent = {
    codec: OPUS,
    stream: 0xfedcba98,
    sequence: 70_000,
    capture: 1.7e12 + 0.25,
    name: "Zoë",
    sound: new Uint8Array([1, 2, 3]),
  };
  assert.deepEqual(decode(encode(sent)), sent);
  assert.equal(decode(new ArrayBuffer(0)), null);
  assert.equal(decode(new ArrayBuffer(40)), null);
  const cut = encode(sent).slice(0, 20);
  assert.equal(decode(cut), null);
  assert.equal(decode(encode({ ...sent, sound: new Uint8Array(5000) })), null);
});

test("PCM keeps samples to 16 bits and clips what is louder", () => {
  const back = fromPcm(toPcm(new Float32Array([0, 0.5, -0.5, 2, -2])));
  [0, 0.5, -0.5, 1, -1].forEach((expected, at) => assert.ok(Math.abs(back[at] - expected) < 1e-4));
});
