// What a page says to the external build of ALTCHA's widget: which worker solves what.
const worker = (name) => () => new Worker(`/widget/${name}.js`);

for (const hash of ["SHA-256", "SHA-384", "SHA-512"]) {
  globalThis.$altcha.algorithms.set(`PBKDF2/${hash}`, worker("pbkdf2"));
  globalThis.$altcha.algorithms.set(hash, worker("sha"));
}
globalThis.$altcha.algorithms.set("SHA-1", worker("sha"));
