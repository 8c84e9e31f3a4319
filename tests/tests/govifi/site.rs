//! The hosted sessions of GoViFi in this process, with a clock that the test turns, and everybody else made up.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tests::http::{Request, Response};
use tokio::sync::Notify;
use verify_compat::govifi::{
    AccountConfig, ChallengeKind, Config, Declined, FraudSignals, HostedSessions, Paid, Payment, Payments,
    Sandbox, SessionRequest, WebhookConfig,
};
use verify_core::{
    CaptchaContext, CaptchaError, CaptchaErrorKind, CaptchaVerifier, Channel, Countries, Engine, FakeClock,
    Fetch, FetchError, KeyRing, MemoryStore, Origin, Rejection, Store, Widget,
};

use super::phone::Phone;
use super::serve::{Mounting, Running, serve};

pub const ADMIN: &str = "Bearer server-token";
pub const SHOP: &str = "https://shop.example";
pub const PHONE: &str = "+12025550123";
pub const EMAIL: &str = "alice@example.com";
pub const WEBHOOK_SECRET: &str = "a secret of webhooks";

type Meanwhile = Box<dyn Fn() + Send>;

/// Counts payments, and makes them as the sandbox does.
#[derive(Clone, Default)]
pub struct Till {
    made: Arc<Mutex<Vec<String>>>,
    /// Each lets one payment through that waits, with `tok_slow`.
    gate: Arc<Notify>,
    before: Arc<Mutex<Option<Meanwhile>>>,
}

impl Till {
    pub fn payments(&self) -> usize {
        self.made.lock().unwrap().len()
    }

    /// Lets a payment through that waits.
    pub fn let_go(&self) {
        self.gate.notify_one();
    }

    /// What happens while a payment is made.
    pub fn meanwhile(&self, happens: impl Fn() + Send + 'static) {
        *self.before.lock().unwrap() = Some(Box::new(happens));
    }
}

impl std::fmt::Debug for Till {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Till").finish_non_exhaustive()
    }
}

#[async_trait]
impl Payments for Till {
    async fn pay(&self, payment: &Payment<'_>) -> Result<Paid, Declined> {
        self.made.lock().unwrap().push(payment.session_id().to_owned());
        if let Some(happens) = &*self.before.lock().unwrap() {
            happens();
        }
        if payment.processor_token() == "tok_slow" {
            self.gate.notified().await;
        }
        if payment.processor_token() == "tok_unknown" {
            return Err(Declined::Unknown);
        }
        Sandbox::default().pay(payment).await
    }
}

/// Knows one good token for each host and session, and counts how often it was asked.
#[derive(Clone, Debug)]
pub struct Doorman {
    widget: Widget,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Doorman {
    pub fn new(kind: &'static str) -> Self {
        let script = "https://doorman.example/api.js";
        Self { widget: Widget::new(kind, "Doorman", "public-site-key", script), asked: Arc::default() }
    }
}

#[async_trait]
impl CaptchaVerifier for Doorman {
    fn widget(&self) -> &Widget {
        &self.widget
    }

    async fn verify(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError> {
        self.asked.lock().unwrap().push(token.to_owned());
        match token {
            "down" => Err(CaptchaErrorKind::Unavailable.into()),
            _ if token.starts_with(&format!("{}/{}", context.host(), context.binding())) => Ok(()),
            _ => Err(Rejection::Invalid.into()),
        }
    }
}

/// Takes webhooks.
#[derive(Clone, Debug, Default)]
pub struct Receiver(Arc<Mutex<Vec<(String, Bytes)>>>);

impl Receiver {
    pub fn taken(&self) -> Vec<(String, Bytes)> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Fetch for Receiver {
    async fn fetch(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, FetchError> {
        let signature = request.headers()["x-webhook-signature"].to_str().unwrap().to_owned();
        self.0.lock().unwrap().push((signature, request.into_body()));
        Ok(http::Response::new(Bytes::new()))
    }
}

/// One running API.
pub struct Site {
    pub running: Running,
    pub sessions: HostedSessions,
    pub engine: Engine,
    pub clock: FakeClock,
    pub phone: Phone,
    pub till: Till,
    pub doorman: Doorman,
    pub receiver: Receiver,
}

/// Everything that two processes share.
#[derive(Clone, Default)]
pub struct World {
    pub clock: FakeClock,
    pub phone: Phone,
    pub till: Till,
    pub receiver: Receiver,
    /// How long a request may take; the engine's default where there is none.
    pub deadline: Option<Duration>,
}

impl Site {
    pub fn open(mounting: Mounting) -> Self {
        Self::with(mounting, |_| {})
    }

    pub fn with(mounting: Mounting, change: impl FnOnce(&mut Config)) -> Self {
        let world = World::default();
        let store = MemoryStore::builder().clock(world.clock.clone()).build();
        Self::over(mounting, store, &world, &Doorman::new("hcaptcha"), change)
    }

    pub fn over(
        mounting: Mounting,
        store: impl Store,
        world: &World,
        doorman: &Doorman,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let World { clock, phone, till, receiver, deadline } = world.clone();
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let engine = Engine::builder(keys, Origin::parse("https://pay.example").unwrap())
            .clock(clock.clone())
            .store(store)
            .courier(Channel::Sms, phone.clone())
            .courier(Channel::Email, phone.clone())
            .countries(Countries::any())
            .deadline(deadline.unwrap_or(Duration::from_secs(10)))
            .build()
            .unwrap();
        let mut config = Config::default();
        config.accounts = vec![
            AccountConfig::new("acct_1", "server-token").on(SHOP),
            AccountConfig::new("acct_2", "other-token").on("https://other.example"),
        ];
        config.webhook = Some(WebhookConfig::new("https://shop.example/hook", WEBHOOK_SECRET));
        change(&mut config);
        // The session says what it wants, in a place that is the server's own.
        let policy = |signals: &FraudSignals, _: &SessionRequest| match signals.account_type.as_deref() {
            Some("sms") => Some(ChallengeKind::Sms),
            Some("email") => Some(ChallengeKind::Email),
            Some("hcaptcha") => Some(ChallengeKind::Hcaptcha),
            Some("turnstile") => Some(ChallengeKind::Turnstile),
            _ => None,
        };
        let sessions = HostedSessions::builder(&engine)
            .config(config)
            .policy(policy)
            .payments(till.clone())
            .captcha(doorman.clone())
            .captcha(Doorman { widget: Doorman::new("turnstile").widget, ..doorman.clone() })
            .fetch(receiver.clone())
            .build()
            .unwrap();
        let running = serve(mounting, "/v1/hosted-sessions", Arc::new(sessions.clone()));
        Self { running, sessions, engine, clock, phone, till, doorman: doorman.clone(), receiver }
    }

    pub fn ask(&self, request: &Request) -> Response {
        request.send(self.running.address).unwrap()
    }

    /// A session with this challenge, or none, made over the wire.
    pub fn session(&self, challenge: &str) -> Session {
        self.session_with(challenge, json!({}))
    }

    pub fn session_with(&self, challenge: &str, more: Value) -> Session {
        let mut body = json!({
            "amount": 4999, "currency": "USD", "customer_email": EMAIL,
            "success_url": "https://shop.example/done", "cancel_url": "https://shop.example/back",
            "fraud_signals": { "phone": PHONE, "email": EMAIL, "ip_address": "192.0.2.7", "account_type": challenge },
        });
        let Value::Object(more) = more else { panic!("members of a session") };
        for (name, value) in more {
            body[&name] = value;
        }
        let made = self.ask(&Request::json("/v1/hosted-sessions", &body).header("authorization", ADMIN));
        assert_eq!(made.status, 201, "{}", made.text());
        let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
        Session { id: text("session_id"), secret: text("client_secret") }
    }

    pub fn view(&self, session: &Session) -> Response {
        self.ask(&session.request("GET", ""))
    }

    pub fn send(&self, session: &Session) -> Response {
        self.ask(&session.request("POST", "/challenge/send"))
    }

    pub fn confirm(&self, session: &Session, answer: Value) -> Response {
        self.ask(&session.confirm(answer))
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The newest code by text message.
    pub fn code(&self) -> String {
        self.phone.last(PHONE).expect("something was sent").code
    }
}

/// A session, as its page knows it.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub secret: String,
}

impl Session {
    /// A request of its page.
    pub fn request(&self, method: &str, rest: &str) -> Request {
        Request::new(method, &format!("/v1/hosted-sessions/{}{rest}", self.id))
            .header("authorization", &format!("Bearer {}", self.secret))
            .header("origin", SHOP)
    }

    /// A confirmation with this answer to the challenge, or null.
    pub fn confirm(&self, answer: Value) -> Request {
        self.confirm_with("tok_1", answer)
    }

    pub fn confirm_with(&self, token: &str, answer: Value) -> Request {
        let mut body = json!({ "processor_token": token, "method": "card" });
        body["challenge_response"] = answer;
        self.request("POST", "/confirm").header("content-type", "application/json").body(body.to_string())
    }

    /// The token that the doorman takes for it.
    pub fn token(&self) -> String {
        format!("shop.example/{}", self.id)
    }
}

pub fn sms(code: &str) -> Value {
    json!({ "type": "sms", "code": code })
}

const CODES: [&str; 15] = [
    "card_declined",
    "expired_card",
    "incorrect_cvc",
    "insufficient_funds",
    "processing_error",
    "network_error",
    "session_expired",
    "validation_error",
    "origin_not_allowed",
    "rate_limited",
    "challenge_required",
    "challenge_failed",
    "duplicate_payment",
    "already_confirmed",
    "insufficient_scope",
];

/// A refusal, by its status, its code and whether the page can go on; and that it has its four members and no more.
#[track_caller]
pub fn refused(response: &Response, status: u16, code: &str, recoverable: bool) {
    let body = response.json();
    let members: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "message", "recoverable", "request_id"], "{body}");
    assert!(CODES.contains(&body["code"].as_str().unwrap()), "{body}");
    assert!(body["message"].is_string() && body["request_id"].as_str().unwrap().len() > 8, "{body}");
    let told = (response.status, body["code"].as_str().unwrap(), body["recoverable"].as_bool().unwrap());
    assert_eq!(told, (status, code, recoverable), "{body}");
}

#[track_caller]
pub fn paid(response: &Response) {
    assert_eq!(
        (response.status, &response.json()["status"]),
        (200, &json!("completed")),
        "{}",
        response.text()
    );
}
