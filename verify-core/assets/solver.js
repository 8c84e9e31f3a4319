// Solves a proof of work in the ALTCHA v2 format with WebCrypto.
//
// As a Web Worker:  postMessage({ parameters, start, step })
//   answers         { progress } every 64 tries, then { counter, derivedKey, time } or { error }
// As a plain script: globalThis.solveProofOfWork({ parameters, start, step, onProgress }), a promise
(() => {
  "use strict";

  const HASHES = ["SHA-256", "SHA-384", "SHA-512"];
  const PROGRESS_EVERY = 64;
  const MAX_COUNTER = 0xffffffff;

  class SolverError extends Error {
    constructor(code) {
      super(code);
      this.code = code;
    }
  }

  const isCounter = (value) => Number.isInteger(value) && value >= 0 && value <= MAX_COUNTER;

  function fromHex(text) {
    if (typeof text !== "string" || !/^(?:[0-9a-f]{2})+$/.test(text)) {
      throw new SolverError("bad-request");
    }
    return Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
  }

  function toHex(bytes) {
    let text = "";
    for (const byte of bytes) {
      text += byte.toString(16).padStart(2, "0");
    }
    return text;
  }

  function deriverFor({ algorithm, cost, keyLength }, salt) {
    const [hash, family] = String(algorithm).split("/").reverse();
    if (!HASHES.includes(hash) || (family !== undefined && family !== "PBKDF2")) {
      throw new SolverError("unsupported-algorithm");
    }
    const { subtle } = globalThis.crypto;

    if (family === "PBKDF2") {
      return async (password) => {
        const key = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
        const settings = { name: "PBKDF2", hash, salt, iterations: cost };
        return new Uint8Array(await subtle.deriveBits(settings, key, keyLength * 8));
      };
    }
    return async (password) => {
      let digest = new Uint8Array(salt.length + password.length);
      digest.set(salt);
      digest.set(password, salt.length);
      for (let round = 0; round < cost; round += 1) {
        digest = await subtle.digest(hash, digest);
      }
      return new Uint8Array(digest).subarray(0, keyLength);
    };
  }

  async function solveProofOfWork({ parameters, start = 0, step = 1, onProgress = () => {} }) {
    if (!globalThis.crypto?.subtle) {
      throw new SolverError("insecure-context");
    }
    const { cost, keyLength, keyPrefix } = parameters ?? {};
    const sound =
      isCounter(start) && isCounter(step) && step > 0 &&
      isCounter(cost) && cost > 0 && isCounter(keyLength) && keyLength > 0 &&
      typeof keyPrefix === "string" && /^[0-9a-f]+$/.test(keyPrefix);
    if (!sound) {
      throw new SolverError("bad-request");
    }

    const began = performance.now();
    const nonce = fromHex(parameters.nonce);
    const derive = deriverFor(parameters, fromHex(parameters.salt));
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    const tail = new DataView(password.buffer, nonce.length);

    let tries = 0;
    for (let counter = start; counter <= MAX_COUNTER; counter += step) {
      tail.setUint32(0, counter);
      const derivedKey = toHex(await derive(password));
      if (derivedKey.startsWith(keyPrefix)) {
        return { counter, derivedKey, time: Math.round(performance.now() - began) };
      }
      tries += 1;
      if (tries % PROGRESS_EVERY === 0) {
        onProgress(tries);
      }
    }
    throw new SolverError("exhausted");
  }

  const inWorker = typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope;
  if (!inWorker) {
    globalThis.solveProofOfWork = solveProofOfWork;
    return;
  }
  globalThis.onmessage = async ({ data }) => {
    const onProgress = (progress) => globalThis.postMessage({ progress });
    try {
      const { parameters, start, step } = data ?? {};
      globalThis.postMessage(await solveProofOfWork({ parameters, start, step, onProgress }));
    } catch (error) {
      globalThis.postMessage({ error: error instanceof SolverError ? error.code : "failed" });
    }
  };
})();
