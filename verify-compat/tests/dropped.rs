//! Requests that are dropped half way, wherever that is: what was begun is noted and told all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use http::Request;
use serde_json::json;
use verify_compat::govifi::{
    self, ChallengeKind, FraudSignals, HostedSessions, Sandbox, SessionError, SessionRequest, SessionStatus,
};
use verify_compat::twilio::{self, ServiceConfig, TwilioVerifyApi};
use verify_compat::twisto::{self, Evaluation, KeyConfig, Twisto};
use verify_core::{Contact, Reply};
use world::{World, ask, json, settled, until};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SERVICE: &str = "VA11111111111111111111111111111111";
const TO: &str = "+12025550123";

fn twilio(world: &World) -> TwilioVerifyApi {
    let mut config = twilio::Config::default();
    config.accounts.push(twilio::AccountConfig::new(ACCOUNT, "0123456789abcdef"));
    config.services.push(ServiceConfig::new(SERVICE, "Owl Bank"));
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
    config.webhook = Some(twilio::WebhookConfig::new("https://app.example/hook", secret));
    TwilioVerifyApi::builder(&world.engine).config(config).fetch(world.receiver.clone()).build().unwrap()
}

async fn post(api: &TwilioVerifyApi, rest: &str, form: &str) -> Reply {
    let basic = "Basic QUNhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYTowMTIzNDU2Nzg5YWJjZGVm";
    let request = Request::post(format!("/v2/Services/{SERVICE}/{rest}"))
        .header("authorization", basic)
        .header("content-type", "application/x-www-form-urlencoded");
    ask(api, request, form.to_owned()).await
}

#[tokio::test]
async fn twilio_rule_22_what_has_ended_is_noted_and_told_whoever_hangs_up() {
    for how in ["approved by its code", "approved", "canceled"] {
        let mut steps = 0;
        for step in 1.. {
            let world = World::new();
            let api = twilio(&world);
            let started = post(&api, "Verifications", "To=%2B12025550123&Channel=sms").await;
            assert_eq!(started.status(), 201, "{:?}", started.body());
            let (sid, code) =
                (json(&started)["sid"].as_str().unwrap().to_owned(), world.phone.codes()[0].clone());
            let (path, form) = match how {
                "approved by its code" => {
                    ("VerificationCheck".to_owned(), format!("VerificationSid={sid}&Code={code}"))
                }
                status => (format!("Verifications/{sid}"), format!("Status={status}")),
            };
            world.store.park_at(step);
            if !world.hang_up(post(&api, &path, &form)).await {
                steps = step;
                break;
            }
            let status = how.split(' ').next().unwrap();
            until("its end is told", || !world.receiver.said("type").is_empty()).await;
            settled().await;
            assert_eq!(world.receiver.said("type"), [format!("verification.{status}")], "{how}, {step}");
            let again = post(&api, "VerificationCheck", &format!("VerificationSid={sid}&Code={code}")).await;
            assert_eq!(
                (again.status(), again.headers()["verify-status"].to_str().unwrap()),
                (http::StatusCode::NOT_FOUND, status)
            );
        }
        assert!(steps > 2, "{how}: {steps} steps");
    }
}

/// Whoever answers after the last try, too.
#[tokio::test]
async fn twilio_rule_20_too_many_answers_are_noted_whoever_hangs_up() {
    for step in 1.. {
        let world = World::new();
        let api = twilio(&world);
        let started = post(&api, "Verifications", "To=%2B12025550123&Channel=sms").await;
        let sid = json(&started)["sid"].as_str().unwrap().to_owned();
        let wrong = if world.phone.codes()[0] == "000000" { "000001" } else { "000000" };
        let form = format!("VerificationSid={sid}&Code={wrong}");
        for _ in 0..5 {
            assert_eq!(post(&api, "VerificationCheck", &form).await.status(), 201);
        }
        world.store.park_at(step);
        if !world.hang_up(post(&api, "VerificationCheck", &form)).await {
            assert!(step > 1);
            break;
        }
        until("its end is told", || !world.receiver.said("type").is_empty()).await;
        assert_eq!(world.receiver.said("type"), ["verification.max_attempts_reached"]);
        assert_eq!(post(&api, "VerificationCheck", &form).await.status(), 429);
    }
}

fn sessions(world: &World) -> HostedSessions {
    let mut config = govifi::Config::default();
    config.accounts.push(govifi::AccountConfig::new("acct_1", "server-token"));
    config.webhook = Some(govifi::WebhookConfig::new("https://shop.example/hook", "a secret of webhooks"));
    HostedSessions::builder(&world.engine)
        .config(config)
        .policy(|signals: &FraudSignals, _: &SessionRequest| {
            signals.phone.is_some().then_some(ChallengeKind::Sms)
        })
        .payments(Sandbox::default())
        .fetch(world.receiver.clone())
        .build()
        .unwrap()
}

const EXPIRED: [&str; 1] = ["checkout_session.expired"];

#[tokio::test]
async fn g10_a_session_that_has_expired_is_told_whoever_hangs_up() {
    let mut steps = 0;
    for step in 1.. {
        let world = World::new();
        let sessions = sessions(&world);
        let id = sessions.create("acct_1", SessionRequest::new(4999, "USD")).await.unwrap().session_id;
        world.clock.advance(Duration::from_secs(1800));
        let view = || {
            let request = Request::get(format!("/v1/hosted-sessions/{id}"));
            ask(&sessions, request.header("authorization", "Bearer server-token"), "")
        };
        world.store.park_at(step);
        if !world.hang_up(view()).await {
            steps = step;
            break;
        }
        settled().await;
        // Whoever asks next sees to it, if nobody could before.
        assert_eq!(view().await.status(), 410, "{step}");
        until("its end is told", || world.receiver.said("event_type") == EXPIRED).await;
        assert_eq!(sessions.status(&id).await, Ok(SessionStatus::Expired));
        settled().await;
        assert_eq!(world.receiver.said("event_type"), EXPIRED, "once, {step}");
    }
    assert!(steps > 3, "permit, end and mark: {steps}");
}

#[tokio::test]
async fn g16_a_session_that_is_ended_in_code_is_told_once() {
    for step in 0.. {
        let world = World::new();
        let sessions = sessions(&world);
        let id = sessions.create("acct_1", SessionRequest::new(4999, "USD")).await.unwrap().session_id;
        if step > 0 {
            world.store.park_at(step);
            if !world.hang_up(sessions.expire(&id)).await {
                assert!(step > 3, "permit, end and mark: {step}");
                break;
            }
            settled().await;
        }
        for _ in 0..2 {
            assert_eq!(sessions.expire(&id).await, Ok(()), "{step}");
        }
        until("its end is told", || world.receiver.said("event_type") == EXPIRED).await;
        settled().await;
        assert_eq!(world.receiver.said("event_type"), EXPIRED, "{step}");
    }
    // And one of which nobody but the server has asked since it expired.
    let world = World::new();
    let sessions = sessions(&world);
    let id = sessions.create("acct_1", SessionRequest::new(4999, "USD")).await.unwrap().session_id;
    assert_eq!(sessions.status(&id).await, Ok(SessionStatus::Open));
    world.clock.advance(Duration::from_secs(1800));
    for _ in 0..2 {
        assert_eq!(sessions.status(&id).await, Ok(SessionStatus::Expired));
    }
    until("its end is told", || world.receiver.said("event_type") == EXPIRED).await;
    assert_eq!(sessions.expire("cs_unknown").await, Err(SessionError::Unknown));
    settled().await;
    assert_eq!(world.receiver.said("event_type"), EXPIRED);
}

/// What an adapter does with a request that takes too long.
async fn too_late(world: &World, asked: impl Future<Output = Reply>) {
    if let Ok(answer) = tokio::time::timeout(world.engine.deadline(), asked).await {
        assert_eq!(answer.status(), 503);
    }
    settled().await;
    world.phone.hang(false);
}

#[tokio::test(start_paused = true)]
async fn a_courier_that_hangs_is_given_up_by_the_start_of_a_verification() {
    let world = World::new();
    let api = twilio(&world);
    world.phone.hang(true);
    let start = post(&api, "Verifications", "To=%2B12025550123&Channel=sms");
    let answer = tokio::time::timeout(world.engine.deadline() * 2, start).await.expect("it is given up");
    assert_eq!((answer.status().as_u16(), &json(&answer)["code"]), (503, &json!(20_503)));
}

#[tokio::test(start_paused = true)]
async fn g02_a_courier_that_hangs_is_given_up_and_its_send_given_back() {
    let world = World::new();
    let sessions = sessions(&world);
    let mut asked = SessionRequest::new(4999, "USD");
    asked.fraud_signals.phone = Some(TO.to_owned());
    let session = sessions.create("acct_1", asked).await.unwrap();
    let send = || {
        let request = Request::post(format!("/v1/hosted-sessions/{}/challenge/send", session.session_id));
        let bearer = format!("Bearer {}", session.expose_secret());
        ask(&sessions, request.header("authorization", bearer), "")
    };
    world.phone.hang(true);
    too_late(&world, send()).await;
    let sent = send().await;
    assert_eq!((sent.status().as_u16(), &json(&sent)["code_sent"]), (200, &json!(true)));
    assert_eq!(world.phone.codes().len(), 1, "it was sent, and not taken for sent");
}

#[tokio::test(start_paused = true)]
async fn t12_a_courier_that_hangs_is_given_up_and_its_send_given_back() {
    let world = World::new();
    let mut config = twisto::Config::default();
    config.keys.push(KeyConfig::new("public", "secret"));
    let twisto = Twisto::new(&world.engine, config).unwrap();
    let evaluation = Evaluation::new("4711", world.engine.now(), Contact::phone(TO).unwrap());
    twisto.begin(&evaluation).await.unwrap();
    let send = || {
        let request = Request::post("/v2/check/4711/verification/send/");
        ask(&twisto, request.header("authorization", "public,secret"), "{}")
    };
    world.phone.hang(true);
    too_late(&world, send()).await;
    let sent = send().await;
    assert_eq!((sent.status().as_u16(), &json(&sent)["message_id"]), (200, &json!(0)));
    assert_eq!(world.phone.codes().len(), 1);
}
