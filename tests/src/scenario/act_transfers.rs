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

pub(super) fn order(name: &str) -> Value {
    json!({ "amount": "39.99", "currency": "EUR", "payee": { "name": name, "iban": IBAN } })
}

/// The order with another value at that place.
fn with_member(mut order: Value, place: &str, value: Value) -> Value {
    if let Some(part) = order.pointer_mut(place) {
        *part = value;
    }
    order
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

/// Bodies that cannot be bound are refused with the field and the reason, before anything is asked.
pub(super) fn bodies(player: &mut Player<'_>) {
    player.begin("transfer bodies");
    let user = "pia";
    let with = |request: Request| request.user(user);
    let text =
        |kind: &str, body: &str| Request::new("POST", "/transfers").header("content-type", kind).body(body);
    player.ask("no type", 415, &with(Request::new("POST", "/transfers").body("{}")));
    player.ask("another type", 415, &with(text("text/plain", "{}")));
    player.ask("a form with parts", 415, &with(text("multipart/form-data; boundary=x", "--x--")));
    let packed = text("application/json", "{}").header("content-encoding", "gzip");
    player.ask("compressed", 415, &with(packed));
    player.ask("no body", 422, &with(text("application/json", "")));
    player.ask("broken JSON", 422, &with(text("application/json", "{\"amount\":")));
    let twice = order("Twice").to_string().replacen('{', "{\"amount\":\"1\",", 1);
    player.ask("a member twice", 422, &with(text("application/json", &twice)));
    player.ask("half a form", 422, &with(text("application/x-www-form-urlencoded", "amount=1")));
    let in_query = Request::json("/transfers?amount=1", &order("Query")).user(user);
    player.ask("a field in the address too", 422, &in_query);
    for amount in
        [json!("1e1"), json!("+10"), json!("10,00"), json!("10.005"), json!(10.5), json!("0"), json!(null)]
    {
        let step = format!("amount {amount}");
        let bad = with_member(order("Amount"), "/amount", amount);
        player.ask(&step, 422, &with(Request::json("/transfers", &bad)));
    }
    for (place, value) in
        [("/currency", "XAU"), ("/payee/name", "A\nB"), ("/payee/iban", "DE88370400440532013000")]
    {
        let bad = with_member(order("Payee"), place, json!(value));
        player.ask(&format!("{place} {value:?}"), 422, &with(Request::json("/transfers", &bad)));
    }
    player.ask("another method", 415, &with(Request::get("/transfers")));
    let large = Request::json("/transfers", &order(&"x".repeat(90_000)));
    player.ask("too large", 413, &with(large.clone()));
    player.ask("too large in chunks", 413, &with(large.in_chunks_of(8_000)));
    let chunked = Request::json("/transfers", &order("In chunks")).in_chunks_of(7).user(user);
    let id = ticket(&player.blocked("in chunks", &chunked), "code");
    let (sent, code) = player.code_for(user, &id);
    let answered = chunked.header("challenge-id", &sent).header("challenge-answer", &code);
    player.ask("in chunks and answered", 200, &answered);
    let mut more = order("A member more");
    if let Value::Object(members) = &mut more {
        members.insert("x".to_owned(), json!(1));
    }
    let request = Request::json("/transfers", &more).user("pit");
    let id = ticket(&player.blocked("a member that the handler does not take", &request), "code");
    let (sent, code) = player.code_for("pit", &id);
    let answered = request.header("challenge-id", &sent).header("challenge-answer", &code);
    player.ask("which the handler refuses", 422, &answered);
}

/// One approval is for one transaction, and for one execution of it.
pub(super) fn bound(player: &mut Player<'_>) {
    player.begin("bound transfers");
    let user = "rea";
    let base = order("Acme Inc.");
    let approved = |player: &mut Player<'_>, body: &Value, step: &str| {
        let request = Request::json("/transfers", body).user(user);
        let id = ticket(&player.blocked(&format!("{step}: blocked"), &request), "code");
        let (sent, code) = player.code_for(user, &id);
        let checked =
            player.call(&format!("{step}: check"), 200, user, "check", &json!({ "id": sent, "code": code }));
        text(&checked.json(), "clearance")
    };
    let changes = [
        ("/amount", "1000.00"),
        ("/currency", "USD"),
        ("/payee/name", "Acme Ltd."),
        ("/payee/iban", "GB29NWBK60161331926819"),
    ];
    for (place, value) in changes {
        let clearance = approved(player, &base, place);
        let other = with_member(base.clone(), place, json!(value));
        let with = |body: &Value| {
            Request::json("/transfers", body).user(user).header("challenge-clearance", &clearance)
        };
        player.ask(&format!("{place}: other data"), 409, &with(&other));
        player.ask(&format!("{place}: and back"), 409, &with(&base));
    }
    // Ways of writing one amount are one transaction, whatever the order and the space around the members.
    let clearance = approved(player, &base, "spelling");
    let spelt = format!(
        "{{ \"payee\": {{\"iban\": \"de89 3704 0044 0532 0130 00\", \"name\":\"Acme Inc.\"}},\n\"currency\":\"EUR\",\"amount\":\"{}\" }}",
        "39.99"
    );
    let spelt = Request::new("POST", "/transfers").header("content-type", "application/json").body(spelt);
    player.ask("spelt otherwise", 200, &spelt.user(user).header("challenge-clearance", &clearance));

    let request = Request::json("/transfers", &base).user(user);
    let id = ticket(&player.blocked("open: blocked", &request), "code");
    let (sent, code) = player.code_for(user, &id);
    let other = with_member(base.clone(), "/amount", json!("40.00"));
    let replayed = Request::json("/transfers", &other).user(user).header("challenge-id", &sent);
    player.ask("open: other data with its ticket", 409, &replayed);
    player.call("open: the old code", 409, user, "check", &json!({ "id": sent, "code": code }));

    let user = "ria";
    let request = Request::json("/transfers", &base).user(user).header("idempotency-key", "order-1");
    let id = ticket(&player.blocked("key: blocked", &request), "code");
    let (sent, code) = player.code_for(user, &id);
    let answered = request.clone().header("challenge-id", &sent).header("challenge-answer", &code);
    player.ask("key: made", 200, &answered);
    player.ask("key: asked again", 200, &answered);
    player.ask("key: asked again without an answer", 200, &request);
    let other = Request::json("/transfers", &other).user(user).header("idempotency-key", "order-1");
    player.ask("key: for another order", 422, &other);
}

/// Several payments under one code.
pub(super) fn batch(player: &mut Player<'_>) {
    player.begin("batch");
    let user = "rob";
    let (one, two) = (order("First"), order("Second"));
    let of =
        |payments: &[&Value]| Request::json("/transfers/batch", &json!({ "payments": payments })).user(user);
    player.ask("no line", 422, &of(&[]));
    let request = of(&[&one, &two]);
    let id = ticket(&player.blocked("blocked", &request), "code");
    let (sent, code) = player.code_for(user, &id);
    let checked = player.call("check", 200, user, "check", &json!({ "id": sent, "code": code }));
    let clearance = text(&checked.json(), "clearance");
    player.ask("in another order", 200, &of(&[&two, &one]).header("challenge-clearance", &clearance));
    player.ask("once more", 409, &of(&[&one, &two]).header("challenge-clearance", &clearance));
    let id = ticket(&player.blocked("again", &request), "code");
    let (sent, code) = player.code_for(user, &id);
    let swapped =
        of(&[&one, &order("Third")]).header("challenge-id", &sent).header("challenge-answer", &code);
    player.ask("with a payee exchanged", 409, &swapped);
    player.ask("the form of a single one", 422, &Request::json("/transfers/batch", &one).user(user));
}

/// The ledger at the end of it all: every transfer once.
pub(super) fn ledger(player: &mut Player<'_>) {
    player.begin("ledger");
    player.ask("as JSON", 200, &Request::get("/ledger"));
    player.visit("as a page", 200, "/ledger", "");
}
