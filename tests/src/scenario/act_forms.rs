//! A browser without scripts: forms, and nothing but forms.

use crate::http::Request;
use crate::scenario::act_transfers::{IBAN, PAYEES};
use crate::scenario::page::{Form, text_of};
use crate::scenario::player::{Player, cookie, form, solve};

/// The vault, by way of a wrong code.
pub(super) fn vault(player: &mut Player<'_>) {
    player.begin("vault by form");
    let user = "demo-user=quin";
    let page = player.visit("blocked", 403, "/vault?from=%C3%A9&x=1", user);
    let page = player.press("send", 200, &form(&page, "text message"), user);
    let code = player.newest_code();
    let typing = form(&page, "/challenge/check");
    let page =
        player.press("a wrong code", 403, &typing.typing("challenge-answer", &Player::wrong(&code)), user);
    let page = player.press("send again", 200, &form(&page, "/challenge/send"), user);
    let typing = form(&page, "/challenge/check").typing("challenge-answer", &code);
    let done = player.press("the right code", 303, &typing, user);
    let cookies = format!("{user}; {}", cookie(&done, "clearance"));
    let back = done.header("location").unwrap_or_default().to_owned();
    player.visit("in", 200, &back, &cookies);
    player.press("the right code again", 409, &typing, user);
}

/// By e-mail, then called off; and guessed to death.
pub(super) fn ways_out(player: &mut Player<'_>) {
    player.begin("ways out by form");
    let user = "demo-user=ron";
    let page = player.visit("blocked", 403, "/vault", user);
    let page = player.press("send by e-mail", 200, &form(&page, "e-mail"), user);
    let code = player.newest_code();
    let typing = form(&page, "/challenge/check").typing("challenge-answer", &code);
    player.press("cancel", 200, &form(&page, "/challenge/cancel"), user);
    player.press("the right code", 409, &typing, user);

    let user = "demo-user=sue";
    let page = player.visit("another is blocked", 403, "/vault", user);
    let page = player.press("send", 200, &form(&page, "text message"), user);
    let code = player.newest_code();
    let typing = form(&page, "/challenge/check");
    let wrong = typing.clone().typing("challenge-answer", &Player::wrong(&code));
    for guess in 1..=4 {
        player.press(&format!("guess {guess}"), 403, &wrong, user);
    }
    player.press("guess 5", 403, &wrong, user);
    player.press("too late", 403, &typing.typing("challenge-answer", &code), user);
    player.press("no answer at all", 400, &Form { fields: Vec::new(), ..wrong }, user);
}

/// A transfer whose fields travel with the challenge, for every hostile name.
pub(super) fn transfers(player: &mut Player<'_>) {
    player.begin("transfers by form");
    for (number, payee) in PAYEES.iter().enumerate() {
        let user = format!("demo-user=tom-{number}");
        let fields = [("amount", "39.99"), ("currency", "EUR"), ("payee_name", payee), ("payee_iban", IBAN)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let order = Form { action: "/transfers?ref=1".to_owned(), fields, buttons: Vec::new() };
        let step = |name: &str| format!("{name} {number}");
        let page = player.press(&step("blocked"), 403, &order, &user);
        let page = player.press(&step("send"), 200, &form(&page, "text message"), &user);
        let code = player.newest_code();
        let typing = form(&page, "Continue");
        let wrong = typing.clone().typing("challenge-answer", &Player::wrong(&code));
        let page = player.press(&step("a wrong code"), 403, &wrong, &user);
        let page = player.press(
            &step("a malformed code"),
            403,
            &form(&page, "Continue").typing("challenge-answer", "x"),
            &user,
        );
        let page = player.press(&step("send again"), 200, &form(&page, "/challenge/send?carry"), &user);
        let typing = form(&page, "Continue").typing("challenge-answer", &code);
        player.press(&step("made"), 200, &typing, &user);
        player.press(&step("made again"), 403, &typing, &user);
    }
    let user = "demo-user=uma";
    let fields = [("amount", "1"), ("currency", "EUR"), ("payee_name", "Nobody"), ("payee_iban", IBAN)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let order = Form { action: "/transfers".to_owned(), fields, buttons: Vec::new() };
    let page = player.press("blocked", 403, &order, user);
    let page = player.press("send", 200, &form(&page, "text message"), user);
    player.newest_code();
    let page = player.press("cancel", 200, &form(&page, "/challenge/cancel?carry"), user);
    // Called off, and begun anew with what the page has kept.
    player.press("send too soon", 429, &form(&page, "text message"), user);
}

/// A page that was left open while its visitor got in elsewhere. Whoever posts to the vault past its gate gets 405.
pub(super) fn stale(player: &mut Player<'_>) {
    player.begin("stale pages");
    let user = "demo-user=zac";
    let fields = [("door", "2"), ("note", "A & B <é>")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let order = Form { action: "/vault?from=form".to_owned(), fields, buttons: Vec::new() };
    let asks = player.press("blocked", 403, &order, user);
    let types = player.press("send", 200, &form(&asks, "text message"), user);
    let code = player.newest_code();
    let typing = form(&types, "Continue").typing("challenge-answer", &code);
    let done = player.press("the right code", 405, &typing, user);
    let cookies = format!("{user}; {}", cookie(&done, "clearance"));
    for (step, page, button) in [
        ("cancel", &types, "/challenge/cancel?carry"),
        ("send again", &types, "/challenge/send?carry"),
        ("send by e-mail", &asks, "e-mail"),
    ] {
        let ready = player.press(step, 200, &form(page, button), &cookies);
        let now = form(&ready, "Send it now");
        player.press(&format!("{step}, then submit"), 405, &now, &cookies);
    }
    player.press("cancel without the cookie", 200, &form(&types, "/challenge/cancel?carry"), user);
}

/// A form that is longer than a page could carry is blocked all the same, and no limit of the gate's is in the way of
/// somebody who has proven everything.
pub(super) fn long(player: &mut Player<'_>) {
    player.begin("long forms");
    let user = "demo-user=zoe";
    let long = Request::form("/safe", &format!("a={}", "x".repeat(120_000))).browser();
    let long = |cookies: &str| long.clone().header("cookie", cookies);
    player.ask("blocked", 403, &long(user));
    let page = player.ask("blocked, in chunks", 403, &long(user).in_chunks_of(9_000));
    let puzzle = text_of(&page.text(), "data-challenge").unwrap_or_default();
    let solved = form(&page, "/challenge/check").typing("challenge-answer", &solve(&puzzle));
    let done = player.press("the first door", 303, &solved, user);
    let mut cookies = format!("{user}; {}", cookie(&done, "clearance"));
    let page = player.ask("the second door", 403, &long(&cookies).in_chunks_of(9_000));
    let page = player.press("send", 200, &form(&page, "text message"), &cookies);
    let typing = form(&page, "/challenge/check").typing("challenge-answer", &player.newest_code());
    let done = player.press("the code", 303, &typing, &cookies);
    cookies = format!("{user}; {}", cookie(&done, "clearance"));
    player.ask("past the gate", 405, &long(&cookies));
    player.ask("past the gate, in chunks", 405, &long(&cookies).in_chunks_of(9_000));
}

/// Proofs of work, solved where a script would: the feed, and the safe with its two doors.
pub(super) fn work(player: &mut Player<'_>) {
    player.begin("work by form");
    let user = "demo-user=vic";
    for path in ["/feed", "/safe"] {
        let page = player.visit(&format!("{path} is blocked"), 403, path, user);
        let puzzle = text_of(&page.text(), "data-challenge").unwrap_or_default();
        let solved = form(&page, "/challenge/check").typing("challenge-answer", &solve(&puzzle));
        let done = player.press(&format!("{path} is solved"), 303, &solved, user);
        let mut cookies = format!("{user}; {}", cookie(&done, "clearance"));
        if path == "/safe" {
            let page = player.visit("the second door", 403, path, &cookies);
            let page = player.press("send", 200, &form(&page, "text message"), &cookies);
            let code = player.newest_code();
            let typing = form(&page, "/challenge/check").typing("challenge-answer", &code);
            let done = player.press("the code", 303, &typing, &cookies);
            cookies = format!("{user}; {}", cookie(&done, "clearance"));
        }
        player.visit(&format!("{path} is open"), 200, path, &cookies);
        let head = Request::new("HEAD", path).browser().header("cookie", &cookies);
        player.ask(&format!("HEAD {path}"), 200, &head);
    }
}
