//! The API in this process, behind a real socket, on either framework, with a clock that the test turns.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tests::http::{Request, Response};
use tokio::sync::oneshot;
use verify_compat::twilio::{AccountConfig, Config, ServiceConfig, TwilioVerifyApi, TwilioVerifyApiBuilder};
use verify_core::{Channel, Countries, Engine, EngineBuilder, FakeClock, KeyRing, MemoryStore, Origin};

use super::phone::Phone;

/// How the API is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounting {
    Tower,
    Actix,
}

pub const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const OTHER: &str = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub const TOKEN: &str = "secret";
pub const OTHER_TOKEN: &str = "other";
/// A service of the account, and one of it with PSD2.
pub const PLAIN: &str = "VA11111111111111111111111111111111";
pub const PSD2: &str = "VA22222222222222222222222222222222";
pub const TO: &str = "+15017122661";

/// One running API.
pub struct Site {
    pub address: SocketAddr,
    pub running: Running,
    pub clock: FakeClock,
    pub phone: Phone,
    pub store: MemoryStore,
}

impl Site {
    /// A site as it comes.
    pub fn open(mounting: Mounting) -> Self {
        Self::with(mounting, |_| {}, |builder| builder)
    }

    /// A site with a configuration and a builder of its own.
    pub fn with(
        mounting: Mounting,
        change: impl FnOnce(&mut Config),
        finish: impl FnOnce(TwilioVerifyApiBuilder) -> TwilioVerifyApiBuilder,
    ) -> Self {
        let (clock, phone) = (FakeClock::default(), Phone::default());
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let engine = engine(&clock, &phone, |builder| builder.store(store.clone()));
        let mut config = config();
        change(&mut config);
        let api = finish(TwilioVerifyApi::builder(&engine).config(config)).build().unwrap();
        Self::around(mounting, api, clock, phone, store)
    }

    /// A site around an API that exists.
    pub fn around(
        mounting: Mounting,
        api: TwilioVerifyApi,
        clock: FakeClock,
        phone: Phone,
        store: MemoryStore,
    ) -> Self {
        let running = serve(mounting, api);
        Self { address: running.address, running, clock, phone, store }
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("/v2/{path}")).header("authorization", &basic(ACCOUNT, TOKEN))
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path).send(self.address).unwrap()
    }

    pub fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path).send(self.address).unwrap()
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_raw(path, &form(fields))
    }

    pub fn post_raw(&self, path: &str, body: &str) -> Response {
        let request = self.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send(self.address).unwrap()
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A service of this account with these options.
    pub fn service(&self, options: &[(&str, &str)]) -> String {
        let made = self.post("Services", &[&[("FriendlyName", "Owl Bank")], options].concat());
        assert_eq!(made.status, 201, "{}", made.text());
        text(&made.json(), "sid")
    }

    /// Starts by text message; its verification.
    pub fn start(&self, service: &str) -> Value {
        let started = self.try_start(service, &[]);
        assert_eq!(started.status, 201, "{}", started.text());
        started.json()
    }

    /// Starts by text message, with more parameters.
    pub fn try_start(&self, service: &str, more: &[(&str, &str)]) -> Response {
        let fields = [&[("To", TO), ("Channel", "sms")], more].concat();
        self.post(&format!("Services/{service}/Verifications"), &fields)
    }

    /// Starts a payment.
    pub fn pay(&self, amount: &str, payee: &str) -> Response {
        self.try_start(PSD2, &[("Amount", amount), ("Payee", payee)])
    }

    pub fn check(&self, service: &str, code: &str) -> Response {
        self.post(&format!("Services/{service}/VerificationCheck"), &[("To", TO), ("Code", code)])
    }

    pub fn check_payment(&self, code: &str, amount: &str, payee: &str) -> Response {
        let fields = [("To", TO), ("Code", code), ("Amount", amount), ("Payee", payee)];
        self.post(&format!("Services/{PSD2}/VerificationCheck"), &fields)
    }

    pub fn fetch(&self, service: &str, which: &str) -> Response {
        self.get(&format!("Services/{service}/Verifications/{which}"))
    }

    pub fn update(&self, service: &str, which: &str, status: &str) -> Response {
        self.post(&format!("Services/{service}/Verifications/{which}"), &[("Status", status)])
    }

    /// The newest code that was sent to the usual number.
    pub fn code(&self) -> String {
        self.phone.last(TO).expect("something was sent").code
    }

    /// A code that is not the newest one.
    pub fn wrong(&self) -> String {
        wrong(&self.code())
    }
}

/// A code of the same length that is another one.
pub fn wrong(code: &str) -> String {
    let first = if code.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &code[1..])
}

pub fn engine(
    clock: &FakeClock,
    phone: &Phone,
    finish: impl FnOnce(EngineBuilder) -> EngineBuilder,
) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .clock(clock.clone())
        .courier(Channel::Sms, phone.clone())
        .courier(Channel::Voice, phone.clone())
        .courier(Channel::Email, phone.clone())
        .courier(Channel::WhatsApp, phone.clone())
        .countries(Countries::any());
    finish(builder).build().unwrap()
}

pub fn config() -> Config {
    let mut config = Config::default();
    config.danger_short_tokens = true;
    config.accounts = vec![AccountConfig::new(ACCOUNT, TOKEN), AccountConfig::new(OTHER, OTHER_TOKEN)];
    let mut psd2 = ServiceConfig::new(PSD2, "Owl Bank");
    psd2.psd2_enabled = true;
    config.services = vec![ServiceConfig::new(PLAIN, "Owl Bank"), psd2];
    config
}

/// A server in a thread of its own; it ends, and lets go of all it has, when this does.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop.send(()).ok();
            thread.join().ok();
        }
    }
}

/// Serves on a free port of this machine.
pub fn serve(mounting: Mounting, api: TwilioVerifyApi) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (ready, is_ready) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || match mounting {
        Mounting::Tower => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = axum::Router::new().nest_service("/v2", verify_tower::ApiService::new(api));
                ready.send(()).unwrap();
                let stopped = async { stopped.await.unwrap_or_default() };
                axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
            });
        }
        Mounting::Actix => actix_web::rt::System::new().block_on(async move {
            let app = move || actix_web::App::new().service(verify_actix::api("/v2", api.clone()));
            let server =
                actix_web::HttpServer::new(app).workers(2).disable_signals().listen(listener).unwrap();
            let server = server.run();
            let handle = server.handle();
            actix_web::rt::spawn(async move {
                stopped.await.unwrap_or_default();
                handle.stop(true).await;
            });
            ready.send(()).unwrap();
            server.await.unwrap();
        }),
    });
    is_ready.recv().unwrap();
    Running { address, stop: Some(stop), thread: Some(thread) }
}

pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

pub fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// A member that is a text.
#[track_caller]
pub fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap_or_else(|| panic!("{member} is no text in {body}")).to_owned()
}

/// A fault, by its status and its number; and that it has its four members and no more.
#[track_caller]
pub fn refused(response: &Response, status: u16, code: u64) {
    let body = response.json();
    let members: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "message", "more_info", "status"], "{body}");
    assert_eq!((response.status, body["code"].as_u64()), (status, Some(code)), "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
}

/// The status and whether it is valid, of a check that was answered with success.
#[track_caller]
pub fn outcome(response: &Response) -> (String, bool) {
    assert_eq!(response.status, 201, "{}", response.text());
    let body = response.json();
    (text(&body, "status"), body["valid"].as_bool().unwrap())
}

pub fn pending() -> (String, bool) {
    ("pending".to_owned(), false)
}

pub fn approved() -> (String, bool) {
    ("approved".to_owned(), true)
}

/// One test for each mounting, of each rule that is named.
#[macro_export]
macro_rules! on_both {
    ($($rule:ident)*) => {
        mod tower {
            $(#[test] fn $rule() { super::$rule(super::Mounting::Tower); })*
        }

        mod actix {
            $(#[test] fn $rule() { super::$rule(super::Mounting::Actix); })*
        }
    };
}
