//! A link in a mail that stands for its code: looked at by a scanner, opened on another device, and where it was asked for.

use serde_json::json;

use crate::http::Request;
use crate::scenario::page::{Form, forms};
use crate::scenario::player::{Player, cookie, form, text, ticket};

/// Where the link of the newest message leads.
fn link(player: &Player<'_>) -> String {
    let inbox = player.bank().inbox();
    let letter = inbox.get(0).map(|letter| text(letter, "text")).unwrap_or_default();
    let behind = letter.split_once("/challenge/link?").map(|(_, behind)| behind).unwrap_or_default();
    format!("/challenge/link?{}", behind.split_whitespace().next().unwrap_or_default())
}

/// Asks for a mail; the ticket, the code, and the link.
fn mailed(player: &mut Player<'_>, user: &str) -> (String, String, String) {
    let id = ticket(&player.blocked("blocked", &Request::get("/archive").user(user)), "code");
    let (id, code) = player.code_for(user, &id);
    (id, code, link(player))
}

fn button(player: &mut Player<'_>, step: &str, path: &str, cookies: &str) -> Form {
    let page = player.visit(step, 200, path, cookies);
    let lost = Form { action: "/lost".to_owned(), fields: Vec::new(), buttons: Vec::new() };
    forms(&page.text()).into_iter().next().unwrap_or(lost)
}

/// The mail is read on a phone, and the browser at the desk goes on.
pub(super) fn elsewhere(player: &mut Player<'_>) {
    player.begin("link, elsewhere");
    let user = "vera";
    let (id, _, path) = mailed(player, user);
    let opened = json!({ "id": id, "code": "~opened" });
    player.call("not opened yet", 409, user, "check", &opened);
    player.ask("a scanner looks", 200, &Request::new("HEAD", &path));
    player.ask("a scanner looks again", 200, &Request::get(&path));
    player.call("still not opened", 409, user, "check", &opened);
    player.call("status before", 200, user, "status", &json!({ "id": id }));
    player.ask("without a token", 410, &Request::get("/challenge/link").browser());
    player.ask("a ticket is none", 410, &Request::form("/challenge/link", &format!("token={id}")));
    let pressed = button(player, "the page on the phone", &path, "demo-user=nobody-here");
    player.press("the button on the phone", 200, &pressed, "demo-user=nobody-here");
    player.call("status after", 200, user, "status", &json!({ "id": id }));
    player.call("as somebody else", 410, "eve", "check", &opened);
    let checked = player.call("the desk goes on", 200, user, "check", &opened);
    player.call("once", 409, user, "check", &opened);
    player.press("the button once more", 200, &pressed, "demo-user=nobody-here");
    player.call("and that opens nothing", 409, user, "check", &opened);
    let clearance = text(&checked.json(), "clearance");
    player.ask("in", 200, &Request::get("/archive").user(user).header("challenge-clearance", &clearance));
}

/// The mail is read where it was asked for: the button is the answer.
pub(super) fn here(player: &mut Player<'_>) {
    player.begin("link, here");
    let cookies = "demo-user=walt";
    let page = player.visit("blocked", 403, "/archive", cookies);
    let asked = player.press("send", 200, &form(&page, "Send a code"), cookies);
    player.newest_code();
    let path = link(player);
    let waits = form(&asked, "another device");
    player.press("nobody has opened it", 409, &waits, cookies);
    let pressed = button(player, "the page", &path, cookies);
    let opened = player.press("the button", 303, &pressed, cookies);
    let cleared = format!("{cookies}; {}", cookie(&opened, "clearance"));
    player.visit("in", 200, "/archive", &cleared);
    player.press("the button once more", 409, &pressed, cookies);
    player.press("what was waited for is over", 409, &waits, cookies);
}
