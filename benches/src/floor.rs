//! The least that a check of a signed cookie could be: a scan, a decode, one HMAC, a compare and an expiry, in a layer of
//! its own. It has no rotation, no policies, no subjects that change and no second factor; what we cost above it is the price
//! of those.

use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{Either, Ready, ready};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response, StatusCode};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tower::{Layer, Service};

/// The name of its cookie.
pub const COOKIE: &str = "floor";

/// Expiry and MAC.
const BYTES: usize = 8 + 16;

/// The key, ready for use.
#[derive(Clone, Debug)]
pub struct Floor {
    key: Hmac<Sha256>,
}

impl Default for Floor {
    fn default() -> Self {
        Self { key: Hmac::new_from_slice(&[0x5a; 32]).unwrap() }
    }
}

impl Floor {
    /// What a user's cookie holds, for an hour.
    pub fn issue(&self, user: &str) -> String {
        let until = (millis() + 3_600_000).to_be_bytes();
        let mut token = until.to_vec();
        token.extend_from_slice(&self.mac(&until, user.as_bytes())[..16]);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Whether a cookie field, or the bare value, lets this user in.
    pub fn check(&self, cookies: &[u8], user: &[u8]) -> bool {
        let value = cookies
            .split(|byte| *byte == b';')
            .find_map(|pair| pair.trim_ascii_start().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="));
        let Some(value) = value else { return false };
        let mut token = [0; BYTES];
        if URL_SAFE_NO_PAD.decode_slice(value, &mut token) != Ok(BYTES) {
            return false;
        }
        let (until, tag) = token.split_first_chunk::<8>().unwrap();
        bool::from(self.mac(until, user)[..16].ct_eq(tag)) && millis() < u64::from_be_bytes(*until)
    }

    fn mac(&self, until: &[u8; 8], user: &[u8]) -> [u8; 32] {
        let mut mac = self.key.clone();
        mac.update(until);
        mac.update(user);
        mac.finalize().into_bytes().into()
    }
}

fn millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

impl<S> Layer<S> for Floor {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        Checked { inner, floor: self.clone() }
    }
}

/// A service behind it.
#[derive(Clone, Debug)]
pub struct Checked<S> {
    inner: S,
    floor: Floor,
}

impl<S, B, R> Service<Request<B>> for Checked<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let field = |name| request.headers().get(name).map(http::HeaderValue::as_bytes);
        let passes = match (field(http::header::COOKIE), field(http::HeaderName::from_static("x-user"))) {
            (Some(cookies), Some(user)) => self.floor.check(cookies, user),
            _ => false,
        };
        if passes {
            return Either::Left(self.inner.call(request));
        }
        let mut refused = Response::new(R::default());
        *refused.status_mut() = StatusCode::FORBIDDEN;
        Either::Right(ready(Ok(refused)))
    }
}
