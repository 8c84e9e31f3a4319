//! A card in front of the lounge: a program, and a browser without scripts.

use serde_json::{Value, json};

use crate::http::Request;
use crate::scenario::player::{Player, cookie, form, text};

/// A card as the simulator of the bank knows none: its values say what becomes of it.
fn card(cvc: &str, postcode: &str) -> Value {
    json!({
        "number": "4444 3333 2222 1111", "expiry_month": 12, "expiry_year": 2099, "cvc": cvc,
        "address": { "street": "221B Baker Street", "postcode": postcode, "city": "London", "country": "GB" },
    })
}

fn offer(player: &mut Player<'_>, step: &str, user: &str) -> String {
    let offers = player.blocked(step, &Request::get("/lounge").user(user));
    offers.first().map(|offer| text(offer, "id")).unwrap_or_default()
}

/// The way in, and every card that is no way in.
pub(super) fn program(player: &mut Player<'_>) {
    player.begin("card");
    let user = "mia";
    let id = offer(player, "blocked", user);
    player.call("nothing travels", 200, user, "send", &json!({ "id": id }));
    player.call("status", 200, user, "status", &json!({ "id": id }));
    let mut odd = card("555", "NW1 6XE");
    if let Some(members) = odd.as_object_mut() {
        members.insert("pin".to_owned(), json!("1234"));
    }
    let mut without = card("555", "NW1 6XE");
    if let Some(members) = without.as_object_mut() {
        members.remove("cvc");
    }
    for (step, body) in [
        ("no card", json!({ "id": id })),
        ("a code for a card", json!({ "id": id, "code": "123456" })),
        ("a token for a card", json!({ "id": id, "token": "abc" })),
        ("a number for a card", json!({ "id": id, "card": "4444333322221111" })),
        ("a member too many", json!({ "id": id, "card": odd })),
        ("a member too few", json!({ "id": id, "card": without })),
        ("a card and a code", json!({ "id": id, "card": card("555", "NW1 6XE"), "code": "123456" })),
    ] {
        player.call(step, 400, user, "check", &body);
    }
    player.call("a wrong code", 403, user, "check", &json!({ "id": id, "card": card("444", "NW1 6XE") }));
    player.call("a wrong postcode", 403, user, "check", &json!({ "id": id, "card": card("555", "444") }));
    let answer = json!({ "id": id, "card": card("555", "NW1 6XE") });
    player.call("as somebody else", 410, "eve", "check", &answer);
    let checked = player.call("check", 200, user, "check", &answer);
    player.call("check again", 409, user, "check", &answer);
    player.call("status after", 200, user, "status", &json!({ "id": id }));
    let clearance = text(&checked.json(), "clearance");
    for (path, status) in [("/lounge", 200), ("/feed", 403), ("/vault", 403)] {
        player.ask(path, status, &Request::get(path).user(user).header("challenge-clearance", &clearance));
    }
    let header = Request::get("/lounge").user("nia");
    let other = offer(player, "blocked elsewhere", "nia");
    let text = card("555", "NW1 6XE").to_string();
    player.ask("in a header", 400, &header.header("challenge-id", &other).header("challenge-answer", &text));
}

/// Whoever tries cards out is stopped, and told so with the last one.
pub(super) fn tried_out(player: &mut Player<'_>) {
    player.begin("cards tried out");
    let user = "oli";
    for (step, status) in [("first", 403), ("second", 403), ("third", 403), ("fourth", 403), ("fifth", 429)] {
        let id = offer(player, &format!("{step} block"), user);
        player.call(step, status, user, "check", &json!({ "id": id, "card": card("444", "NW1 6XE") }));
    }
    let id = offer(player, "last block", user);
    player.call("the right one", 429, user, "check", &json!({ "id": id, "card": card("555", "NW1 6XE") }));
}

/// The page's own form.
pub(super) fn forms(player: &mut Player<'_>) {
    player.begin("card by form");
    let user = "demo-user=pia";
    let page = player.visit("blocked", 403, "/lounge?seat=1", user);
    let filled = form(&page, "/challenge/check")
        .typing("challenge-card-number", "4444 3333 2222 1111")
        .typing("challenge-card-expiry", "12/99")
        .typing("challenge-card-street", "221B Baker Street")
        .typing("challenge-card-postcode", "NW1 6XE")
        .typing("challenge-card-city", "London")
        .typing("challenge-card-country", "GB");
    player.press("nothing", 400, &form(&page, "/challenge/check"), user);
    player.press("a wrong code", 403, &filled.clone().typing("challenge-card-cvc", "444"), user);
    let done = player.press("the card", 303, &filled.typing("challenge-card-cvc", "555"), user);
    let cookies = format!("{user}; {}", cookie(&done, "clearance"));
    player.visit("in", 200, done.header("location").unwrap_or_default(), &cookies);
}
