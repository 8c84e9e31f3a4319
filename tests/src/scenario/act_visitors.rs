//! A visitor who is not signed in, and whom a cookie makes the same visitor again.

use serde_json::{Value, json};

use crate::http::Request;
use crate::scenario::player;
use crate::scenario::player::{Player, cookie, text, ticket};

/// Named by nobody: `a b` is no customer's name.
pub(super) fn anonymous(player: &mut Player<'_>) {
    player.begin("anonymous");
    let nobody = |request: Request| request.user("a b");
    let first = player.ask("blocked", 403, &nobody(Request::get("/vault")));
    let visitor = cookie(&first, "visitor");
    let known = |request: Request| nobody(request).header("cookie", &visitor);
    let id = ticket(&player::challenges(&first), "code");
    let again = player.ask("blocked again", 403, &known(Request::get("/vault")));
    let second = ticket(&player::challenges(&again), "code");
    player.ask("as a page", 403, &nobody(Request::get("/vault")).browser());
    player.ask(
        "with a made-up cookie",
        403,
        &nobody(Request::get("/vault")).header("cookie", &format!("visitor={}", "A".repeat(43))),
    );
    let call = |endpoint: &str, body: Value| Request::json(&format!("/challenge/{endpoint}"), &body);
    player.ask("send without the cookie", 410, &nobody(call("send", json!({ "id": id }))));
    let inbox_before = player.bank().inbox();
    let sent = player.bank().ask(&known(call("send", json!({ "id": id }))));
    // Address and hint come from the visitor's random name.
    player.hide("hint", &text(&sent.json(), "delivery_hint"));
    player.ask("send", 200, &known(call("send", json!({ "id": second }))));
    let code = player.newest_code();
    if player.bank().inbox() == inbox_before {
        player.ask("a message has to arrive", 0, &known(Request::get("/vault")));
    }
    let id = text(&sent.json(), "id");
    player.ask("status", 200, &known(call("status", json!({ "id": id }))));
    let checked = player.ask("check", 200, &known(call("check", json!({ "id": id, "code": code }))));
    let clearance = text(&checked.json(), "clearance");
    let with = |request: Request| request.header("challenge-clearance", &clearance);
    player.ask("in", 200, &with(known(Request::get("/vault"))));
    player.ask("not without the cookie", 403, &with(nobody(Request::get("/vault"))));
    player.ask(
        "not as a customer",
        403,
        &with(Request::get("/vault").user("zoe").header("cookie", &visitor)),
    );
}
