//! What is refused, and in which words.

use serde_json::json;

use crate::http::Request;
use crate::scenario::player::{Player, ticket};

const ENDPOINTS: [&str; 4] = ["send", "check", "status", "cancel"];

/// Bodies that no endpoint takes.
pub(super) fn bodies(player: &mut Player<'_>) {
    player.begin("bodies");
    let user = "wes";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    for endpoint in ENDPOINTS {
        let path = format!("/challenge/{endpoint}");
        let post = |kind: &str, body: &str| {
            Request::new("POST", &path).user(user).header("content-type", kind).body(body)
        };
        let mut ask = |step: &str, expected: u16, request: &Request| {
            player.ask(&format!("{endpoint}, {step}"), expected, request);
        };
        for kind in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", ""] {
            ask(&format!("as {kind:?}"), 415, &post(kind, "{}"));
        }
        let gzip = post("application/json", "{}").header("content-encoding", "gzip");
        ask("encoded", 415, &gzip);
        for body in [
            "",
            "{",
            "[]",
            "null",
            "\"t1\"",
            "{}",
            "{\"id\":1}",
            "{\"id\":\"x\",\"more\":1}",
            "{\"id\":\"a\",\"id\":\"b\"}",
        ] {
            ask(body, 400, &post("application/json", body));
        }
        for body in ["", "challenge-answer=1", "challenge-id=%ff", "challenge-id=a&challenge-id=b"] {
            ask(&format!("form {body}"), 400, &post("application/x-www-form-urlencoded", body));
        }
        for forged in ["x", "t1.test.AAAA", "t1..", "t2.test.AAAA"] {
            let body = json!({ "id": forged, "code": "000000" }).to_string();
            ask(&format!("ticket {forged}"), 410, &post("application/json; charset=utf-8", &body));
        }
        ask(
            "a forged ticket in a form",
            410,
            &post("application/x-www-form-urlencoded", "challenge-id=t1.test.AAAA"),
        );
        let large = json!({ "id": "x".repeat(25_000) }).to_string();
        ask("too large", 413, &post("application/json", &large));
        ask("too large in chunks", 413, &post("application/json", &large).in_chunks_of(4_000));
        ask("too large a form", 413, &post("application/x-www-form-urlencoded", &"a=b&".repeat(7_000)));
    }
    for code in [json!(123_456), json!(null), json!(["123456"]), json!({ "$ne": "" }), json!(true), json!("")]
    {
        player.call(&format!("code {code}"), 400, user, "check", &json!({ "id": id, "code": code }));
    }
    player.call("a code of 65 bytes", 400, user, "check", &json!({ "id": id, "code": "1".repeat(65) }));
    player.call("both answers", 400, user, "check", &json!({ "id": id, "code": "123456", "token": "x" }));
    player.call("digits of another script", 400, user, "check", &json!({ "id": id, "code": "０１２３４５" }));
    player.call("nothing was lost", 200, user, "status", &json!({ "id": id }));
    let form = "x=".to_owned() + &"y".repeat(90_000);
    let large = Request::form("/transfers", &form).browser().user(user);
    player.ask("a form too large to carry", 413, &large);
    player.ask("a form too large to carry, in chunks", 413, &large.in_chunks_of(9_000));
    player.ask("a form that is no text", 422, &Request::form("/transfers", "a=%ff").browser().user(user));
}

/// Requests that another site made.
pub(super) fn provenance(player: &mut Player<'_>) {
    player.begin("provenance");
    let user = "xan";
    let id = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    let (sent, code) = player.code_for(user, &id);
    let own = player.bank().url("");
    let foreign: [(&str, &[(&str, &str)]); 7] = [
        ("cross-site", &[("sec-fetch-site", "cross-site")]),
        ("same-site", &[("sec-fetch-site", "same-site")]),
        ("none, but no navigation", &[("sec-fetch-site", "none"), ("sec-fetch-mode", "cors")]),
        ("another origin", &[("origin", "https://elsewhere.example")]),
        ("no origin", &[("origin", "null")]),
        ("two origins", &[("origin", &own), ("origin", &own)]),
        ("another page", &[("referer", "https://elsewhere.example/")]),
    ];
    for (name, headers) in foreign {
        let dressed = |request: Request| {
            headers.iter().fold(request.user(user), |request, (name, value)| request.header(name, value))
        };
        for endpoint in ENDPOINTS {
            let body = json!({ "id": sent, "code": code });
            let request = dressed(Request::json(&format!("/challenge/{endpoint}"), &body));
            player.ask(&format!("{endpoint}, {name}"), 403, &request);
        }
        let in_line = Request::get("/vault").header("challenge-id", &sent).header("challenge-answer", &code);
        player.ask(&format!("in line, {name}"), 403, &dressed(in_line));
        let form = Request::form(
            "/transfers",
            "amount=1&currency=EUR&payee_name=Thief&payee_iban=DE89370400440532013000",
        );
        player.ask(&format!("a form, {name}"), 403, &dressed(form.header("accept", "text/html")));
    }
    player.call("nothing was lost", 200, user, "status", &json!({ "id": sent }));
    let page = format!("{own}/vault");
    let ours: [(&str, &[(&str, &str)]); 4] = [
        ("same-origin", &[("sec-fetch-site", "same-origin")]),
        ("our origin", &[("origin", &own)]),
        ("our page", &[("referer", &page)]),
        ("an unknown word", &[("sec-fetch-site", "elsewhere")]),
    ];
    for (name, headers) in ours {
        let request = Request::json("/challenge/status", &json!({ "id": sent })).user(user);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        player.ask(&format!("status, {name}"), 200, &request);
    }
}

/// Answers that a browser gives in line at a gate that does not take them.
pub(super) fn answers(player: &mut Player<'_>) {
    player.begin("answers");
    let user = "yan";
    let vault = ticket(&player.blocked("blocked", &Request::get("/vault").user(user)), "code");
    let (sent, code) = player.code_for(user, &vault);
    let order = "amount=1&currency=EUR&payee_name=Acme&payee_iban=DE89370400440532013000";
    let body = format!("{order}&challenge-id={sent}&challenge-answer={code}");
    let post = Request::form("/transfers", &body).browser().user(user);
    player.ask("the vault's code for a transfer", 403, &post);
    let body = format!("{order}&challenge-id=t1.test.AAAA");
    player.ask("a forged ticket", 403, &Request::form("/transfers", &body).browser().user(user));
    let post = |path: &str| Request::form(path, &body).browser().user(user);
    player.ask("a forged ticket, to send for", 410, &post("/challenge/send?carry"));
    player.ask("a forged ticket, to call off", 410, &post("/challenge/cancel?carry"));
    player.call("nothing was lost", 200, user, "status", &json!({ "id": sent }));
}
