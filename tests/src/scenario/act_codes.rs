//! A program and a code: asked for, read in the inbox, and answered in one of three ways.

use serde_json::json;

use crate::http::Request;
use crate::scenario::act_transfers::order;
use crate::scenario::player::{Player, cookie, text, ticket};

/// Blocked, send, check, and in with the clearance as header field or as cookie.
pub(super) fn clearance(player: &mut Player<'_>) {
    player.begin("clearance");
    let user = "bea";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    player.call("status before", 200, user, "status", &json!({ "id": id }));
    player.call("check before the send", 409, user, "check", &json!({ "id": id, "code": "000000" }));
    let (sent, code) = player.code_for(user, &id);
    let letters = player.bank().inbox().as_array().map(Vec::len);
    player.call("send again", 200, user, "send", &json!({ "id": sent }));
    player.call("send the first ticket again", 200, user, "send", &json!({ "id": id }));
    let other = ticket(&player.blocked("blocked again", &Request::get("/vault").user(user)), "code");
    player.call("send another ticket", 200, user, "send", &json!({ "id": other }));
    if player.bank().inbox().as_array().map(Vec::len) != letters {
        player.call("R45: one wish is one message", 0, user, "status", &json!({ "id": sent }));
    }
    player.call("status", 200, user, "status", &json!({ "id": sent }));
    player.call("a wrong code", 403, user, "check", &json!({ "id": sent, "code": Player::wrong(&code) }));
    player.call("a malformed code", 400, user, "check", &json!({ "id": sent, "code": "12" }));
    player.call("status after", 200, user, "status", &json!({ "id": sent }));
    player.call("as somebody else", 410, "eve", "check", &json!({ "id": sent, "code": code }));
    let spaced = format!(" {}-{} ", code.get(..3).unwrap_or_default(), code.get(3..).unwrap_or_default());
    let checked = player.call("check", 200, user, "check", &json!({ "id": sent, "code": spaced }));
    player.call("check again", 409, user, "check", &json!({ "id": sent, "code": code }));
    player.call("status in the end", 200, user, "status", &json!({ "id": sent }));

    let clearance = text(&checked.json(), "clearance");
    let with = |method: &str, path: &str| {
        Request::new(method, path).user(user).header("challenge-clearance", &clearance)
    };
    player.ask("in", 200, &with("GET", "/vault"));
    player.ask("HEAD with it", 200, &with("HEAD", "/vault"));
    player.ask("another method with it", 405, &with("POST", "/vault"));
    player.ask("another gate", 403, &Request::json("/transfers", &order("Acme Inc.")).user(user));
    player.ask("half of another gate", 403, &with("GET", "/safe"));
    let cookies = cookie(&checked, "clearance");
    player.ask("in with the cookie", 200, &Request::get("/vault").user(user).header("cookie", &cookies));
    player.ask(
        "two cookies of that name",
        403,
        &Request::get("/vault").user(user).header("cookie", &format!("{cookies}; {cookies}")),
    );
    player.ask(
        "somebody else with it",
        403,
        &Request::get("/vault").user("eve").header("challenge-clearance", &clearance),
    );
    let mut forged = clearance;
    forged.pop();
    player.ask(
        "a forged one",
        403,
        &Request::get("/vault").user(user).header("challenge-clearance", &forged),
    );
}

/// The answer goes along with the request itself.
pub(super) fn in_line(player: &mut Player<'_>) {
    player.begin("in line");
    let user = "cyd";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    let (sent, code) = player.code_for(user, &id);
    let answering = |code: &str| {
        Request::get("/vault").user(user).header("challenge-id", &sent).header("challenge-answer", code)
    };
    player.ask("a wrong answer", 403, &answering(&Player::wrong(&code)));
    player.ask("a malformed answer", 400, &answering("1"));
    player.ask(
        "an answer without an id",
        400,
        &Request::get("/vault").user(user).header("challenge-answer", &code),
    );
    player.ask(
        "an id without an answer",
        400,
        &Request::get("/vault").user(user).header("challenge-id", &sent),
    );
    let mut many = Request::get("/vault").user(user);
    for _ in 0..9 {
        many = many.header("challenge-id", &sent).header("challenge-answer", &code);
    }
    player.ask("nine answers", 400, &many);
    player.ask(
        "at another gate",
        410,
        &Request::json("/transfers", &order("Acme Inc."))
            .user(user)
            .header("challenge-id", &sent)
            .header("challenge-answer", &code),
    );
    player.ask(
        "as somebody else",
        410,
        &Request::get("/vault").user("eve").header("challenge-id", &sent).header("challenge-answer", &code),
    );
    let passed = player.ask("in", 200, &answering(&code));
    player.ask("once more", 409, &answering(&code));
    let clearance = passed.header("challenge-clearance").unwrap_or_default().to_owned();
    player.ask(
        "in with what it got",
        200,
        &Request::get("/vault").user(user).header("challenge-clearance", &clearance),
    );

    // The ticket of the blocked answer does as well as the one that the send returned.
    let user = "dot";
    let id = ticket(&player.blocked("another is blocked", &Request::get("/vault").user(user)), "code");
    let (_, code) = player.code_for(user, &id);
    let request =
        Request::get("/vault").user(user).header("challenge-id", &id).header("challenge-answer", &code);
    player.ask("in with the first ticket", 200, &request);
}

/// Guessed to death.
pub(super) fn exhausted(player: &mut Player<'_>) {
    player.begin("exhausted");
    let user = "fay";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    let (sent, code) = player.code_for(user, &id);
    let wrong = Player::wrong(&code);
    for guess in 1..=5 {
        player.call(&format!("guess {guess}"), 403, user, "check", &json!({ "id": sent, "code": wrong }));
    }
    player.call("the right code", 403, user, "check", &json!({ "id": sent, "code": code }));
    player.call("status", 200, user, "status", &json!({ "id": sent }));
    player.call("send again", 429, user, "send", &json!({ "id": sent }));
    let id = ticket(&player.blocked("blocked again", &Request::get("/vault").user(user)), "code");
    player.call("a new challenge has to wait", 429, user, "send", &json!({ "id": id }));
    player.call("and has no code", 409, user, "check", &json!({ "id": id, "code": wrong }));
}

/// Called off.
pub(super) fn cancelled(player: &mut Player<'_>) {
    player.begin("cancelled");
    let user = "gus";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    let (sent, code) = player.code_for(user, &id);
    player.call("cancel", 200, user, "cancel", &json!({ "id": sent }));
    player.call("the right code", 409, user, "check", &json!({ "id": sent, "code": code }));
    player.call("status", 200, user, "status", &json!({ "id": sent }));
    player.call("cancel again", 200, user, "cancel", &json!({ "id": sent }));
    player.call("cancel as somebody else", 410, "eve", "cancel", &json!({ "id": sent }));
}

/// The client chooses among what is offered, and nothing else.
pub(super) fn channels(player: &mut Player<'_>) {
    player.begin("channels");
    let user = "hal";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    for channel in ["voice", "pigeon", "", "SMS"] {
        let body = json!({ "id": id, "channel": channel });
        player.call(&format!("over {channel:?}"), 400, user, "send", &body);
    }
    let sent = player.call("over e-mail", 200, user, "send", &json!({ "id": id, "channel": "email" })).json();
    let code = player.newest_code();
    player.call("status", 200, user, "status", &json!({ "id": text(&sent, "id") }));
    player.call("check", 200, user, "check", &json!({ "id": text(&sent, "id"), "code": code }));
}
