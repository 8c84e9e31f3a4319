//! A PIN that the page shows and a phone asks for: the answer comes from outside, and the visitor redeems it.

use serde_json::json;

use crate::http::Request;
use crate::scenario::page::Form;
use crate::scenario::player::{Player, cookie, form, text, ticket};

/// The call that rang last, as the inbox has it.
fn ringing(player: &mut Player<'_>) -> String {
    let call = player.bank().inbox().get(0).map(|letter| text(letter, "call")).unwrap_or_default();
    player.hide("call", &call);
    call
}

/// Asks for a call: the ticket, the PIN that is shown, and the call.
fn called(player: &mut Player<'_>, step: &str, user: &str, id: &str) -> (String, String, String) {
    let sent = player.call(step, 200, user, "send", &json!({ "id": id })).json();
    let pin = text(&sent, "pin");
    player.hide("pin", &pin);
    (text(&sent, "id"), pin, ringing(player))
}

fn dial(player: &mut Player<'_>, step: &str, call: &str, keys: &str) {
    player.call(step, 200, "anybody", "dial", &json!({ "id": call, "code": keys }));
}

/// Called, dialled, and in.
pub(super) fn program(player: &mut Player<'_>) {
    player.begin("reverse PIN");
    let user = "vic";
    let id = ticket(&player.blocked("blocked", &Request::get("/locker").user(user)), "reverse_pin");
    player.call("status before", 200, user, "status", &json!({ "id": id }));
    player.call("check before the call", 409, user, "check", &json!({ "id": id }));
    let (sent, pin, call) = called(player, "call me", user, &id);
    player.call("call me again at once", 200, user, "send", &json!({ "id": sent }));
    player.call("status", 200, user, "status", &json!({ "id": sent }));
    player.call("not dialled yet", 409, user, "check", &json!({ "id": sent }));
    player.call("the PIN is typed nowhere", 400, user, "check", &json!({ "id": sent, "code": pin }));
    player.call("nor is it a token", 400, user, "check", &json!({ "id": sent, "token": pin }));
    player.call("over another channel", 400, user, "send", &json!({ "id": sent, "channel": "sms" }));
    player.call("a call that nobody made", 404, user, "dial", &json!({ "id": "none", "code": pin }));
    dial(player, "dial", &call, &pin);
    dial(player, "dial again", &call, &pin);
    player.call("status when dialled", 200, user, "status", &json!({ "id": sent }));
    player.call("as somebody else", 410, "eve", "check", &json!({ "id": sent }));
    let checked = player.call("check", 200, user, "check", &json!({ "id": sent }));
    player.call("check again", 409, user, "check", &json!({ "id": sent }));
    player.call("status in the end", 200, user, "status", &json!({ "id": sent }));
    let clearance = text(&checked.json(), "clearance");
    for (path, status) in [("/locker", 200), ("/vault", 403)] {
        player.ask(path, status, &Request::get(path).user(user).header("challenge-clearance", &clearance));
    }

    let user = "una";
    let id =
        ticket(&player.blocked("another is blocked", &Request::get("/locker").user(user)), "reverse_pin");
    let (sent, pin, call) = called(player, "call her", user, &id);
    let in_line = |answer: &str| {
        let request = Request::get("/locker").user(user).header("challenge-id", &sent);
        request.header("challenge-answer", answer)
    };
    player.ask("in line, not dialled yet", 409, &in_line("dialled"));
    dial(player, "she dials", &call, &pin);
    player.ask("in line, another word", 400, &in_line("done"));
    player.ask("in line", 200, &in_line("dialled"));
    player.ask("in line again", 409, &in_line("dialled"));
}

/// Nobody at home, a wrong PIN, and a challenge that is called off.
pub(super) fn failures(player: &mut Player<'_>) {
    player.begin("reverse PIN, not dialled");
    let user = "nik";
    let id = ticket(&player.blocked("blocked", &Request::get("/locker").user(user)), "reverse_pin");
    let (sent, _, call) = called(player, "call me", user, &id);
    dial(player, "nobody is there", &call, "");
    player.call("status", 200, user, "status", &json!({ "id": sent }));
    player.call("unanswered", 409, user, "check", &json!({ "id": sent }));

    let user = "odo";
    let id =
        ticket(&player.blocked("another is blocked", &Request::get("/locker").user(user)), "reverse_pin");
    let (sent, pin, call) = called(player, "call him", user, &id);
    dial(player, "a wrong PIN", &call, &Player::wrong(&pin));
    player.call("status after", 200, user, "status", &json!({ "id": sent }));
    player.call("wrong", 403, user, "check", &json!({ "id": sent }));
    player.call("called again too soon", 429, user, "send", &json!({ "id": sent }));
    player.call("cancel", 200, user, "cancel", &json!({ "id": sent }));
    dial(player, "too late", &call, &pin);
    player.call("over", 409, user, "check", &json!({ "id": sent }));
}

/// A browser without scripts.
pub(super) fn forms(player: &mut Player<'_>) {
    player.begin("reverse PIN by form");
    let user = "demo-user=pia";
    let page = player.visit("blocked", 403, "/locker?shelf=2", user);
    let page = player.press("call me", 200, &form(&page, "/challenge/send"), user);
    let shown = page.text();
    let pin = shown.split_once("<code class=\"code\">").and_then(|(_, rest)| rest.split_once("</code>"));
    let pin = pin.map(|(pin, _)| pin.to_owned()).unwrap_or_default();
    player.hide("pin", &pin);
    let call = ringing(player);
    let done = form(&page, "/challenge/check");
    let again = player.press("not dialled yet", 409, &done, user);
    let fields = vec![("challenge-id".to_owned(), call), ("challenge-answer".to_owned(), pin)];
    let telephone = Form { action: "/challenge/dial".to_owned(), fields, buttons: Vec::new() };
    player.press("dial", 303, &telephone, user);
    let answered = player.press("dialled", 303, &form(&again, "/challenge/check"), user);
    let cookies = format!("{user}; {}", cookie(&answered, "clearance"));
    player.visit("in", 200, answered.header("location").unwrap_or_default(), &cookies);
    player.press("dialled again", 409, &done, user);
}
