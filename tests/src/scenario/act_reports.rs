//! A message that nobody asked for: the link in it, the page behind the link, and the button on the page.

use serde_json::json;

use crate::http::Request;
use crate::scenario::page;
use crate::scenario::player::{Player, text, ticket};

/// The token of the newest message's link.
fn token(player: &Player<'_>) -> String {
    let inbox = player.bank().inbox();
    let letter = inbox.get(0).map(|letter| text(letter, "text")).unwrap_or_default();
    let behind = letter.split_once("/challenge/not-me?token=").map(|(_, behind)| behind).unwrap_or_default();
    behind.split_whitespace().next().unwrap_or_default().to_owned()
}

fn mailed(player: &mut Player<'_>, user: &str) -> (String, String, String) {
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    let sent = player.call("over e-mail", 200, user, "send", &json!({ "id": id, "channel": "email" })).json();
    (text(&sent, "id"), player.newest_code(), token(player))
}

/// By JSON, as a mail program of one's own would.
pub(super) fn program(player: &mut Player<'_>) {
    player.begin("not me, as a program");
    let (id, code, token) = mailed(player, "rae");
    let report = |token: &str| Request::json("/challenge/not-me", &json!({ "token": token }));
    player.ask("no token", 400, &Request::json("/challenge/not-me", &json!({})));
    player.ask("a ticket is none", 410, &report(&id));
    player.ask("a forged one", 410, &report(token.get(1..).unwrap_or_default()));
    player.ask("another method", 405, &Request::new("PUT", "/challenge/not-me"));
    player.call("still open", 200, "rae", "status", &json!({ "id": id }));
    player.ask("voided", 200, &report(&token));
    player.ask("once more", 200, &report(&token));
    player.call("the right code", 409, "rae", "check", &json!({ "id": id, "code": code }));
}

/// By the link, as a reader does, and as a scanner of links does before.
pub(super) fn browser(player: &mut Player<'_>) {
    player.begin("not me, in a browser");
    let (id, code, token) = mailed(player, "sol");
    let path = format!("/challenge/not-me?token={token}");
    player.ask("a scanner looks", 200, &Request::new("HEAD", &path));
    player.ask("without a token", 410, &Request::get("/challenge/not-me").browser());
    let shown = player.ask("the page", 200, &Request::get(&path).browser());
    player.call("still open", 200, "sol", "status", &json!({ "id": id }));
    if let Some(form) = page::forms(&shown.text()).first() {
        // No cookie: the mail is read somewhere else.
        player.press("the button", 200, form, "");
    }
    player.call("the right code", 409, "sol", "check", &json!({ "id": id, "code": code }));
}
