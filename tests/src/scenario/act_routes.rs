//! Every route of the bank, as a program and as a browser, with every method.

use crate::http::Request;
use crate::scenario::player::Player;

const FREE: [&str; 3] = ["/", "/news", "/ledger"];
const GUARDED: [&str; 4] = ["/feed", "/vault", "/safe", "/locker"];

fn order() -> serde_json::Value {
    serde_json::json!({
        "amount": "39.99",
        "currency": "EUR",
        "payee": { "name": "Acme Inc.", "iban": "DE89370400440532013000" },
    })
}

/// A program that holds nothing.
pub(super) fn program(player: &mut Player<'_>) {
    player.begin("program");
    for path in FREE {
        player.ask(path, 200, &Request::get(path).user("ada"));
    }
    for path in GUARDED {
        player.ask(path, 403, &Request::get(path).user("ada"));
        // No choice of representation leads around the gate.
        for accept in
            ["*/*", "image/png", "application/json", "text/html;q=0.1, application/json", "nonsense"]
        {
            let request = Request::get(path).user("ada").header("accept", accept);
            player.ask(&format!("{path} as {accept}"), 403, &request);
        }
    }
    player.ask("/transfers", 403, &Request::json("/transfers", &order()).user("ada"));
    player.ask("nobody named is Alice", 403, &Request::get("/vault"));
    player.ask("a query", 403, &Request::get("/vault?a=1&b=%C3%A9").user("ada"));
    player.ask("an empty inbox", 200, &Request::get("/challenge/inbox").header("accept", "application/json"));
}

/// A browser that holds nothing.
pub(super) fn browser(player: &mut Player<'_>) {
    player.begin("browser");
    for path in FREE {
        player.visit(path, 200, path, "demo-user=ada");
    }
    for path in GUARDED {
        player.visit(path, 403, path, "demo-user=ada");
    }
    let form = "amount=39.99&currency=EUR&payee_name=Acme+Inc.&payee_iban=DE89370400440532013000";
    let post = Request::form("/transfers", form).browser().header("cookie", "demo-user=ada");
    player.ask("/transfers", 403, &post);
    let json = Request::json("/transfers", &order()).browser().header("cookie", "demo-user=ada");
    player.ask("/transfers with a body that no page can carry", 403, &json);
    player.ask(
        "a script that fetches",
        403,
        &Request::get("/vault").browser().header("sec-fetch-mode", "cors"),
    );
    player.visit("the inbox", 200, "/challenge/inbox", "demo-user=ada");
}

/// Methods other than the one that the handler takes.
pub(super) fn methods(player: &mut Player<'_>) {
    player.begin("methods");
    for path in FREE {
        player.ask(&format!("HEAD {path}"), 200, &Request::new("HEAD", path));
        player.ask(&format!("POST {path}"), 405, &Request::new("POST", path));
    }
    for path in GUARDED {
        for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            player.ask(&format!("{method} {path}"), 403, &Request::new(method, path));
        }
        let preflight = Request::new("OPTIONS", path)
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", "GET");
        player.ask(&format!("preflight of {path}"), 204, &preflight);
        let half = Request::new("OPTIONS", path).header("origin", "https://elsewhere.example");
        player.ask(&format!("half a preflight of {path}"), 403, &half);
        let get = Request::get(path).header("origin", "https://elsewhere.example");
        let get = get.header("access-control-request-method", "GET");
        player.ask(&format!("GET {path} dressed as a preflight"), 403, &get);
    }
    player.ask("HEAD as a browser", 403, &Request::new("HEAD", "/vault").browser());
    player.ask("GET /transfers", 415, &Request::get("/transfers"));
    player.ask("HEAD /transfers", 415, &Request::new("HEAD", "/transfers"));
    player.ask("nowhere", 404, &Request::get("/nowhere"));
}

/// The endpoints, asked for what they do not do.
pub(super) fn endpoints(player: &mut Player<'_>) {
    player.begin("endpoints");
    for name in ["send", "check", "status", "cancel"] {
        let path = format!("/challenge/{name}");
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
            player.ask(&format!("{method} {path}"), 405, &Request::new(method, &path));
        }
        let preflight = Request::new("OPTIONS", &path)
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", "POST");
        player.ask(&format!("preflight of {path}"), 405, &preflight);
        player.ask(&format!("{path} without a body"), 415, &Request::new("POST", &path));
    }
    for name in ["solver.js", "challenge.js"] {
        let path = format!("/challenge/{name}");
        player.ask(&format!("GET {path}"), 200, &Request::get(&path));
        player.ask(&format!("HEAD {path}"), 200, &Request::new("HEAD", &path));
        player.ask(&format!("POST {path}"), 405, &Request::new("POST", &path));
    }
    player.ask("HEAD of the inbox", 200, &Request::new("HEAD", "/challenge/inbox"));
    player.ask("POST to the inbox", 405, &Request::new("POST", "/challenge/inbox"));
    for path in [
        "/challenge",
        "/challenge/",
        "/challenge/unknown",
        "/challenge/SEND",
        "/challenge/se%6Ed",
        "/challenge/send.json",
        "/challenge/send/",
        "/challenge//send",
        "/challenge/x/send",
        "/challenge/x/solver.js",
    ] {
        player.ask(path, 404, &Request::json(path, &serde_json::json!({ "id": "x" })));
    }
}

/// The development inbox, with everything that was sent.
pub(super) fn inbox(player: &mut Player<'_>) {
    player.begin("inbox");
    let address = format!("localhost:{}", player.bank().address().port());
    player.hide("address", &address);
    let letters = player.bank().inbox();
    for letter in letters.as_array().into_iter().flatten() {
        for member in ["code", "call"] {
            let text = letter.get(member).and_then(serde_json::Value::as_str).unwrap_or_default();
            if !text.is_empty() {
                player.hide(member, text);
            }
        }
    }
    player.ask("as JSON", 200, &Request::get("/challenge/inbox").header("accept", "application/json"));
    player.visit("as a page", 200, "/challenge/inbox", "");
}
