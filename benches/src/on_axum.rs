//! One route of an axum router: bare, behind ours, behind the floor and behind the neighbours.
//!
//! A neighbour is set up as its own documentation says, and its handler asks for what stands for "this visitor got through":
//! a flag in the session, a user who is logged in, a signed cookie, a token.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRef, State};
use axum::routing::get;
use axum_extra::extract::cookie::{Cookie, Key, SignedCookieJar};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId, login_required};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use serde::{Deserialize, Serialize};
use tower::{Service, ServiceExt, layer::layer_fn};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_moka_store::MokaStore;
use verify_core::Gate;
use verify_tower::ChallengeLayer;

use crate::floor::{self, Floor};
use crate::world::USER;

/// A router, and the head of the request that it is asked with.
#[derive(Debug)]
pub struct Route {
    router: Router,
    head: Head,
    status: StatusCode,
}

impl Route {
    /// A route that lets this request through.
    pub fn new(router: Router, head: Head) -> Self {
        Self { router, head, status: StatusCode::OK }
    }

    /// A route that answers it so.
    #[must_use]
    pub fn answering(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Asks so often, and panics when an answer is another one.
    pub async fn ask(&self, times: u32) {
        for _ in 0..times {
            let response = self.answer().await;
            assert_eq!(response.status(), self.status);
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                black_box(frame.unwrap());
            }
        }
    }

    /// One answer, as a server comes by it: it parses the fields and clones the service of the connection.
    pub async fn answer(&self) -> http::Response<Body> {
        self.router.clone().oneshot(self.head.request("/vault")).await.unwrap()
    }

    /// What it takes to put it behind a socket: its router, the fields of its request and the status of its answer.
    pub fn into_parts(self) -> (Router, Vec<(String, String)>, StatusCode) {
        (self.router, self.head.0, self.status)
    }

    /// The same request, of the route with nothing in front.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self::new(bare(), self.head.clone())
    }
}

/// The fields of a request of [`USER`], as a browser sends it.
#[derive(Clone, Debug)]
pub struct Head(Vec<(String, String)>);

/// What browsers send with each request.
pub const BROWSER: &[(&str, &str)] = &[
    ("host", "bank.example"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("sec-fetch-site", "same-origin"),
    ("priority", "u=0, i"),
];

/// Those of a browser and these.
pub fn head(fields: &[(&str, &str)]) -> Head {
    let all = [("x-user", USER)];
    let all = all.iter().chain(BROWSER).chain(fields);
    Head(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

impl Head {
    /// All of its fields.
    pub fn into_fields(self) -> Vec<(String, String)> {
        self.0
    }

    fn request(&self, path: &str) -> Request<Body> {
        let all = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        request(path, all)
    }
}

/// A request as a server comes by it: it parses the fields.
pub(crate) fn request<'f>(path: &str, fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(name, value);
    }
    request.extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000)))).body(Body::empty()).unwrap()
}

async fn gold() -> &'static str {
    "gold"
}

/// The route with nothing in front.
pub fn bare() -> Router {
    Router::new().route("/vault", get(gold))
}

/// Behind ours.
pub fn guarded(gate: &Gate) -> Router {
    bare().layer(ChallengeLayer::from(gate.clone()))
}

/// Behind a layer that does nothing, but holds something as every layer does.
pub fn nothing() -> Router {
    let something = Arc::new(());
    bare()
        .layer(layer_fn(move |inner: axum::routing::Route| Nothing { inner, _held: Arc::clone(&something) }))
}

#[derive(Clone)]
struct Nothing<S> {
    inner: S,
    _held: Arc<()>,
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Nothing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.inner.call(request)
    }
}

/// Behind the check that is written by hand.
pub fn floor() -> Route {
    let floor = Floor::default();
    let cookie = format!("{}={}", floor::COOKIE, floor.issue(USER));
    Route::new(bare().layer(floor), head(&[("cookie", &cookie)]))
}

/// A limit that nobody meets.
pub fn governor() -> Route {
    let config = GovernorConfigBuilder::default().per_nanosecond(1).burst_size(u32::MAX).finish().unwrap();
    Route::new(bare().layer(GovernorLayer::new(config)), head(&[]))
}

const FLAG: &str = "verified";

/// A session that knows that its visitor got through, in this store.
pub async fn session(store: impl SessionStore + Clone) -> Route {
    entered(sessions(store)).await
}

/// Its router: `/enter` begins a session that gets through.
pub(crate) fn sessions(store: impl SessionStore + Clone) -> Router {
    async fn vault(session: Session) -> Result<&'static str, StatusCode> {
        match session.get::<bool>(FLAG).await {
            Ok(Some(true)) => Ok("gold"),
            Ok(_) => Err(StatusCode::FORBIDDEN),
            Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
    async fn enter(session: Session) {
        session.insert(FLAG, true).await.unwrap();
    }
    let router = Router::new().route("/vault", get(vault)).route("/enter", get(enter));
    router.layer(SessionManagerLayer::new(store))
}

/// tower-sessions with its store in memory.
pub async fn memory_session() -> Route {
    session(MemoryStore::default()).await
}

/// tower-sessions with moka.
pub async fn moka_session() -> Route {
    session(moka_store()).await
}

/// The store that people take for sessions, with room for all who come.
pub(crate) fn moka_store() -> MokaStore {
    MokaStore::new(Some(1_000_000))
}

/// Goes to `/enter`, and on with the cookies that it has set.
async fn entered(router: Router) -> Route {
    let cookie = enter(&router).await;
    Route::new(router, head(&[("cookie", &cookie)]))
}

/// The cookies that `/enter` sets.
pub(crate) async fn enter(router: &Router) -> String {
    let response = router.clone().oneshot(head(&[]).request("/enter")).await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    let set = |value: &HeaderValue| value.to_str().unwrap().split(';').next().unwrap().to_owned();
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().map(set).collect();
    cookies.join("; ")
}

#[derive(Clone, Debug)]
struct Customer;

impl AuthUser for Customer {
    type Id = u64;

    fn id(&self) -> u64 {
        1
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"a password's hash, thirty-two b."
    }
}

#[derive(Clone, Debug)]
struct Customers;

impl AuthnBackend for Customers {
    type User = Customer;
    type Credentials = ();
    type Error = std::convert::Infallible;

    async fn authenticate(&self, (): ()) -> Result<Option<Customer>, Self::Error> {
        Ok(Some(Customer))
    }

    async fn get_user(&self, _: &UserId<Self>) -> Result<Option<Customer>, Self::Error> {
        Ok(Some(Customer))
    }
}

type Login = axum_login::AuthSession<Customers>;

/// The router of axum-login, with sessions in moka and customers who need no look-up.
pub(crate) fn logins() -> Router {
    async fn enter(mut login: Login) {
        login.login(&Customer).await.unwrap();
    }
    let sessions = SessionManagerLayer::new(moka_store());
    bare()
        .route_layer(login_required!(Customers))
        .route("/enter", get(enter))
        .layer(AuthManagerLayerBuilder::new(Customers, sessions).build())
}

/// axum-login, for somebody who is logged in.
pub async fn login() -> Route {
    entered(logins()).await
}

/// axum-login, for somebody who is not: 401 without a body.
pub fn login_missing() -> Route {
    Route::new(logins(), head(&[])).answering(StatusCode::UNAUTHORIZED)
}

/// axum-extra's signed cookies.
pub async fn signed_cookie() -> Route {
    #[derive(Clone)]
    struct App(Key);
    impl FromRef<App> for Key {
        fn from_ref(app: &App) -> Self {
            app.0.clone()
        }
    }
    async fn vault(jar: SignedCookieJar) -> Result<&'static str, StatusCode> {
        jar.get(FLAG).filter(|cookie| cookie.value() == USER).map(|_| "gold").ok_or(StatusCode::FORBIDDEN)
    }
    async fn enter(jar: SignedCookieJar) -> SignedCookieJar {
        jar.add(Cookie::new(FLAG, USER))
    }
    let router = Router::new().route("/vault", get(vault)).route("/enter", get(enter));
    entered(router.with_state(App(Key::generate()))).await
}

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// A JWT in the authorization header, HS256, as jsonwebtoken checks it.
pub fn jwt() -> Route {
    type Keys = Arc<(DecodingKey, Validation)>;
    async fn vault(State(keys): State<Keys>, fields: HeaderMap) -> Result<&'static str, StatusCode> {
        let token = fields
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &keys.0, &keys.1);
        claims.ok().filter(|known| known.claims.sub == USER).map(|_| "gold").ok_or(StatusCode::UNAUTHORIZED)
    }
    let secret = [0x5a; 32];
    let claims = Claims { sub: USER.to_owned(), exp: u64::from(u32::MAX) };
    let token =
        jsonwebtoken::encode(&Default::default(), &claims, &EncodingKey::from_secret(&secret)).unwrap();
    let keys: Keys = Arc::new((DecodingKey::from_secret(&secret), Validation::default()));
    let router = Router::new().route("/vault", get(vault)).with_state(keys);
    Route::new(router, head(&[("authorization", &format!("Bearer {token}"))]))
}

/// So many cookies of 40 characters, of which one is this.
pub fn among(cookie: &str, count: usize) -> String {
    let mut all: Vec<String> = (1..count).map(|n| format!("cookie-{n}={}", "v".repeat(40))).collect();
    all.insert(all.len() / 2, cookie.to_owned());
    all.join("; ")
}
