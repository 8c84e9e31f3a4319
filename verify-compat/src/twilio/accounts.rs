//! Who calls: HTTP Basic authentication.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::Secret;
use crate::twilio::{AccountConfig, ConfigError, sid};

/// Everybody who may call. Only digests of the credentials are kept.
pub(crate) struct Accounts {
    entries: Vec<([u8; 32], String)>,
    /// Requests of nobody who may.
    refused: AtomicU64,
}

/// The shortest secret, in characters: 16 hexadecimal digits are beyond trying out over a network. Nothing here limits who
/// tries, since a request does not tell where it comes from.
const SHORTEST: usize = 16;

impl Accounts {
    pub(crate) fn new(accounts: &[AccountConfig], takes_short: bool) -> Result<Self, ConfigError> {
        if accounts.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        let mut entries = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for account in accounts {
            let keys = account.keys.iter().map(|key| ("SK", &key.sid, &key.secret));
            for (prefix, name, secret) in std::iter::once(("AC", &account.sid, &account.token)).chain(keys) {
                if !sid::is(prefix, name) {
                    return Err(ConfigError::Sid { sid: name.clone(), prefix });
                }
                if names.contains(&name.as_str()) {
                    return Err(ConfigError::Twice { sid: name.clone() });
                }
                if secret.expose().is_empty() {
                    return Err(ConfigError::NoSecret { sid: name.clone() });
                }
                if !takes_short && secret.expose().chars().count() < SHORTEST {
                    return Err(ConfigError::ShortSecret { sid: name.clone() });
                }
                names.push(name);
                entries.push((digest(name, secret), account.sid.clone()));
            }
        }
        Ok(Self { entries, refused: AtomicU64::new(0) })
    }

    pub(crate) fn has(&self, account: &str) -> bool {
        self.entries.iter().any(|(_, known)| known == account)
    }

    /// The account whose request it is. Others are counted, and told in the log the more rarely the more there are.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Option<&str> {
        let found = self.authenticate(headers);
        if found.is_none() {
            metrics::counter!("verify_unauthenticated_total", "api" => "twilio").increment(1);
            let refused = self.refused.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            if refused.is_power_of_two() {
                tracing::warn!(target: "verify", refused, "a request without the right account and token; somebody may be trying them out");
            }
        }
        found
    }

    /// The account whose name and password the request has. All are compared, whichever it is, and digests of one length,
    /// so that the time tells nothing.
    fn authenticate(&self, headers: &HeaderMap) -> Option<&str> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (value, None) = (given.next()?, given.next()) else { return None };
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
        let presented: [u8; 32] = Sha256::digest(plain.as_slice()).into();
        let mut found = None;
        for (known, account) in &self.entries {
            let same: Choice = known.ct_eq(&presented);
            if bool::from(same) {
                found = Some(account.as_str());
            }
        }
        found
    }
}

fn digest(name: &str, secret: &Secret) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update(":");
    hash.update(secret.expose());
    hash.finalize().into()
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|(_, account)| account)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn accounts() -> Accounts {
        let mut second = AccountConfig::new(format!("AC{}", "b".repeat(32)), "other:with colon");
        second.keys.push(
            serde_json::from_str(&format!(r#"{{"sid":"SK{}","secret":"key"}}"#, "c".repeat(32))).unwrap(),
        );
        Accounts::new(&[AccountConfig::new(format!("AC{}", "a".repeat(32)), "secret"), second], true).unwrap()
    }

    fn who(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        accounts().authenticate(&headers).map(str::to_owned)
    }

    #[test]
    fn twilio_rule_01_only_a_whole_pair_of_name_and_password_is_let_in() {
        let basic =
            |name: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let (a, b, c) = (
            format!("AC{}", "a".repeat(32)),
            format!("AC{}", "b".repeat(32)),
            format!("SK{}", "c".repeat(32)),
        );
        assert_eq!(who(&basic(&a, "secret")), Some(a.clone()));
        assert_eq!(who(&basic(&b, "other:with colon")), Some(b.clone()));
        assert_eq!(who(&basic(&c, "key")), Some(b.clone()));
        for bad in [
            basic(&a, "other:with colon"),
            basic(&b, "key"),
            basic(&a, ""),
            basic("", "secret"),
            basic(&a, "secret "),
            format!("Bearer {}", STANDARD.encode(format!("{a}:secret"))),
            "Basic".to_owned(),
            "Basic %%%".to_owned(),
        ] {
            assert_eq!(who(&bad), None, "{bad}");
        }
        assert_eq!(accounts().authenticate(&HeaderMap::new()), None);
    }

    /// Counts what is counted.
    #[derive(Default)]
    struct Meter(Arc<AtomicU64>);

    impl metrics::CounterFn for Meter {
        fn increment(&self, value: u64) {
            self.0.fetch_add(value, Ordering::Relaxed);
        }

        fn absolute(&self, _: u64) {}
    }

    impl metrics::Recorder for Meter {
        fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

        fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

        fn describe_histogram(
            &self,
            _: metrics::KeyName,
            _: Option<metrics::Unit>,
            _: metrics::SharedString,
        ) {
        }

        fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
            assert_eq!(key.name(), "verify_unauthenticated_total");
            metrics::Counter::from_arc(Arc::new(Self(Arc::clone(&self.0))))
        }

        fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
            metrics::Gauge::noop()
        }

        fn register_histogram(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
            metrics::Histogram::noop()
        }
    }

    #[test]
    fn twilio_rule_01_whoever_is_not_let_in_is_counted() {
        let (accounts, meter) = (accounts(), Meter::default());
        let mut right = HeaderMap::new();
        let pair = STANDARD.encode(format!("AC{}:secret", "a".repeat(32)));
        right.insert(AUTHORIZATION, format!("Basic {pair}").parse().unwrap());
        metrics::with_local_recorder(&meter, || {
            assert!(accounts.admit(&right).is_some());
            (0..3).for_each(|_| assert!(accounts.admit(&HeaderMap::new()).is_none()));
        });
        assert_eq!((meter.0.load(Ordering::Relaxed), accounts.refused.load(Ordering::Relaxed)), (3, 3));
    }

    #[test]
    fn accounts_that_make_no_sense_do_not_start() {
        let sid = format!("AC{}", "a".repeat(32));
        let new = |accounts: &[AccountConfig]| Accounts::new(accounts, false).unwrap_err().to_string();
        assert!(new(&[]).contains("no account"));
        assert!(new(&[AccountConfig::new("AC1", "0123456789abcdef")]).contains("`AC1`"));
        assert!(new(&[AccountConfig::new(&sid, "")]).contains("empty"));
        for short in ["x", "0123456789abcde", "€€€€€€€€"] {
            let told = new(&[AccountConfig::new(&sid, short)]);
            assert!(told.contains("short") && !told.contains(short), "{told}");
        }
        let one = AccountConfig::new(&sid, "0123456789abcdef");
        assert!(new(&[one.clone(), one]).contains("twice"));
    }
}
