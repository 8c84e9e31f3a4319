//! A customer sets an authenticator app up and opens the vault with it, and with a recovery code once the phone is lost.

use serde_json::json;
use verify_core::{Clock, SystemClock, TotpSecret};

use crate::http::{Request, Response};
use crate::scenario::player::{Player, cookie, form, ticket};

/// From the page that shows the secret to the vault.
pub(super) fn app(player: &mut Player<'_>) {
    player.begin("app");
    let user = "tess";
    let signed_in = format!("demo-user={user}");
    let offers = player.blocked("a code comes before an app", &Request::get("/app").user(user));
    let (id, code) = player.code_for(user, &ticket(&offers, "code"));
    let checked = player.call("check", 200, user, "check", &json!({ "id": id, "code": code }));
    let cookies = format!("{signed_in}; {}", cookie(&checked, "clearance"));
    let page = player.visit("the page", 200, "/app", &cookies);
    let secret = secret_of(player, &page);

    let confirm = |code: &str| form(&page, "Confirm").typing("code", code);
    let refused = player.press("a wrong code", 422, &confirm("000000"), &cookies);
    secret_of(player, &refused);
    let first = shown(secret.as_ref(), 0);
    let recovery = player.press("confirmed", 200, &confirm(&first), &cookies);
    let codes = recovery_codes(player, &recovery);
    player.press("the same code again", 403, &confirm(&first), &cookies);

    // From here on as a program without a clearance.
    let vault = || Request::get("/vault").user(user);
    let app = |player: &mut Player<'_>, step| ticket(&player.blocked(step, &vault()), "totp");
    let id = app(player, "the vault offers the app");
    player.call("nothing is sent for it", 200, user, "send", &json!({ "id": id }));
    player.call("status", 200, user, "status", &json!({ "id": id }));
    player.call("a wrong answer", 403, user, "check", &json!({ "id": id, "code": "000000" }));
    player.call("no answer", 400, user, "check", &json!({ "id": id, "code": "12" }));
    player.call("a token is none", 400, user, "check", &json!({ "id": id, "token": "000000" }));
    // The code of the present step was used up by the confirmation.
    let next = shown(secret.as_ref(), 1);
    player.call("check by app", 200, user, "check", &json!({ "id": id, "code": next }));
    player.call("check by app again", 409, user, "check", &json!({ "id": id, "code": next }));
    let id = app(player, "blocked again");
    player.call("a code is used once", 403, user, "check", &json!({ "id": id, "code": next }));
    let recovery = codes.first().cloned().unwrap_or_default();
    player.call("a recovery code", 200, user, "check", &json!({ "id": id, "code": recovery }));

    let page = player.visit("the vault as a page", 403, "/vault", &signed_in);
    let typed = form(&page, "check").typing("challenge-answer", "000000");
    let page = player.press("a wrong answer on the page", 403, &typed, &signed_in);
    let recovery = codes.get(1).map_or("", String::as_str);
    let typed = form(&page, "check").typing("challenge-answer", recovery);
    player.press("a recovery code on the page", 303, &typed, &signed_in);
    let in_line = app(player, "blocked once more");
    let answer = codes.get(2).cloned().unwrap_or_default();
    let request = vault().header("challenge-id", &in_line).header("challenge-answer", &answer);
    player.ask("a recovery code in line", 200, &request);
    replaced(player, user, &cookies, codes.get(3).map_or("", String::as_str));
}

/// Another app in the place of the first, which has to be shown for it, or a recovery code.
fn replaced(player: &mut Player<'_>, user: &str, cookies: &str, recovery: &str) {
    let page = player.visit("the page asks for the app", 403, "/app", cookies);
    player.visit("the vault is open", 200, "/vault", cookies);
    let typed = form(&page, "check").typing("challenge-answer", recovery);
    let done = player.press("a recovery code instead", 303, &typed, cookies);
    let cookies = format!("demo-user={user}; {}", cookie(&done, "clearance"));
    let page = player.visit("the page for another app", 200, "/app", &cookies);
    let secret = secret_of(player, &page);
    let confirm = form(&page, "Confirm").typing("code", &shown(secret.as_ref(), 0));
    let recovery = player.press("another is confirmed", 200, &confirm, &cookies);
    recovery_codes(player, &recovery);
    // What the old app and the code have proven is over.
    player.visit("the vault is shut", 403, "/vault", &cookies);
    player.visit("the page asks for a code", 403, "/app", &cookies);
    let id =
        ticket(&player.blocked("the vault offers the new app", &Request::get("/vault").user(user)), "totp");
    let next = shown(secret.as_ref(), 1);
    player.call("check by the new app", 200, user, "check", &json!({ "id": id, "code": next }));
}

/// Nobody can tell who has an app.
pub(super) fn without(player: &mut Player<'_>) {
    player.begin("no app");
    let user = "una";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "totp");
    player.call("a guess", 403, user, "check", &json!({ "id": id, "code": "123456" }));
    player.call(
        "a guess at a recovery code",
        403,
        user,
        "check",
        &json!({ "id": id, "code": "ABCDE-FGH23" }),
    );
}

/// What the app shows, so many steps from now.
fn shown(secret: Option<&TotpSecret>, steps: u32) -> String {
    let moment = SystemClock::default().now() + TotpSecret::STEP * steps;
    // A page without a secret is told by its status.
    secret.map(|secret| secret.code_at(moment).expose().to_owned()).unwrap_or_default()
}

/// Reads the page: what is drawn at random gets a name in the transcript.
fn secret_of(player: &mut Player<'_>, page: &Response) -> Option<TotpSecret> {
    let text = page.text();
    let part = |from: &str, to: &str| {
        let (_, behind) = text.split_once(from).unwrap_or_default();
        behind.split_once(to).map(|(part, _)| part.to_owned()).unwrap_or_default()
    };
    player.hide("drawing", &part("<path fill=\"#000\" d=\"", "\""));
    // How long it is depends on what is drawn.
    let length = page.headers.iter().find(|(name, _)| name == "content-length");
    player.hide("length", length.map_or("", |(_, value)| value));
    let key = part("<code>", "</code>");
    player.hide("key", &key);
    player.hide("secret", &key.replace(' ', ""));
    TotpSecret::from_base32(&key).ok()
}

fn recovery_codes(player: &mut Player<'_>, page: &Response) -> Vec<String> {
    let text = page.text();
    let parts = text.split("<code>").skip(1).filter_map(|part| part.split_once("</code>"));
    let codes: Vec<String> = parts.map(|(code, _)| code.to_owned()).collect();
    for code in &codes {
        player.hide("recovery code", code);
    }
    codes
}
