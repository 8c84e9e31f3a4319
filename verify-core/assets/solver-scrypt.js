// The derivation SCRYPT (RFC 7914) for the solver: WebCrypto has its PBKDF2 and lacks the rest.
(() => {
  "use strict";

  const ROTATE = (word, by) => (word << by) | (word >>> (32 - by));

  // Salsa20/8 (RFC 7914, 3) over 16 words in place.
  function salsa(words) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = words;
    for (let round = 0; round < 8; round += 2) {
      e ^= ROTATE(a + m, 7); i ^= ROTATE(e + a, 9); m ^= ROTATE(i + e, 13); a ^= ROTATE(m + i, 18);
      j ^= ROTATE(f + b, 7); n ^= ROTATE(j + f, 9); b ^= ROTATE(n + j, 13); f ^= ROTATE(b + n, 18);
      o ^= ROTATE(k + g, 7); c ^= ROTATE(o + k, 9); g ^= ROTATE(c + o, 13); k ^= ROTATE(g + c, 18);
      d ^= ROTATE(p + l, 7); h ^= ROTATE(d + p, 9); l ^= ROTATE(h + d, 13); p ^= ROTATE(l + h, 18);
      b ^= ROTATE(a + d, 7); c ^= ROTATE(b + a, 9); d ^= ROTATE(c + b, 13); a ^= ROTATE(d + c, 18);
      g ^= ROTATE(f + e, 7); h ^= ROTATE(g + f, 9); e ^= ROTATE(h + g, 13); f ^= ROTATE(e + h, 18);
      l ^= ROTATE(k + j, 7); i ^= ROTATE(l + k, 9); j ^= ROTATE(i + l, 13); k ^= ROTATE(j + i, 18);
      m ^= ROTATE(p + o, 7); n ^= ROTATE(m + p, 9); o ^= ROTATE(n + m, 13); p ^= ROTATE(o + n, 18);
    }
    const mixed = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    for (let at = 0; at < 16; at += 1) {
      words[at] += mixed[at];
    }
  }

  // scryptBlockMix (RFC 7914, 4) from one block of 2r × 16 words into another.
  function mix(block, into) {
    const count = block.length / 16;
    const state = block.slice(-16);
    for (let index = 0; index < count; index += 1) {
      for (let at = 0; at < 16; at += 1) {
        state[at] ^= block[index * 16 + at];
      }
      salsa(state);
      into.set(state, ((index % 2) * count + index - (index % 2)) * 8);
    }
  }

  // scryptROMix (RFC 7914, 5) in place. `rows` is kept from one derivation to the next.
  function romix(words, cost, rows) {
    const { length } = words;
    let [from, to] = [words.slice(), new Uint32Array(length)];
    for (let row = 0; row < cost; row += 1) {
      rows.set(from, row * length);
      mix(from, to);
      [from, to] = [to, from];
    }
    for (let step = 0; step < cost; step += 1) {
      const row = (from[length - 16] & (cost - 1)) * length;
      for (let at = 0; at < length; at += 1) {
        from[at] ^= rows[row + at];
      }
      mix(from, to);
      [from, to] = [to, from];
    }
    words.set(from);
  }

  const pbkdf2 = async (key, salt, bytes) => {
    const { subtle } = globalThis.crypto;
    const settings = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 1 };
    return new Uint8Array(await subtle.deriveBits(settings, key, bytes * 8));
  };

  const derivers = (globalThis.proofOfWorkDerivers ??= {});
  // All machines that run browsers are little-endian, as the algorithm is.
  derivers.SCRYPT = ({ cost, memoryCost = 8, parallelism = 1, keyLength }, salt) => {
    const power = cost > 1 && (cost & (cost - 1)) === 0;
    if (!power || !(memoryCost > 0) || !(parallelism > 0)) {
      return null;
    }
    const rows = new Uint32Array(cost * memoryCost * 32);
    return async (password) => {
      const key = await globalThis.crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
      const blocks = await pbkdf2(key, salt, parallelism * memoryCost * 128);
      for (let lane = 0; lane < parallelism; lane += 1) {
        romix(new Uint32Array(blocks.buffer, lane * memoryCost * 128, memoryCost * 32), cost, rows);
      }
      return pbkdf2(key, blocks, keyLength);
    };
  };
})();
