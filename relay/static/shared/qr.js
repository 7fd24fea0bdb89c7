/**
 * QR codes (ISO/IEC 18004) of text up to 858 bytes: byte mode, error correction level L, the mask
 * chosen by the standard's penalties. Phones read them from a screen, where level L is plenty.
 */

const VERSIONS = 20; // of 40; a link to a room with the longest name fits
// By version from 1, for level L (table 9 of the standard).
const CHECK_BYTES = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8];

/** Powers of 2 and their logarithms in GF(256) with the polynomial 0x11d. */
const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

/**
 * Return the modules of the code for this text, row by row: true is dark.
 *
 * @param {string} text
 * @returns {boolean[][]}
 */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  for (let version = 1; version <= VERSIONS; version++) {
    const capacity = dataBytes(version);
    const header = version < 10 ? 12 : 20; // bits: the mode, and the length
    if (header + 8 * bytes.length <= 8 * capacity) {
      return draw(version, protect(pack(bytes, version, capacity), version));
    }
  }
  throw new RangeError(`text of ${bytes.length} bytes exceeds limit of 858`);
}

/**
 * Return the code as an SVG element, dark on transparent, with the margin that the standard asks
 * for.
 *
 * @param {string} text
 * @param {string} label for those who do not see it
 */
export function svg(text, label) {
  const rows = encode(text);
  const size = rows.length + 8;
  const path = rows.flatMap((row, y) =>
    row.flatMap((dark, x) => (dark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : [])),
  );
  const namespace = "http://www.w3.org/2000/svg";
  const image = document.createElementNS(namespace, "svg");
  image.setAttribute("viewBox", `0 0 ${size} ${size}`);
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", label);
  image.setAttribute("shape-rendering", "crispEdges");
  image.append(document.createElementNS(namespace, "path"));
  image.children[0].setAttribute("d", path.join(""));
  return image;
}

/** All modules that carry data, in bits. @param {number} version */
function rawBits(version) {
  let bits = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const marks = Math.floor(version / 7) + 2; // alignment patterns in a row
    bits -= (25 * marks - 10) * marks - 55;
    if (version >= 7) bits -= 36; // version information
  }
  return bits;
}

/** @param {number} version */
function dataBytes(version) {
  return (rawBits(version) >> 3) - CHECK_BYTES[version - 1] * BLOCKS[version - 1];
}

/** @param {Uint8Array} bytes @param {number} version @param {number} capacity */
function pack(bytes, version, capacity) {
  const wide = version >= 10;
  const head = wide
    ? [0x40 | (bytes.length >> 12), (bytes.length >> 4) & 0xff]
    : [0x40 | (bytes.length >> 4)];
  // Mode and length take four bits more than whole bytes, so all that follows is shifted by four.
  let half = bytes.length & 0xf;
  for (const byte of bytes) {
    head.push((half << 4) | (byte >> 4));
    half = byte & 0xf;
  }
  head.push(half << 4);
  for (let pad = 0xec; head.length < capacity; pad ^= 0xec ^ 0x11) head.push(pad);
  return head.slice(0, capacity);
}

/**
 * Add Reed-Solomon check bytes, and interleave the blocks.
 *
 * @param {number[]} data
 * @param {number} version
 */
function protect(data, version) {
  const count = BLOCKS[version - 1];
  const checks = CHECK_BYTES[version - 1];
  const generator = polynomial(checks);
  const short = Math.floor(data.length / count);
  const firstLong = count - (data.length % count);
  const blocks = [];
  for (let index = 0, at = 0; index < count; index++) {
    const block = data.slice(at, (at += short + (index >= firstLong ? 1 : 0)));
    blocks.push({ block, check: remainder(block, generator) });
  }
  const result = [];
  for (let at = 0; at <= short; at++) {
    for (const { block } of blocks) if (at < block.length) result.push(block[at]);
  }
  for (let at = 0; at < checks; at++) for (const { check } of blocks) result.push(check[at]);
  return result;
}

/** The product of (x - 2^i) for i below degree, without its leading 1. @param {number} degree */
function polynomial(degree) {
  /** @type {number[]} */
  const result = [...Array(degree - 1).fill(0), 1];
  for (let root = 0; root < degree; root++) {
    for (let at = 0; at < degree; at++) {
      result[at] = multiply(result[at], EXP[root]) ^ (at + 1 < degree ? result[at + 1] : 0);
    }
  }
  return result;
}

/** @param {number[]} data @param {number[]} divisor */
function remainder(data, divisor) {
  const result = divisor.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ /** @type {number} */ (result.shift());
    result.push(0);
    divisor.forEach((coefficient, at) => (result[at] ^= multiply(coefficient, factor)));
  }
  return result;
}

/** @param {number} a @param {number} b */
function multiply(a, b) {
  return a && b ? EXP[LOG[a] + LOG[b]] : 0;
}

/** @param {number} version @param {number[]} codewords */
function draw(version, codewords) {
  const size = 17 + 4 * version;
  /** @type {boolean[][]} */
  const dark = Array.from({ length: size }, () => Array(size).fill(false));
  const fixed = dark.map((row) => row.slice()); // not for data
  const set = (/** @type {number} */ x, /** @type {number} */ y, /** @type {boolean} */ on) => {
    dark[y][x] = on;
    fixed[y][x] = true;
  };
  drawPatterns(version, size, set);
  drawFormat(size, 0, set); // only to reserve its place
  let bit = 0;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5; // the column of the timing pattern
    for (let step = 0; step < size; step++) {
      const y = (right + 1) & 2 ? step : size - 1 - step; // by turns down and up
      for (const x of [right, right - 1]) {
        if (!fixed[y][x]) dark[y][x] = ((codewords[bit >> 3] >> (7 - (bit++ & 7))) & 1) === 1;
      }
    }
  }
  const candidates = MASKS.map((mask, number) => {
    const masked = dark.map((row, y) =>
      row.map((on, x) => on !== (!fixed[y][x] && mask(x, y) === 0)),
    );
    drawFormat(size, number, (x, y, on) => (masked[y][x] = on));
    return { masked, penalty: penalty(masked) };
  });
  return candidates.reduce((best, next) => (next.penalty < best.penalty ? next : best)).masked;
}

/** @type {((x: number, y: number) => number)[]} */
const MASKS = [
  (x, y) => (x + y) % 2,
  (_, y) => y % 2,
  (x) => x % 3,
  (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

/**
 * @param {number} version
 * @param {number} size
 * @param {(x: number, y: number, on: boolean) => void} set
 */
function drawPatterns(version, size, set) {
  for (let at = 0; at < size; at++) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [centerX, centerY] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ]) {
    for (let y = Math.max(0, centerY - 4); y <= Math.min(size - 1, centerY + 4); y++) {
      for (let x = Math.max(0, centerX - 4); x <= Math.min(size - 1, centerX + 4); x++) {
        const ring = Math.max(Math.abs(x - centerX), Math.abs(y - centerY));
        set(x, y, ring !== 2 && ring !== 4);
      }
    }
  }
  const marks = alignments(version, size);
  const last = marks.length - 1;
  marks.forEach((y, row) =>
    marks.forEach((x, column) => {
      if (
        (row === 0 && column === 0) ||
        (row === 0 && column === last) ||
        (row === last && column === 0)
      )
        return;
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++)
          set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
      }
    }),
  );
  if (version >= 7) {
    let rest = version;
    for (let step = 0; step < 12; step++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = (version << 12) | rest;
    for (let at = 0; at < 18; at++) {
      const [near, far] = [Math.floor(at / 3), size - 11 + (at % 3)];
      set(far, near, ((bits >> at) & 1) === 1);
      set(near, far, ((bits >> at) & 1) === 1);
    }
  }
}

/** The coordinates of alignment patterns. @param {number} version @param {number} size */
function alignments(version, size) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((size - 13) / (2 * count - 2)) * 2;
  const rest = Array.from({ length: count - 1 }, (_, index) => size - 7 - step * index);
  return [6, ...rest.reverse()];
}

/**
 * @param {number} size
 * @param {number} mask
 * @param {(x: number, y: number, on: boolean) => void} set
 */
function drawFormat(size, mask, set) {
  const data = (1 << 3) | mask; // level L is 1
  let rest = data;
  for (let step = 0; step < 10; step++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((data << 10) | rest) ^ 0x5412;
  for (let at = 0; at < 15; at++) {
    const on = ((bits >> at) & 1) === 1;
    set(8, at < 6 ? at : at < 8 ? at + 1 : size - 15 + at, on);
    set(at < 8 ? size - 1 - at : at < 9 ? 7 : 14 - at, 8, on);
  }
  set(8, size - 8, true);
}

/** How hard this is to read, by the four rules of the standard. @param {boolean[][]} rows */
function penalty(rows) {
  const size = rows.length;
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let total = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map(Number).join("");
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) total += run.length - 2;
    for (const finder of ["10111010000", "00001011101"]) {
      for (let at = text.indexOf(finder); at >= 0; at = text.indexOf(finder, at + 1)) total += 40;
    }
  }
  for (let y = 1; y < size; y++) {
    for (let x = 1; x < size; x++) {
      const on = rows[y][x];
      if (rows[y - 1][x] === on && rows[y][x - 1] === on && rows[y - 1][x - 1] === on) total += 3;
    }
  }
  const share = rows.flat().filter(Boolean).length / size ** 2;
  return total + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}
