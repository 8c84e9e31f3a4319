// The derivation ARGON2ID (RFC 9106, version 1.3) for the solver: WebCrypto has none.
//
// Numbers of 64 bits are pairs of words, the low one first, as they lie in memory.
(() => {
  "use strict";

  const BLOCK = 256;
  const SLICES = 4;

  // BLAKE2b (RFC 7693).
  const IV = Uint32Array.of(
    0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
    0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
  );
  const SIGMA = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4], [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13], [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11], [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5], [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
  ];

  // v[a] += v[b] + the given pair.
  function add(v, a, b, low, high) {
    const sum = v[a] + v[b] + low;
    v[a] = sum;
    v[a + 1] = v[a + 1] + v[b + 1] + high + Math.floor(sum / 0x100000000);
  }

  // v[a] = (v[a] ^ v[b]) rotated right.
  function turn(v, a, b, by) {
    const [low, high] = [v[a] ^ v[b], v[a + 1] ^ v[b + 1]];
    if (by === 32) {
      v[a] = high;
      v[a + 1] = low;
    } else if (by === 63) {
      v[a] = (low << 1) | (high >>> 31);
      v[a + 1] = (high << 1) | (low >>> 31);
    } else {
      v[a] = (low >>> by) | (high << (32 - by));
      v[a + 1] = (high >>> by) | (low << (32 - by));
    }
  }

  function blake2b(parts, length) {
    const input = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (input.set(part, at), at + part.length), 0);
    const state = IV.slice();
    state[0] ^= 0x01010000 ^ length;
    const v = new Uint32Array(32);
    const blocks = Math.max(1, Math.ceil(input.length / 128));
    for (let block = 0; block < blocks; block += 1) {
      const bytes = new Uint8Array(128);
      bytes.set(input.subarray(block * 128, (block + 1) * 128));
      const message = new Uint32Array(bytes.buffer);
      v.set(state);
      v.set(IV, 16);
      v[24] ^= Math.min((block + 1) * 128, input.length);
      if (block === blocks - 1) {
        v[28] = ~v[28];
        v[29] = ~v[29];
      }
      const g = (a, b, c, d, x, y) => {
        add(v, a, b, message[2 * x], message[2 * x + 1]);
        turn(v, d, a, 32);
        add(v, c, d, 0, 0);
        turn(v, b, c, 24);
        add(v, a, b, message[2 * y], message[2 * y + 1]);
        turn(v, d, a, 16);
        add(v, c, d, 0, 0);
        turn(v, b, c, 63);
      };
      for (let round = 0; round < 12; round += 1) {
        const s = SIGMA[round % 10];
        for (let lane = 0; lane < 4; lane += 1) {
          g(2 * lane, 8 + 2 * lane, 16 + 2 * lane, 24 + 2 * lane, s[2 * lane], s[2 * lane + 1]);
        }
        for (let lane = 0; lane < 4; lane += 1) {
          const [b, c, d] = [8 + (2 * lane + 2) % 8, 16 + (2 * lane + 4) % 8, 24 + (2 * lane + 6) % 8];
          g(2 * lane, b, c, d, s[8 + 2 * lane], s[9 + 2 * lane]);
        }
      }
      for (let at = 0; at < 16; at += 1) {
        state[at] ^= v[at] ^ v[at + 16];
      }
    }
    return new Uint8Array(state.buffer).slice(0, length);
  }

  const word = (number) => new Uint8Array(Uint32Array.of(number).buffer);

  // The hash of any length (RFC 9106, 3.3).
  function stretch(parts, length) {
    if (length <= 64) {
      return blake2b([word(length), ...parts], length);
    }
    const out = new Uint8Array(length);
    let last = blake2b([word(length), ...parts], 64);
    let at = 0;
    while (length - at > 64) {
      out.set(last.subarray(0, 32), at);
      at += 32;
      last = blake2b([last], Math.min(64, length - at));
    }
    out.set(last, at);
    return out;
  }

  // The upper word of a product of two words: no number in JavaScript holds all of it.
  function topOf(x, y) {
    const xl = x & 0xffff;
    const xh = x >>> 16;
    const yl = y & 0xffff;
    const yh = y >>> 16;
    const middle = xh * yl + ((xl * yl) >>> 16);
    const other = xl * yh + (middle & 0xffff);
    return xh * yh + (middle >>> 16) + (other >>> 16);
  }

  // v[a] += v[b] + 2 × the product of their low words (RFC 9106, 3.6).
  function blamka(v, a, b) {
    const low = Math.imul(v[a], v[b]);
    add(v, a, b, (low << 1) >>> 0, topOf(v[a], v[b]) * 2 + (low >>> 31));
  }

  function quarter(v, a, b, c, d) {
    blamka(v, a, b);
    turn(v, d, a, 32);
    blamka(v, c, d);
    turn(v, b, c, 24);
    blamka(v, a, b);
    turn(v, d, a, 16);
    blamka(v, c, d);
    turn(v, b, c, 63);
  }

  // The permutation P over sixteen numbers of a block, `where` tells where they lie.
  function permute(v, w) {
    quarter(v, w[0], w[4], w[8], w[12]);
    quarter(v, w[1], w[5], w[9], w[13]);
    quarter(v, w[2], w[6], w[10], w[14]);
    quarter(v, w[3], w[7], w[11], w[15]);
    quarter(v, w[0], w[5], w[10], w[15]);
    quarter(v, w[1], w[6], w[11], w[12]);
    quarter(v, w[2], w[7], w[8], w[13]);
    quarter(v, w[3], w[4], w[9], w[14]);
  }

  const ROWS = Array.from({ length: 8 }, (_, row) => Array.from({ length: 16 }, (_, at) => 2 * (16 * row + at)));
  const COLUMNS = Array.from({ length: 8 }, (_, column) =>
    Array.from({ length: 16 }, (_, at) => 2 * (16 * (at >> 1) + 2 * column + (at & 1))));

  const mixed = new Uint32Array(BLOCK);

  // The compression function G (RFC 9106, 3.5): to = G(one, other), or xor-ed into what is there.
  function compress(one, other, to, over) {
    for (let at = 0; at < BLOCK; at += 1) {
      const word = one[at] ^ other[at];
      mixed[at] = word;
      to[at] = over ? to[at] ^ word : word;
    }
    for (const row of ROWS) {
      permute(mixed, row);
    }
    for (const column of COLUMNS) {
      permute(mixed, column);
    }
    for (let at = 0; at < BLOCK; at += 1) {
      to[at] ^= mixed[at];
    }
  }

  function argon2id(password, salt, passes, lanes, memory, length, words) {
    const columns = SLICES * Math.floor(memory / (SLICES * lanes));
    const segment = columns / SLICES;
    const block = (lane, column) => words.subarray((lane * columns + column) * BLOCK, (lane * columns + column + 1) * BLOCK);
    const head = [lanes, length, memory, passes, 0x13, 2, password.length].map(word);
    const seed = blake2b([...head, password, word(salt.length), salt, word(0), word(0)], 64);
    for (let lane = 0; lane < lanes; lane += 1) {
      for (const column of [0, 1]) {
        const bytes = stretch([seed, word(column), word(lane)], 1024);
        block(lane, column).set(new Uint32Array(bytes.buffer));
      }
    }
    const [zero, input, addresses] = [new Uint32Array(BLOCK), new Uint32Array(BLOCK), new Uint32Array(BLOCK)];
    for (let pass = 0; pass < passes; pass += 1) {
      for (let slice = 0; slice < SLICES; slice += 1) {
        for (let lane = 0; lane < lanes; lane += 1) {
          const independent = pass === 0 && slice < SLICES / 2;
          input.fill(0);
          [input[0], input[2], input[4], input[6], input[8], input[10]] = [pass, lane, slice, columns * lanes, passes, 2];
          for (let index = 0; index < segment; index += 1) {
            if (independent && index % 128 === 0) {
              input[12] += 1;
              compress(zero, input, addresses, false);
              compress(zero, addresses, addresses, false);
            }
            if (pass === 0 && slice === 0 && index < 2) {
              continue;
            }
            const column = slice * segment + index;
            const before = block(lane, (column + columns - 1) % columns);
            const at = (index % 128) * 2;
            const [low, high] = independent ? [addresses[at], addresses[at + 1]] : [before[0], before[1]];
            const other = pass === 0 && slice === 0 ? lane : high % lanes;
            // Which blocks may be referred to (RFC 9106, 3.4.2).
            const done = pass === 0 ? slice * segment : columns - segment;
            const area = other === lane ? done + index - 1 : done - (index === 0 ? 1 : 0);
            const back = topOf(area, topOf(low, low));
            const start = pass === 0 || slice === SLICES - 1 ? 0 : (slice + 1) * segment;
            const from = (start + area - 1 - back) % columns;
            compress(before, block(other, from), block(lane, column), pass > 0);
          }
        }
      }
    }
    const last = block(0, columns - 1).slice();
    for (let lane = 1; lane < lanes; lane += 1) {
      const further = block(lane, columns - 1);
      for (let at = 0; at < BLOCK; at += 1) {
        last[at] ^= further[at];
      }
    }
    return stretch([new Uint8Array(last.buffer)], length);
  }

  const derivers = (globalThis.proofOfWorkDerivers ??= {});
  derivers.ARGON2ID = ({ cost, memoryCost, parallelism = 1, keyLength }, salt) => {
    if (!(parallelism > 0) || !(memoryCost >= 8 * parallelism)) {
      return null;
    }
    // Kept from one derivation to the next.
    const words = new Uint32Array(4 * parallelism * Math.floor(memoryCost / (4 * parallelism)) * BLOCK);
    return async (password) => argon2id(password, salt, cost, parallelism, memoryCost, keyLength, words);
  };
})();
