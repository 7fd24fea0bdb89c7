/** Our QR codes, read by a decoder that nobody here wrote. */

import assert from "node:assert/strict";
import { test } from "node:test";
import jsQR from "jsqr";
import { encode } from "../../relay/static/shared/qr.js";

/** Draw the code with its margin, four pixels a module, and read it. */
function read(text) {
  const rows = encode(text);
  const side = (rows.length + 8) * 4;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (rows[(y >> 2) - 4]?.[(x >> 2) - 4])
        pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return new TextDecoder().decode(new Uint8Array(jsQR(pixels, side, side)?.binaryData ?? []));
}

test("codes of every length and version are read back", () => {
  const link = "https://relay.example/?room=";
  for (let length = 0; length <= 858 - link.length; length += 23) {
    const text = link + "0aZ%".repeat(300).slice(0, length);
    assert.equal(read(text), text);
  }
});

test("the longest text fits, and one byte more does not", () => {
  const longest = "x".repeat(858);
  assert.equal(read(longest), longest);
  assert.throws(() => encode(`${longest}x`), /text of 859 bytes exceeds limit of 858/);
});

test("text beyond ASCII is UTF-8", () => {
  assert.equal(read("https://relay.example/?room=Küche"), "https://relay.example/?room=Küche");
});
