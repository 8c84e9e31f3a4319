//! A program and a proof of work, alone and together with a code.

use serde_json::json;

use crate::http::Request;
use crate::scenario::player::{Player, text, ticket, token};

/// The feed, with a clearance and in line.
pub(super) fn feed(player: &mut Player<'_>) {
    player.begin("work");
    let user = "ida";
    let offers = player.blocked("blocked", &Request::get("/feed").user(user));
    let (id, token_of) = (ticket(&offers, "proof_of_work"), token(&offers));
    player.call("nothing travels", 200, user, "send", &json!({ "id": id }));
    player.call("status", 200, user, "status", &json!({ "id": id }));
    player.call("a code for a puzzle", 400, user, "check", &json!({ "id": id, "code": "123456" }));
    player.call("a token that is none", 400, user, "check", &json!({ "id": id, "token": "bm9uc2Vuc2U=" }));
    let others = player.blocked("blocked again", &Request::get("/feed").user(user));
    player.call(
        "the solution of another puzzle",
        403,
        user,
        "check",
        &json!({ "id": id, "token": token(&others) }),
    );
    player.call("as somebody else", 410, "eve", "check", &json!({ "id": id, "token": token_of }));
    let checked = player.call("check", 200, user, "check", &json!({ "id": id, "token": token_of }));
    player.call("check again", 409, user, "check", &json!({ "id": id, "token": token_of }));
    player.call("status after", 200, user, "status", &json!({ "id": id }));
    let clearance = text(&checked.json(), "clearance");
    player.ask("in", 200, &Request::get("/feed").user(user).header("challenge-clearance", &clearance));
    player.ask(
        "not elsewhere",
        403,
        &Request::get("/vault").user(user).header("challenge-clearance", &clearance),
    );

    let user = "jon";
    let offers = player.blocked("another is blocked", &Request::get("/feed").user(user));
    let (id, token) = (ticket(&offers, "proof_of_work"), token(&offers));
    let answering =
        Request::get("/feed").user(user).header("challenge-id", &id).header("challenge-answer", &token);
    player.ask("in line", 200, &answering);
    player.ask("in line again", 409, &answering);
}

/// Both factors, one after the other.
pub(super) fn safe(player: &mut Player<'_>) {
    player.begin("safe");
    let user = "kim";
    let offers = player.blocked("blocked", &Request::get("/safe").user(user));
    let body = json!({ "id": ticket(&offers, "proof_of_work"), "token": token(&offers) });
    let checked = player.call("the work", 200, user, "check", &body);
    let clearance = text(&checked.json(), "clearance");
    let half = Request::get("/safe").user(user).header("challenge-clearance", &clearance);
    let offers = player.blocked("half the way", &half);
    let (sent, code) = player.code_for(user, &ticket(&offers, "code"));
    let check = Request::json("/challenge/check", &json!({ "id": sent, "code": code }));
    let checked = player.ask("the code", 200, &check.user(user).header("challenge-clearance", &clearance));
    let clearance = text(&checked.json(), "clearance");
    for path in ["/safe", "/feed", "/vault"] {
        player.ask(path, 200, &Request::get(path).user(user).header("challenge-clearance", &clearance));
    }
}

/// Both factors in line: in two requests, and in one.
pub(super) fn safe_in_line(player: &mut Player<'_>) {
    player.begin("safe in line");
    let user = "lea";
    let offers = player.blocked("blocked", &Request::get("/safe").user(user));
    let request = Request::get("/safe").user(user);
    let request = request
        .header("challenge-id", &ticket(&offers, "proof_of_work"))
        .header("challenge-answer", &token(&offers));
    let half = player.ask("the work", 403, &request);
    let clearance = half.header("challenge-clearance").unwrap_or_default().to_owned();
    let (sent, code) = player.code_for(user, &ticket(&offers, "code"));
    let request = Request::get("/safe").user(user).header("challenge-clearance", &clearance);
    player.ask("the code", 200, &request.header("challenge-id", &sent).header("challenge-answer", &code));

    let user = "max";
    let offers = player.blocked("another is blocked", &Request::get("/safe").user(user));
    let (sent, code) = player.code_for(user, &ticket(&offers, "code"));
    let request = Request::get("/safe").user(user);
    let request = request
        .header("challenge-id", &ticket(&offers, "proof_of_work"))
        .header("challenge-answer", &token(&offers))
        .header("challenge-id", &sent)
        .header("challenge-answer", &code);
    player.ask("both at once", 200, &request);
}
