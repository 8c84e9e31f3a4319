//! A vendor's captcha in front of the feed: a program, a browser without scripts, and a vendor that goes wrong.

use serde_json::{Value, json};

use crate::http::Request;
use crate::scenario::player::{Player, cookie, form, text};
use crate::siteverify::{Fault, Siteverify};

/// The host of the bank, as its visitors have it.
const HOST: &str = "localhost";

/// Blocked: the one challenge that is offered.
fn offer(player: &mut Player<'_>, step: &str, user: &str) -> Value {
    let offers = player.blocked(step, &Request::get("/feed").user(user));
    let offer = offers.first().cloned().unwrap_or_default();
    player.hide("cdata", &text(&offer, "cdata"));
    offer
}

/// A token that was solved for exactly this challenge.
fn solve(stub: &Siteverify, offer: &Value) -> String {
    stub.solve(HOST, &text(offer, "action"), &text(offer, "cdata"))
}

/// The way in, and every token that is no way in.
pub(super) fn program(player: &mut Player<'_>, stub: &Siteverify) {
    player.begin("captcha");
    let user = "ida";
    let challenge = offer(player, "blocked", user);
    let id = text(&challenge, "id");
    player.call("nothing travels", 200, user, "send", &json!({ "id": id }));
    player.call("status", 200, user, "status", &json!({ "id": id }));
    player.call("a code for a captcha", 400, user, "check", &json!({ "id": id, "code": "123456" }));
    player.call("no token", 400, user, "check", &json!({ "id": id, "token": "" }));
    player.call("a long token", 400, user, "check", &json!({ "id": id, "token": "x".repeat(9000) }));
    player.call("a token that is none", 403, user, "check", &json!({ "id": id, "token": "bm9uc2Vuc2U=" }));
    let elsewhere = stub.solve("evil.example", &text(&challenge, "action"), &text(&challenge, "cdata"));
    player.call("a token of another host", 403, user, "check", &json!({ "id": id, "token": elsewhere }));
    let other = offer(player, "blocked again", user);
    for (member, step) in
        [("action", "a token for another action"), ("cdata", "a token for another challenge")]
    {
        // Only where the vendor signs it.
        if challenge.get(member).is_some() {
            let mut wrong = challenge.clone();
            if let Some(members) = wrong.as_object_mut() {
                let value = if member == "cdata" { json!(text(&other, "cdata")) } else { json!("login") };
                members.insert(member.to_owned(), value);
            }
            player.call(step, 403, user, "check", &json!({ "id": id, "token": solve(stub, &wrong) }));
        }
    }
    let token = solve(stub, &challenge);
    player.call("as somebody else", 410, "eve", "check", &json!({ "id": id, "token": token }));
    let checked = player.call("check", 200, user, "check", &json!({ "id": id, "token": token }));
    player.call("check again", 409, user, "check", &json!({ "id": id, "token": token }));
    let replay = json!({ "id": text(&other, "id"), "token": token });
    player.call("the token with another ticket", 409, user, "check", &replay);
    player.call("status after", 200, user, "status", &json!({ "id": id }));
    let clearance = text(&checked.json(), "clearance");
    for (path, status) in [("/feed", 200), ("/safe", 403), ("/vault", 403)] {
        player.ask(path, status, &Request::get(path).user(user).header("challenge-clearance", &clearance));
    }
}

/// The answer beside the request.
pub(super) fn in_line(player: &mut Player<'_>, stub: &Siteverify) {
    player.begin("captcha in line");
    let user = "jon";
    let challenge = offer(player, "blocked", user);
    let ask = |token: &str| {
        let request = Request::get("/feed").user(user).header("challenge-id", &text(&challenge, "id"));
        request.header("challenge-answer", token)
    };
    player.ask("a token that is none", 403, &ask("bm9uc2Vuc2U="));
    let token = solve(stub, &challenge);
    player.ask("in", 200, &ask(&token));
    player.ask("in again", 409, &ask(&token));
}

/// The page's own form, with a token as a script puts it there.
pub(super) fn forms(player: &mut Player<'_>, stub: &Siteverify) {
    player.begin("captcha by form");
    let user = "demo-user=kim";
    let page = player.visit("blocked", 403, "/feed?page=2", user);
    let text = page.text();
    let cdata = crate::scenario::text_of(&text, "data-cdata").unwrap_or_default();
    let action = crate::scenario::text_of(&text, "data-action").unwrap_or_default();
    player.hide("cdata", &cdata);
    let answering = form(&page, "/challenge/check");
    player.press("no token", 400, &answering.clone().typing("challenge-answer", ""), user);
    player.press(
        "a token that is none",
        403,
        &answering.clone().typing("challenge-answer", "nonsense"),
        user,
    );
    let token = stub.solve(HOST, &action, &cdata);
    let done = player.press("the token", 303, &answering.typing("challenge-answer", &token), user);
    let cookies = format!("{user}; {}", cookie(&done, "clearance"));
    player.visit("in", 200, done.header("location").unwrap_or_default(), &cookies);
    for path in ["/challenge/captcha.js", "/challenge/challenge.js"] {
        player.ask(path, 200, &Request::get(path));
    }
}

/// A vendor that goes wrong lets nobody in, and leaves everything as it was.
pub(super) fn outages(player: &mut Player<'_>, stub: &Siteverify) {
    player.begin("captcha out of order");
    let user = "lea";
    let challenge = offer(player, "blocked", user);
    let id = text(&challenge, "id");
    let faults = [
        ("status 500", Fault::Status(500), 503),
        ("a page", Fault::Html, 503),
        ("half an answer", Fault::Truncated, 503),
        ("the text true", Fault::Members(json!({ "success": "true" })), 503),
        ("silence", Fault::Silent, 503),
        ("an internal error", Fault::Codes(&["internal-error"]), 503),
        ("a wrong secret", Fault::Codes(&["invalid-input-secret"]), 500),
        ("a status of its own", Fault::Status(401), 500),
        ("spent elsewhere", Fault::Codes(&["timeout-or-duplicate"]), 403),
        ("a code of next year", Fault::Codes(&["brand-new"]), 403),
        ("long ago", Fault::Members(json!({ "challenge_ts": "2020-01-01T00:00:00Z" })), 403),
        ("without a host", Fault::Members(json!({ "hostname": null })), 403),
    ];
    for (step, fault, status) in faults {
        stub.fail(fault);
        let token = solve(stub, &challenge);
        player.call(step, status, user, "check", &json!({ "id": id, "token": token }));
    }
    stub.fail(Fault::Status(500));
    let page = player.visit("the page", 403, "/feed", "demo-user=lea");
    let cdata = crate::scenario::text_of(&page.text(), "data-cdata").unwrap_or_default();
    player.hide("cdata", &cdata);
    let answering = form(&page, "/challenge/check").typing("challenge-answer", "a-token");
    player.press("a form meanwhile", 503, &answering, "demo-user=lea");
    stub.fail(Fault::None);
    let token = solve(stub, &challenge);
    player.call("well again", 200, user, "check", &json!({ "id": id, "token": token }));
}
