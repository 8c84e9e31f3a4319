// Solves a proof of work in an ALTCHA format with WebCrypto. What WebCrypto lacks is in files of its own, put in front
// of this one.
//
// As a Web Worker:  postMessage({ challenge, start, step })
//   answers         { progress } now and then, then { counter, derivedKey, time } or, in the first format, { number, time };
//                   or { error }
// As a plain script: globalThis.solveProofOfWork({ challenge, start, step, onProgress }), a promise
// Instead of `challenge`, the `parameters` of one in the second format will do.
(() => {
  "use strict";

  const HASHES = ["SHA-256", "SHA-384", "SHA-512"];
  const FIRST_FORMAT = ["SHA-1", "SHA-256", "SHA-512"];
  // A bare hash is over in no time; a message for every 64 of them would cost more.
  const PROGRESS_EVERY = { v1: 2048, v2: 64 };
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

  function deriverFor(parameters, salt) {
    const { algorithm, cost, keyLength } = parameters;
    const special = globalThis.proofOfWorkDerivers?.[algorithm];
    if (special) {
      const derive = special(parameters, salt);
      if (!derive) {
        throw new SolverError("bad-request");
      }
      return derive;
    }
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

  // A try of the second format: the solution if it is one.
  function triesOf(parameters) {
    const { cost, keyLength, keyPrefix } = parameters ?? {};
    const sound =
      isCounter(cost) && cost > 0 && isCounter(keyLength) && keyLength > 0 &&
      typeof keyPrefix === "string" && /^[0-9a-f]+$/.test(keyPrefix);
    if (!sound) {
      throw new SolverError("bad-request");
    }
    const nonce = fromHex(parameters.nonce);
    const derive = deriverFor(parameters, fromHex(parameters.salt));
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    const tail = new DataView(password.buffer, nonce.length);
    return async (counter) => {
      tail.setUint32(0, counter);
      const derivedKey = toHex(await derive(password));
      return derivedKey.startsWith(keyPrefix) && { counter, derivedKey };
    };
  }

  // A try of the first format.
  function numbersOf({ algorithm, challenge, salt }) {
    if (!FIRST_FORMAT.includes(algorithm)) {
      throw new SolverError("unsupported-algorithm");
    }
    const wanted = fromHex(challenge);
    if (typeof salt !== "string") {
      throw new SolverError("bad-request");
    }
    const { subtle } = globalThis.crypto;
    const encoder = new TextEncoder();
    return async (number) => {
      const digest = new Uint8Array(await subtle.digest(algorithm, encoder.encode(salt + number)));
      return digest.length === wanted.length && digest.every((byte, at) => byte === wanted[at]) && { number };
    };
  }

  async function solveProofOfWork({ challenge, parameters, start = 0, step = 1, onProgress = () => {} }) {
    if (!globalThis.crypto?.subtle) {
      throw new SolverError("insecure-context");
    }
    if (!isCounter(start) || !isCounter(step) || step === 0) {
      throw new SolverError("bad-request");
    }
    const isFirst = typeof challenge?.challenge === "string";
    const attempt = isFirst ? numbersOf(challenge) : triesOf(parameters ?? challenge?.parameters);
    const most = isFirst && isCounter(challenge.maxnumber) ? challenge.maxnumber : MAX_COUNTER;
    const every = isFirst ? PROGRESS_EVERY.v1 : PROGRESS_EVERY.v2;

    const began = performance.now();
    let tries = 0;
    for (let counter = start; counter <= most; counter += step) {
      const found = await attempt(counter);
      if (found) {
        return { ...found, time: Math.round(performance.now() - began) };
      }
      tries += 1;
      if (tries % every === 0) {
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
      const { challenge, parameters, start, step } = data ?? {};
      globalThis.postMessage(await solveProofOfWork({ challenge, parameters, start, step, onProgress }));
    } catch (error) {
      globalThis.postMessage({ error: error instanceof SolverError ? error.code : "failed" });
    }
  };
})();
