//! Two processes' worth of the app over one Redis: what one of them opens, the other one knows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/server.rs"]
mod server;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use own_store::{OwnStore, app};
use serde_json::{Value, json};
use tower::ServiceExt;
use verify_core::KeyRing;

use server::{PATIENT, Redis, until, wait};

async fn machine(server: &Redis) -> Router {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let store = OwnStore::connect(&server.url(), PATIENT).await.unwrap();
    app::app(keys, "http://localhost:3000", store).unwrap()
}

async fn visit(app: &Router, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn post(app: &Router, path: &str, body: Value) -> Response<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    app.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn parsed(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

#[test]
fn a_challenge_goes_from_machine_to_machine_and_opens_once() {
    let server = Redis::start(&[]);
    wait(async {
        let (one, two) = (machine(&server).await, machine(&server).await);

        let blocked = visit(&one, "/vault", &[]).await;
        assert_eq!(blocked.status(), 403);
        let id = parsed(blocked).await["alternatives"][0][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0, "who was only blocked has left something behind");

        assert_eq!(post(&two, "/challenge/send", json!({ "id": id })).await.status(), 200);
        let inbox = parsed(visit(&two, "/challenge/inbox", &[("accept", "application/json")]).await).await;
        let code = inbox[0]["code"].as_str().unwrap().to_owned();

        let wrong = if code == "000000" { "111111" } else { "000000" };
        let refused = post(&one, "/challenge/check", json!({ "id": id, "code": wrong })).await;
        assert!(!refused.headers().contains_key("challenge-clearance"), "{refused:?}");

        let checked = post(&one, "/challenge/check", json!({ "id": id, "code": code })).await;
        assert_eq!(checked.status(), 200);
        let clearance = checked.headers()["challenge-clearance"].to_str().unwrap().to_owned();
        let passed = visit(&two, "/vault", &[("challenge-clearance", &clearance)]).await;
        assert_eq!((passed.status().as_u16(), text(passed).await.as_str()), (200, "gold"));

        let again = post(&two, "/challenge/check", json!({ "id": id, "code": code })).await;
        assert!(!again.headers().contains_key("challenge-clearance"), "the code opens twice: {again:?}");
    });
    // Whatever the engine left in it has an end.
    for name in server.ask::<Vec<String>>(&["KEYS", "*"]) {
        assert!(name.starts_with("own:") && server.ask::<i64>(&["PTTL", &name]) > 0, "{name}");
    }
}

#[test]
fn without_its_store_the_route_stays_shut() {
    let mut server = Redis::start(&[]);
    let app = wait(machine(&server));
    let blocked = wait(async { parsed(visit(&app, "/vault", &[]).await).await });
    let send = json!({ "id": blocked["alternatives"][0][0]["id"] });
    server.kill();
    assert_eq!(wait(post(&app, "/challenge/send", send.clone())).status(), 503);
    assert_ne!(wait(visit(&app, "/vault", &[])).status(), 200);
    server.start_again();
    until("the store is found again", || wait(post(&app, "/challenge/send", send.clone())).status() == 200);
}
