//! Transfers by a program, and what became of all transfers.

use serde_json::{Value, json};

use crate::http::Request;
use crate::scenario::player::{Player, text, ticket};

/// Names that break what does not escape or decode with care.
pub(super) const PAYEES: [&str; 4] = [
    "A & B <x> \"q\" é",
    "=&+%26%00;amount=1",
    "<script>alert('1')</script>&lt;",
    "Ünïcödé 東京 \u{1F600} + plus",
];

pub(super) const IBAN: &str = "DE89370400440532013000";

fn order(name: &str) -> Value {
    json!({ "amount": "39.99", "currency": "EUR", "payee": { "name": name, "iban": IBAN } })
}

/// With a clearance, and in line.
pub(super) fn program(player: &mut Player<'_>) {
    player.begin("transfers");
    let [first, second, ..] = PAYEES;
    let user = "ned";
    let request = Request::json("/transfers", &order(first)).user(user);
    let id = ticket(&player.blocked("blocked", &request), "code");
    let (sent, code) = player.code_for(user, &id);
    let checked = player.call("check", 200, user, "check", &json!({ "id": sent, "code": code }));
    let clearance = text(&checked.json(), "clearance");
    player.ask("made", 200, &request.header("challenge-clearance", &clearance));

    let user = "oli";
    let request = Request::json("/transfers", &order(second)).user(user);
    let id = ticket(&player.blocked("another is blocked", &request), "code");
    let (sent, code) = player.code_for(user, &id);
    let in_line = request.header("challenge-id", &sent).header("challenge-answer", &code);
    player.ask("made in line", 200, &in_line);
    player.ask("made in line again", 409, &in_line);
}

/// What the handler makes of bodies that it does not take, once the gate is open.
pub(super) fn bodies(player: &mut Player<'_>) {
    player.begin("transfer bodies");
    let user = "pia";
    let id = ticket(&player.blocked("blocked", &Request::json("/transfers", &json!({})).user(user)), "code");
    let (sent, code) = player.code_for(user, &id);
    let checked = player.call("check", 200, user, "check", &json!({ "id": sent, "code": code }));
    let clearance = text(&checked.json(), "clearance");
    let with = |request: Request| request.user(user).header("challenge-clearance", &clearance);
    let text =
        |kind: &str, body: &str| Request::new("POST", "/transfers").header("content-type", kind).body(body);
    player.ask("no type", 415, &with(Request::new("POST", "/transfers").body("{}")));
    player.ask("another type", 415, &with(text("text/plain", "{}")));
    player.ask("no body", 422, &with(text("application/json", "")));
    player.ask("broken JSON", 422, &with(text("application/json", "{\"amount\":")));
    player.ask("a member too many", 422, &with(text("application/json", "{\"amount\":\"1\",\"x\":1}")));
    player.ask("half a form", 422, &with(text("application/x-www-form-urlencoded", "amount=1")));
    player.ask("another method", 405, &with(Request::get("/transfers")));
    let large = Request::json("/transfers", &order(&"x".repeat(70_000)));
    player.ask("too large", 413, &with(large.clone()));
    player.ask("too large in chunks", 413, &with(large.in_chunks_of(8_000)));
    let chunked = Request::json("/transfers", &order("In chunks")).in_chunks_of(7);
    player.ask("in chunks", 200, &with(chunked));
}

/// The ledger at the end of it all: every transfer once.
pub(super) fn ledger(player: &mut Player<'_>) {
    player.begin("ledger");
    player.ask("as JSON", 200, &Request::get("/ledger"));
    player.visit("as a page", 200, "/ledger", "");
}
