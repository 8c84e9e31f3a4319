// Walks from the root to a retrieved verification, by relations alone, with packages that know nothing of this server.
//
//     node walk.cjs URL USERNAME PASSWORD
"use strict";

const assert = require("node:assert/strict");
const traverson = require("traverson");
const JsonHalAdapter = require("traverson-hal");

traverson.registerMediaType(JsonHalAdapter.mediaType, JsonHalAdapter);

const [url, username, password] = process.argv.slice(2);
const MEDIA_TYPE = "application/vnd.worldpay.verifications.accounts-v5+json";
const HEADERS = {
  Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
  Accept: MEDIA_TYPE,
  "Content-Type": MEDIA_TYPE,
};

const from = (start, headers = HEADERS) => traverson.from(start).jsonHal().withRequestOptions({ headers });
const walk = (act) => new Promise((resolve, reject) => act((error, ...rest) => (error ? reject(error) : resolve(rest[0]))));

const card = {
  type: "card/plain",
  cardNumber: "4444333322221111",
  cardExpiryDate: { month: 12, year: 2035 },
  cardHolderName: "Sherlock Holmes",
  cvc: "555",
  verificationAddress: { address1: "221B Baker Street", postalCode: "NW1 6XE", city: "London", countryCode: "GB" },
};
const merchant = { entity: "default" };
let count = 0;
const reference = () => `walk-${process.pid}-${Date.now()}-${(count += 1)}`;
const intelligent = () => ({ currency: "GBP", merchant, transactionReference: reference(), paymentInstrument: card });
const dynamic = () => ({
  merchant,
  transactionReference: reference(),
  instruction: { value: { amount: 0, currency: "GBP" }, paymentInstrument: card, narrative: { line1: "STATEMENT" } },
});

async function main() {
  const root = `${url}/verifications/accounts`;
  for (const [relation, body] of [
    ["verifications:oneTime", intelligent()],
    ["verifications:cardOnFile", intelligent()],
    ["verifications:dynamicOneTime", dynamic()],
    ["verifications:dynamicCardOnFile", dynamic()],
  ]) {
    const answer = await walk((done) => from(root).follow(relation).post(body, done));
    assert.equal(answer.statusCode, 201, `${relation}: ${answer.body}`);
    const made = JSON.parse(answer.body);
    assert.equal(made.outcome, "verified");
    assert.equal(Boolean(made.schemeTransactionReference), relation.toLowerCase().endsWith("cardonfile"), relation);

    const { href } = made._links["verifications:verification"];
    const found = await walk((done) => from(href).getResource(done));
    assert.deepEqual(found, made);
    // The same from the root, by the template of the relation.
    const resource = href.split("/").pop();
    const again = await walk((done) =>
      from(root).follow("verifications:verification").withTemplateParameters({ resource }).getResource(done));
    assert.deepEqual(again, made);
  }

  // Left to itself, the client sends a Content-Type of its own with a GET.
  const { Authorization, Accept } = HEADERS;
  const bare = await walk((done) => from(root, { Authorization, Accept }).getResource(done));
  const relation = bare._links["verifications:oneTime"];
  assert.equal(relation.templated, true);
  assert.ok(relation.href.startsWith(url), relation.href);

  // A curied name and what it stands for.
  const [{ href: curie }] = bare._links.curies;
  const meaning = await fetch(curie.replace("{rel}", "verification"));
  assert.equal(meaning.status, 200);
  assert.equal((await meaning.json()).relation, "verification");

  // A client that takes plain HAL only is told so.
  const refused = await walk((done) => from(root, { Authorization, Accept: "application/hal+json" }).get(done));
  assert.equal(refused.statusCode, 406);
  assert.equal(JSON.parse(refused.body).errorName, "unsupportedAcceptHeader");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
