//! Who asks: a server with its account's token, or a page with its session's credential, from an origin that is registered.

use std::fmt;

use http::header::{self, AUTHORIZATION, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use verify_core::{Origin, Reply};

use crate::govifi::fault::Fault;
use crate::govifi::session::Record;
use crate::govifi::{AccountConfig, ConfigError};

const ACCOUNT: HeaderName = HeaderName::from_static("x-payment-account-uid");

/// Every account. Only digests of the tokens are kept.
pub(crate) struct Accounts(Vec<Account>);

pub(crate) struct Account {
    pub(crate) uid: String,
    token: [u8; 32],
    pub(crate) origins: Vec<String>,
}

impl Accounts {
    pub(crate) fn new(configured: &[AccountConfig]) -> Result<Self, ConfigError> {
        if configured.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        let mut accounts: Vec<Account> = Vec::new();
        for AccountConfig { uid, token, origins } in configured {
            let wrong = |what| Err(ConfigError::Account { uid: uid.clone(), what });
            let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !visible(uid) || accounts.iter().any(|account| account.uid == *uid) {
                return wrong("`uid` is visible ASCII, and there once");
            }
            let digest = Sha256::digest(token.expose()).into();
            if !visible(token.expose()) || accounts.iter().any(|account| account.token == digest) {
                return wrong("`token` is visible ASCII, and another one for each account");
            }
            let parsed: Result<Vec<_>, _> = origins.iter().map(|origin| Origin::parse(origin)).collect();
            let Ok(parsed) = parsed else { return wrong("`origins` are as https://shop.example") };
            let origins = parsed.iter().map(|origin| origin.as_str().to_owned()).collect();
            accounts.push(Account { uid: uid.clone(), token: digest, origins });
        }
        Ok(Self(accounts))
    }

    pub(crate) fn get(&self, uid: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.uid == uid)
    }

    /// The account whose token the request has; if it names one, that one only. All are compared, so that the time tells
    /// nothing.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Option<&Account> {
        let presented: [u8; 32] = Sha256::digest(bearer(headers)?).into();
        let mut found = None;
        for account in &self.0 {
            if bool::from(account.token.ct_eq(&presented)) {
                found = Some(account);
            }
        }
        let named = headers.get(ACCOUNT).map(HeaderValue::as_bytes);
        found.filter(|account| named.is_none_or(|uid| uid == account.uid.as_bytes()))
    }

    /// Whether any account has this origin: for answers about sessions that are not known.
    fn have(&self, origin: &str) -> bool {
        self.0.iter().any(|account| account.origins.iter().any(|known| known == origin))
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|account| &account.uid)).finish()
    }
}

/// The one token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (given.next()?, given.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}

/// The digest that a session keeps of its credential.
pub(crate) fn digest(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it is this session's credential.
pub(crate) fn is_credential(record: &Record, presented: &str) -> bool {
    record.secret.as_bytes().ct_eq(digest(presented).as_bytes()).into()
}

/// The origin that a page's request comes from.
pub(crate) fn origin(headers: &HeaderMap) -> Option<&str> {
    // What is not readable is none that is registered.
    headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("null"))
}

/// Refuses what comes from elsewhere.
pub(crate) fn check_origin(record: &Record, headers: &HeaderMap, required: bool) -> Result<(), Fault> {
    match origin(headers) {
        Some(origin) if record.asked.origins.iter().any(|known| known == origin) => Ok(()),
        None if !required => Ok(()),
        _ => Err(Fault::origin()),
    }
}

/// Lets the page read the answer, if its origin is among the session's, or for a session that is not known among anybody's.
pub(crate) fn share(reply: &mut Reply, accounts: &Accounts, record: Option<&Record>, headers: &HeaderMap) {
    reply.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin(headers) else { return };
    let allowed = match record {
        Some(record) => record.asked.origins.iter().any(|known| known == origin),
        None => accounts.have(origin),
    };
    let Some(value) = HeaderValue::from_str(origin).ok().filter(|_| allowed) else { return };
    reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    let exposed = HeaderValue::from_static("retry-after");
    reply.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

/// What a browser asks beforehand.
pub(crate) fn preflight(
    accounts: &Accounts,
    record: Option<&Record>,
    headers: &HeaderMap,
) -> Result<Reply, Fault> {
    let mut reply = Reply::default();
    share(&mut reply, accounts, record, headers);
    if !reply.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        return Err(Fault::origin());
    }
    *reply.status_mut() = http::StatusCode::NO_CONTENT;
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(reply)
}
