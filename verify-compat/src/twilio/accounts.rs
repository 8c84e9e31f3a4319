//! Who calls: HTTP Basic authentication.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::twilio::{AccountConfig, ConfigError, Token, sid};

/// Everybody who may call. Only digests of the credentials are kept.
pub(crate) struct Accounts {
    entries: Vec<([u8; 32], String)>,
}

impl Accounts {
    pub(crate) fn new(accounts: &[AccountConfig]) -> Result<Self, ConfigError> {
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
                names.push(name);
                entries.push((digest(name, secret), account.sid.clone()));
            }
        }
        Ok(Self { entries })
    }

    pub(crate) fn has(&self, account: &str) -> bool {
        self.entries.iter().any(|(_, known)| known == account)
    }

    /// The account whose name and password the request has. All are compared, whichever it is, and digests of one length,
    /// so that the time tells nothing.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Option<&str> {
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

fn digest(name: &str, secret: &Token) -> [u8; 32] {
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
    use super::*;

    fn accounts() -> Accounts {
        let mut second = AccountConfig::new(format!("AC{}", "b".repeat(32)), "other:with colon");
        second.keys.push(
            serde_json::from_str(&format!(r#"{{"sid":"SK{}","secret":"key"}}"#, "c".repeat(32))).unwrap(),
        );
        Accounts::new(&[AccountConfig::new(format!("AC{}", "a".repeat(32)), "secret"), second]).unwrap()
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

    #[test]
    fn accounts_that_make_no_sense_do_not_start() {
        let sid = format!("AC{}", "a".repeat(32));
        let new = |accounts: &[AccountConfig]| Accounts::new(accounts).unwrap_err().to_string();
        assert!(new(&[]).contains("no account"));
        assert!(new(&[AccountConfig::new("AC1", "secret")]).contains("`AC1`"));
        assert!(new(&[AccountConfig::new(&sid, "")]).contains("empty"));
        assert!(new(&[AccountConfig::new(&sid, "x"), AccountConfig::new(&sid, "y")]).contains("twice"));
    }
}
