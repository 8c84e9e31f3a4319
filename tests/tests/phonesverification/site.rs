//! The API in this process, behind a real socket, on either framework, with a clock that the test turns and a handset.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tests::http::{Request, Response};
use tokio::sync::oneshot;
use verify_compat::phonesverification::{
    AccountConfig, CallEnd, Handset, PhonesVerification, PhonesVerificationBuilder, Settings,
};
use verify_core::{Api, Clock, Engine, FakeClock, KeyRing, MemoryStore, Origin};
use verify_providers::HttpClient;

/// How the API is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounting {
    Tower,
    Actix,
}

pub const KEY: &str = "qd4cr4gd";
pub const SECRET: &str = "87548754";
pub const NUMBER: &str = "148485454545";
pub const PIN: &str = "12345";

pub const JSON: &str = "/app/api/json/tts/reversepinverification";
pub const XML: &str = "/app/api/xml/tts/reversepinverification";

/// What every call needs.
pub const NEEDED: [(&str, &str); 4] =
    [("apikey", KEY), ("apisecret", SECRET), ("number", NUMBER), ("pin", PIN)];

/// One running API.
pub struct Site {
    pub address: SocketAddr,
    pub clock: FakeClock,
    pub handset: Handset,
    pub store: MemoryStore,
    _running: Running,
}

impl Site {
    /// A site whose callbacks may come to this machine.
    pub fn open(mounting: Mounting) -> Self {
        Self::with(mounting, |builder| builder.account(AccountConfig::new(KEY, SECRET)).settings(nearby()))
    }

    /// A site with settings of its own.
    pub fn with(
        mounting: Mounting,
        change: impl FnOnce(PhonesVerificationBuilder) -> PhonesVerificationBuilder,
    ) -> Self {
        let (clock, handset) = (FakeClock::default(), Handset::new());
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let engine = engine(&clock, &store);
        let builder =
            PhonesVerification::builder(&engine).voice(handset.clone()).fetch(HttpClient::new().unwrap());
        let api = change(builder).build().unwrap();
        let running = serve(mounting, vec![("/app/api", Arc::new(api))]);
        Self { address: running.address, clock, handset, store, _running: running }
    }

    /// Turns the clock back to a moment, in milliseconds since 1970.
    pub fn at(&self, millis: u64) {
        let moment = UNIX_EPOCH + Duration::from_millis(millis);
        self.clock.turn_back(self.clock.now().duration_since(moment).expect("the past"));
    }

    pub fn ask(&self, request: &Request) -> Response {
        request.send(self.address).unwrap()
    }

    /// Posts a form to the JSON base: what is needed, and this.
    pub fn call(&self, more: &[(&str, &str)]) -> Response {
        self.ask(&Request::form(JSON, &form(&with(more))))
    }

    /// Waits until the phone with this number rings.
    pub fn rings(&self, number: &str) {
        wait_until("the phone rings", || self.handset.ringing().iter().any(|(to, _)| to == number));
    }

    /// Lets the call to the usual number end so, once it rings.
    pub fn end(&self, end: &CallEnd) {
        // A call that was ended a moment ago may still be listed, and takes no second end.
        wait_until("the phone rings", || self.handset.end(NUMBER, end.clone()));
    }
}

/// Lets the other threads go on until something has happened.
pub fn wait_until(what: &str, mut has_happened: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if has_happened() {
            return;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    panic!("in vain: {what}");
}

pub fn engine(clock: &FakeClock, store: &MemoryStore) -> Engine {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://calls.example").unwrap());
    builder.clock(clock.clone()).store(store.clone()).build().unwrap()
}

/// Settings that let callbacks go to this machine.
pub fn nearby() -> Settings {
    let mut settings = Settings::default();
    settings.allow_private_callbacks = true;
    settings
}

/// What is needed, with some of it changed and some more.
pub fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = NEEDED.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    kept.chain(more.iter().copied()).collect()
}

pub fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Status and `Response` of an answer of the JSON base.
#[track_caller]
pub fn told(response: &Response) -> (u64, Value) {
    let body = response.json();
    let members: Vec<&String> = body.as_object().expect("an envelope").keys().collect();
    assert_eq!(members, ["ErrorMessage", "Response", "Status"], "{body}");
    (body["Status"].as_u64().unwrap(), body["Response"].clone())
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
pub fn serve(mounting: Mounting, apis: Vec<(&'static str, Arc<dyn Api>)>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    serve_on(mounting, listener, apis)
}

/// The same on a port that is taken already, so that its address can be known before.
pub fn serve_on(
    mounting: Mounting,
    listener: TcpListener,
    apis: Vec<(&'static str, Arc<dyn Api>)>,
) -> Running {
    let address = listener.local_addr().unwrap();
    let (ready, is_ready) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || match mounting {
        Mounting::Tower => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let mut app = axum::Router::new();
                for (prefix, api) in apis {
                    app = app.nest_service(prefix, verify_tower::ApiService::new(api));
                }
                ready.send(()).unwrap();
                let stopped = async { stopped.await.unwrap_or_default() };
                axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
            });
            runtime.shutdown_background();
        }
        Mounting::Actix => actix_web::rt::System::new().block_on(async move {
            let app = move || {
                let mut app = actix_web::App::new();
                for (prefix, api) in apis.clone() {
                    app = app.service(verify_actix::api(prefix, api));
                }
                app
            };
            let server =
                actix_web::HttpServer::new(app).workers(2).disable_signals().listen(listener).unwrap();
            let server = server.shutdown_timeout(1).run();
            let handle = server.handle();
            actix_web::rt::spawn(async move {
                stopped.await.unwrap_or_default();
                handle.stop(false).await;
            });
            ready.send(()).unwrap();
            server.await.unwrap();
        }),
    });
    is_ready.recv().unwrap();
    Running { address, stop: Some(stop), thread: Some(thread) }
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
