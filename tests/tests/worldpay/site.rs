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
use tests::worldpay::FIVE;
use tokio::sync::oneshot;
use verify_compat::worldpay::{AccountConfig, IssuerSimulator, Worldpay, WorldpayBuilder};
use verify_core::{Engine, FakeClock, KeyRing, MemoryStore, Origin, Store};

/// How the API is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounting {
    Tower,
    Actix,
}

pub const USERNAME: &str = "merchant";
pub const OTHER: &str = "somebody-else";
pub const PASSWORD: &str = "secret:with-colon";
pub const ONE_TIME: &str = "/verifications/accounts/intelligent/oneTime";
pub const ON_FILE: &str = "/verifications/accounts/intelligent/cardOnFile";
pub const DYNAMIC: &str = "/verifications/accounts/dynamic/oneTime";
pub const DYNAMIC_ON_FILE: &str = "/verifications/accounts/dynamic/cardOnFile";
pub const SIX: &str = "/cardVerifications";
/// What the configuration says that links begin with: not where the test's server is.
pub const PUBLIC: &str = "https://verify.example/mounted";

/// One running API.
pub struct Site {
    pub address: SocketAddr,
    pub clock: FakeClock,
    pub store: MemoryStore,
    _running: Running,
}

impl Site {
    /// A site as it comes, with the simulator.
    pub fn open(mounting: Mounting) -> Self {
        Self::with(mounting, |builder| builder.issuer(IssuerSimulator::default()))
    }

    /// A site with a builder of its own.
    pub fn with(mounting: Mounting, finish: impl FnOnce(WorldpayBuilder) -> WorldpayBuilder) -> Self {
        let clock = FakeClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let api = api(&clock, store.clone(), finish);
        let running = serve(mounting, api);
        Self { address: running.address, clock, store, _running: running }
    }

    pub fn send(&self, request: &Request) -> Response {
        request.send(self.address).unwrap()
    }

    /// A POST of the account's, in version 5 unless the path is of version 6.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send(&posting(path, body.to_string()))
    }

    /// A POST that makes a verification.
    #[track_caller]
    pub fn verify(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body);
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()
    }

    /// A GET of the account's, of a path or of a link in an answer.
    pub fn get(&self, path: &str) -> Response {
        self.send(&getting(path))
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// The media type of a path.
fn media_type(path: &str) -> &'static str {
    if path.contains(SIX) { tests::worldpay::SIX } else { FIVE }
}

pub fn posting(path: &str, body: impl Into<Vec<u8>>) -> Request {
    let kind = media_type(path);
    signed(Request::new("POST", path)).header("accept", kind).header("content-type", kind).body(body)
}

pub fn getting(path: &str) -> Request {
    let path = path.strip_prefix(PUBLIC).unwrap_or(path);
    signed(Request::get(path)).header("accept", media_type(path))
}

pub fn signed(request: Request) -> Request {
    request.header("authorization", &basic(USERNAME, PASSWORD))
}

pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// The link of an answer in version 5.
pub fn link(answer: &Value) -> String {
    answer["_links"]["verifications:verification"]["href"]
        .as_str()
        .expect("an answer has its link")
        .to_owned()
}

/// The results of an answer: security code, postcode, address.
pub fn results(answer: &Value) -> [String; 3] {
    let factors = answer["riskFactors"].as_array().expect("an answer has its risk factors");
    [("cvc", Value::Null), ("avs", "postcode".into()), ("avs", "address".into())].map(|(kind, detail)| {
        let found = factors.iter().find(|factor| factor["type"] == kind && factor["detail"] == detail);
        found.expect("each result is there")["risk"].as_str().unwrap().to_owned()
    })
}

/// A fault, by its status and its name; and that it has no more members than are documented.
#[track_caller]
pub fn refused(response: &Response, status: u16, name: &str) {
    let body = response.json();
    assert_eq!((response.status, body["errorName"].as_str()), (status, Some(name)), "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(body["message"].is_string());
    let known = ["errorName", "message", "headerName", "validationErrors"];
    assert!(body.as_object().unwrap().keys().all(|member| known.contains(&member.as_str())), "{body}");
}

/// The faults of a body: names and paths, in no order.
#[track_caller]
pub fn faults(response: &Response) -> Vec<(String, String)> {
    refused(response, 400, "bodyDoesNotMatchSchema");
    let body = response.json();
    let text = |fault: &Value, member: &str| fault[member].as_str().unwrap().to_owned();
    let faults = body["validationErrors"].as_array().unwrap();
    let mut faults: Vec<_> =
        faults.iter().map(|fault| (text(fault, "jsonPath"), text(fault, "errorName"))).collect();
    faults.sort();
    faults
}

pub fn api(
    clock: &FakeClock,
    store: impl Store,
    finish: impl FnOnce(WorldpayBuilder) -> WorldpayBuilder,
) -> Worldpay {
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://bank.example").unwrap());
    let engine = builder.clock(clock.clone()).store(store).build().unwrap();
    let builder = Worldpay::builder(&engine)
        .account(AccountConfig::new(USERNAME, PASSWORD))
        .account(AccountConfig::new(OTHER, "other"))
        .public_url(PUBLIC);
    finish(builder).build().unwrap()
}

/// A server in a thread of its own; it ends when this does.
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
pub fn serve(mounting: Mounting, api: Worldpay) -> Running {
    serve_on(TcpListener::bind("127.0.0.1:0").unwrap(), mounting, api)
}

/// Serves where somebody listens already.
pub fn serve_on(listener: TcpListener, mounting: Mounting, api: Worldpay) -> Running {
    let address = listener.local_addr().unwrap();
    let (ready, is_ready) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || match mounting {
        Mounting::Tower => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(async move {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let mut app = axum::Router::new();
                for mount in Worldpay::MOUNTS {
                    app = app.nest_service(mount, verify_tower::ApiService::new(api.clone()));
                }
                ready.send(()).unwrap();
                let stopped = async { stopped.await.unwrap_or_default() };
                axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
            });
        }
        Mounting::Actix => actix_web::rt::System::new().block_on(async move {
            let app = move || {
                let mut app = actix_web::App::new();
                for mount in Worldpay::MOUNTS {
                    app = app.service(verify_actix::api(mount, api.clone()));
                }
                app
            };
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
