// A whole session of the official Node.js SDK, unmodified, with a gateway.
//
//     node session.mjs http://127.0.0.1:3900 ACCOUNT TOKEN

import assert from "node:assert/strict";
import { createRequire } from "node:module";

// Not `import`, so that the packages may lie where NODE_PATH says.
const twilio = createRequire(import.meta.url)("twilio");

const [gateway, account, token] = process.argv.slice(2);

function connect(token) {
    const client = twilio(account, token);
    client.verify.baseUrl = gateway;
    return client;
}

const verify = connect(token).verify.v2;

async function codeFor(to) {
    const answer = await fetch(`${gateway}/inbox`, { headers: { accept: "application/json" } });
    return (await answer.json()).find((letter) => letter.to === to).code;
}

const otherThan = (code) => String((Number(code) + 1) % 10 ** code.length).padStart(code.length, "0");

async function refused(status, code, call, message = /./) {
    await assert.rejects(call, (error) => {
        assert.equal(error.constructor.name, "RestException");
        assert.deepEqual([error.status, error.code], [status, code], error.message);
        assert.equal(error.moreInfo, `https://www.twilio.com/docs/errors/${code}`);
        assert.match(error.message, message);
        return true;
    });
}

const isSid = (prefix, sid) => new RegExp(`^${prefix}[0-9a-f]{32}$`).test(sid);

async function services() {
    const service = await verify.services.create({ friendlyName: "Owl Bank", codeLength: 6 });
    assert(isSid("VA", service.sid) && service.accountSid === account);
    assert.deepEqual([service.codeLength, service.psd2Enabled], [6, false]);
    assert(service.dateCreated instanceof Date && !Number.isNaN(service.dateCreated.getTime()));
    assert.equal(Object.keys(service.links).length, 7);
    const changed = await verify.services(service.sid).update({ friendlyName: "Owl Bank Two", codeLength: 8 });
    assert.deepEqual([changed.friendlyName, changed.codeLength], ["Owl Bank Two", 8]);
    assert.equal((await verify.services(service.sid).fetch()).codeLength, 8);
    const other = await verify.services.create({ friendlyName: "Owl North" });
    const listed = new Set((await verify.services.list({ pageSize: 1 })).map((each) => each.sid));
    assert(listed.has(service.sid) && listed.has(other.sid));
    for (const { sid } of [service, other]) assert.equal(await verify.services(sid).remove(), true);
    await refused(404, 20404, () => verify.services(service.sid).fetch(), /was not found/);
    await refused(400, 60200, () => verify.services.create({ friendlyName: "Owl", codeLength: 3 }));
    await refused(401, 20003, () => connect("wrong").verify.v2.services.list());
}

async function limits(service) {
    const limit = await service.rateLimits.create({ uniqueName: "end_user_ip", description: "by address" });
    assert(isSid("RK", limit.sid));
    await refused(400, 60208, () => service.rateLimits.create({ uniqueName: "end_user_ip" }));
    await refused(400, 60209, () => service.rateLimits.create({ uniqueName: "end user" }));
    const { buckets } = service.rateLimits(limit.sid);
    const bucket = await buckets.create({ max: 4, interval: 60 });
    assert(isSid("BL", bucket.sid));
    await refused(400, 60211, () => buckets.create({ max: 9, interval: 60 }));
    assert.equal((await buckets(bucket.sid).update({ max: 2 })).max, 2);
    assert.deepEqual((await buckets.list()).map((each) => each.interval), [60]);

    const start = (number, address) =>
        service.verifications.create({
            to: `+1202555011${number}`,
            channel: "sms",
            rateLimits: JSON.stringify({ end_user_ip: address }),
        });
    await start(4, "127.0.0.1");
    await start(5, "127.0.0.1");
    await refused(429, 20429, () => start(6, "127.0.0.1"));
    await start(6, "127.0.0.2");
    assert.equal(await service.rateLimits(limit.sid).remove(), true);
    assert.deepEqual(await service.rateLimits.list(), []);
}

async function oneCode(service) {
    const to = "+12025550120";
    const started = await service.verifications.create({ to, channel: "sms" });
    assert(isSid("VE", started.sid));
    assert.deepEqual([started.to, started.channel, started.status, started.valid], [to, "sms", "pending", false]);
    assert.equal(started.sendCodeAttempts.length, 1);
    const code = await codeFor(to);
    const again = await service.verifications.create({ to, channel: "sms" });
    assert.equal(again.sid, started.sid);
    assert.equal(again.sendCodeAttempts.length, 2);
    assert.equal(await codeFor(to), code);
    assert.equal((await service.verifications(to).fetch()).sid, started.sid);
    const wrong = await service.verificationChecks.create({ to, code: otherThan(code) });
    assert.deepEqual([wrong.status, wrong.valid], ["pending", false]);
    await refused(400, 60200, () => service.verificationChecks.create({ to, code: "12345678901" }));
    await refused(400, 60221, () => service.verificationChecks.create({ code }));
    const right = await service.verificationChecks.create({ verificationSid: started.sid, code });
    assert.deepEqual([right.status, right.valid], ["approved", true]);
    const gone = /The requested resource \/v2\/Services\/.*\/VerificationCheck was not found/;
    await refused(404, 20404, () => service.verificationChecks.create({ to, code }), gone);
    await refused(400, 60200, () => service.verifications.create({ to: "12025550120", channel: "sms" }));
}

async function caps(service) {
    let to = "+12025550121";
    for (let sent = 0; sent < 5; sent++) await service.verifications.create({ to, channel: "sms" });
    await refused(429, 60203, () => service.verifications.create({ to, channel: "sms" }), /Max send attempts reached/);
    to = "+12025550122";
    const started = await service.verifications.create({ to, channel: "sms" });
    const code = await codeFor(to);
    for (let tries = 0; tries < 5; tries++) {
        assert.equal((await service.verificationChecks.create({ to, code: otherThan(code) })).valid, false);
    }
    await refused(429, 60202, () => service.verificationChecks.create({ to, code }), /Max check attempts reached/);
    assert.equal((await service.verifications(started.sid).fetch()).status, "max_attempts_reached");
}

async function cancelling(service) {
    const to = "+12025550123";
    const started = await service.verifications.create({ to, channel: "sms" });
    const code = await codeFor(to);
    const cancelled = await service.verifications(started.sid).update({ status: "canceled" });
    assert.equal(cancelled.status, "canceled");
    assert.equal((await service.verifications(started.sid).fetch()).status, "canceled");
    await refused(404, 20404, () => service.verificationChecks.create({ to, code }));
    assert.notEqual((await service.verifications.create({ to, channel: "sms" })).sid, started.sid);
}

async function payments() {
    const made = await verify.services.create({ friendlyName: "Owl Payments", psd2Enabled: true });
    const service = verify.services(made.sid);
    const to = "+12025550124";
    const pair = { amount: "€39.99", payee: "Acme Inc." };
    await refused(400, 60206, () => service.verifications.create({ to, channel: "sms" }));
    await refused(400, 60214, () => service.verifications.create({ to, channel: "call", ...pair }));
    const started = await service.verifications.create({ to, channel: "sms", ...pair });
    assert.deepEqual([started.amount, started.payee], [pair.amount, pair.payee]);
    const code = await codeFor(to);
    await refused(400, 60206, () => service.verificationChecks.create({ to, code }));
    const approves = async (check) => {
        try {
            return (await service.verificationChecks.create({ to, code, ...check })).valid;
        } catch (error) {
            assert([20404, 60202].includes(error.code), String(error));
            return false;
        }
    };
    assert.equal(await approves({ ...pair, amount: "€139.99" }), false);
    assert.equal(await approves({ ...pair, payee: "Acme Ltd." }), false);
    const right = await service.verificationChecks.create({ to, code, ...pair });
    assert.deepEqual([right.status, right.amount, right.payee], ["approved", pair.amount, pair.payee]);
}

async function secondTier(service) {
    const number = await verify.safelist.create({ phoneNumber: "+12025550126" });
    assert(isSid("GN", number.sid));
    assert.equal(await verify.safelist("+12025550126").remove(), true);
    const started = await service.verifications.create({ to: "+12025550127", channel: "sms" });
    const attempts = await verify.verificationAttempts.list({ verificationSid: started.sid });
    assert.deepEqual(attempts.map((attempt) => attempt.verificationSid), [started.sid]);
    const summary = await verify.verificationAttemptsSummary().fetch({ verifyServiceSid: started.serviceSid });
    assert(summary.totalAttempts >= 1);
}

await services();
const made = await verify.services.create({ friendlyName: "Owl Session" });
const service = verify.services(made.sid);
await limits(service);
await oneCode(service);
await caps(service);
await cancelling(service);
await payments();
await secondTier(service);
console.log("the session is over, and all of it was as it should be");
