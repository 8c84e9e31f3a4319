//! What ALTCHA's own widget does: fetches a challenge, posts one field, and has a code typed into it.

use serde_json::json;

use crate::http::Request;
use crate::scenario::player::{Player, solve, text};

/// The feed, by the field that the widget adds to a form, and by what `verify` answers.
pub(super) fn feed(player: &mut Player<'_>) {
    player.begin("widget");
    let user = "noa";
    let get = |target: &str| Request::get(target).user(user);
    let challenge = player.ask("a challenge", 200, &get("/challenge/altcha?policy=feed"));
    let head = Request::new("HEAD", "/challenge/altcha?policy=feed").user(user);
    player.ask("its head", 200, &head);
    player.ask("nothing cheaper", 200, &get("/challenge/altcha?policy=feed&cost=1&keyPrefix=0"));
    player.ask("no policy", 400, &get("/challenge/altcha"));
    player.ask("an unknown one", 400, &get("/challenge/altcha?policy=moon"));
    player.ask("one without work", 400, &get("/challenge/altcha?policy=vault"));
    player.ask("by POST", 405, &Request::json("/challenge/altcha?policy=feed", &json!({})).user(user));
    for file in ["altcha.js", "code.svg"] {
        player.ask(file, 200, &get(&format!("/challenge/{file}")));
    }

    let token = solve(&challenge.text());
    player.call("as somebody else", 410, "eve", "check", &json!({ "token": token }));
    player.call("a token without a ticket", 400, user, "check", &json!({ "token": "e30=" }));
    let checked = player.call("check", 200, user, "check", &json!({ "token": token }));
    player.call("check again", 409, user, "check", &json!({ "token": token }));
    let clearance = text(&checked.json(), "clearance");
    player.ask("in", 200, &get("/feed").header("challenge-clearance", &clearance));

    let challenge = player.ask("another", 200, &get("/challenge/altcha?policy=feed"));
    let field = solve(&challenge.text()).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let posted = Request::form("/challenge/check", &format!("altcha={field}")).user(user).browser();
    player.ask("a form", 303, &posted);

    let challenge = player.ask("a third", 200, &get("/challenge/altcha?policy=feed"));
    let payload = solve(&challenge.text());
    let body = json!({ "payload": payload });
    player.call("verify", 200, user, "verify", &body);
    player.call("verify again", 200, user, "verify", &body);
    player.call("verify nothing", 400, user, "verify", &json!({ "payload": "" }));
    player.call("verify a list", 400, user, "verify", &json!([payload]));
}

/// The safe, whose code is typed into the widget.
pub(super) fn safe(player: &mut Player<'_>) {
    player.begin("widget with a code");
    let user = "ole";
    let challenge = player.ask("a challenge", 200, &Request::get("/challenge/altcha?policy=safe").user(user));
    let payload = solve(&challenge.text());
    let id = challenge.json().get("codeChallenge").map(|typed| text(typed, "id")).unwrap_or_default();
    let verify = |code: &str| json!({ "code": code, "payload": payload, "timeZone": "Europe/Prague" });
    player.call("before it is sent", 200, user, "verify", &verify("123456"));
    let (_, code) = player.code_for(user, &id);
    player.call("a wrong code", 200, user, "verify", &verify(&Player::wrong(&code)));
    player.call("no code", 400, user, "verify", &json!({ "payload": payload }));
    player.call("as somebody else", 200, "eve", "verify", &verify(&code));
    let verified = player.call("the code", 200, user, "verify", &verify(&code));
    let clearance = text(&verified.json(), "payload");
    player.ask("in", 200, &Request::get("/safe").user(user).header("challenge-clearance", &clearance));
    player.call("the code again", 200, user, "verify", &verify(&code));
}
