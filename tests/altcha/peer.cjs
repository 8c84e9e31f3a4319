// Does with npm's altcha-lib what it is told on standard input: a list of jobs, answered by a list of results.
"use strict";

const fs = require("node:fs");
const crypto = require("node:crypto");
const { createRequire } = require("node:module");
const { join } = require("node:path");

// The packages are in the folder that this is run in.
const load = createRequire(join(process.cwd(), "package.json"));
const v1 = load("altcha-lib/v1");
const v2 = load("altcha-lib");
const { argon2id } = load("hash-wasm");

const derivers = { PBKDF2: "pbkdf2", SHA: "sha", SCRYPT: "scrypt" };

// Node has Argon2 from version 24 on; what the library's own workers use does as well.
async function deriveArgon2id({ cost, keyLength, memoryCost, parallelism }, salt, password) {
  const derivedKey = await argon2id({
    password, salt, iterations: cost, memorySize: memoryCost, parallelism: parallelism ?? 1,
    hashLength: keyLength, outputType: "binary",
  });
  return { parameters: {}, derivedKey };
}

function deriverFor(algorithm) {
  const family = derivers[algorithm.split(/[/-]/)[0]];
  return family ? load(`altcha-lib/algorithms/${family}`).deriveKey : deriveArgon2id;
}

const pack = (value) => Buffer.from(JSON.stringify(value)).toString("base64");
const unpack = (payload) => JSON.parse(Buffer.from(payload, "base64").toString());

const jobs = {
  make1: ({ options, secret }) =>
    v1.createChallenge({ ...options, expires: new Date(options.expires * 1000), hmacKey: secret }),
  async solve1({ challenge }) {
    const { algorithm, challenge: digest, maxnumber, salt, signature } = challenge;
    const { number, took } = await v1.solveChallenge(digest, salt, algorithm, maxnumber).promise;
    return pack({ algorithm, challenge: digest, number, salt, signature, took });
  },
  verify1: ({ payload, secret }) => v1.verifySolution(payload, secret),
  make2: ({ options, secret, keySecret }) =>
    v2.createChallenge({
      ...options,
      deriveKey: deriverFor(options.algorithm),
      hmacSignatureSecret: secret,
      hmacKeySignatureSecret: keySecret,
    }),
  async solve2({ challenge }) {
    const deriveKey = deriverFor(challenge.parameters.algorithm);
    const solution = await v2.solveChallenge({ challenge, deriveKey, timeout: 0 });
    return pack({ challenge, solution });
  },
  async verify2({ payload, secret, keySecret }) {
    const { challenge, solution } = unpack(payload);
    const deriveKey = deriverFor(challenge.parameters.algorithm);
    const { verified } = await v2.verifySolution({
      challenge, solution, deriveKey, hmacSignatureSecret: secret, hmacKeySignatureSecret: keySecret,
    });
    return verified;
  },
  // The library cannot sign for a server, as only Sentinel does: this is the formula that it verifies.
  async sign({ algorithm, data, secret }) {
    const hash = algorithm.replace("-", "").toLowerCase();
    const digest = crypto.createHash(hash).update(data).digest();
    const signature = crypto.createHmac(hash, secret).update(digest).digest("hex");
    return pack({ algorithm, verificationData: data, signature, verified: true, id: "unsigned", apiKey: "key_1" });
  },
  async verifyServer({ payload, secret }) {
    return (await v2.verifyServerSignature({ payload: unpack(payload), hmacSecret: secret })).verified;
  },
};

(async () => {
  const results = [];
  for (const { job, ...rest } of JSON.parse(fs.readFileSync(0, "utf8"))) {
    results.push(await jobs[job](rest));
  }
  console.log(JSON.stringify(results));
})();
