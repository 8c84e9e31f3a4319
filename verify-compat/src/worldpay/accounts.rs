//! Who calls: HTTP Basic authentication.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::worldpay::{AccountConfig, ConfigError};

/// Everybody who may call. Only digests of the credentials are kept.
pub(super) struct Accounts(Vec<Account>);

/// One of them.
pub(super) struct Account {
    credentials: [u8; 32],
    pub(super) name: String,
    entities: Vec<String>,
}

impl Account {
    /// Whether it may name this as its entity.
    pub(super) fn has(&self, entity: &str) -> bool {
        self.entities.iter().any(|known| known == entity)
    }
}

impl Accounts {
    pub(super) fn new(accounts: &[AccountConfig]) -> Result<Self, ConfigError> {
        if accounts.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        let mut known: Vec<Account> = Vec::with_capacity(accounts.len());
        for (index, account) in accounts.iter().enumerate() {
            let wrong = |what| Err(ConfigError::Account { position: index + 1, what });
            let AccountConfig { username, password, entities } = account;
            if username.is_empty() || !username.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
                return wrong("`username` is visible ASCII without a colon");
            }
            if known.iter().any(|other| other.name == *username) {
                return wrong("its `username` is another one's already");
            }
            if password.expose().is_empty() {
                return wrong("its `password` is empty");
            }
            if entities.is_empty() || entities.iter().any(|entity| !(1..=32).contains(&entity.len())) {
                return wrong("`entities` are names of 1 to 32 characters, at least one");
            }
            let mut digest = Sha256::new();
            for part in [username.as_str(), ":", password.expose()] {
                digest.update(part);
            }
            let credentials = digest.finalize().into();
            known.push(Account { credentials, name: username.clone(), entities: entities.clone() });
        }
        Ok(Self(known))
    }

    /// The account whose name and password the request has. All are compared, and digests of one length, so that the time
    /// tells nothing.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Option<&Account> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (value, None) = (given.next()?, given.next()) else { return None };
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
        let presented: [u8; 32] = Sha256::digest(plain.as_slice()).into();
        let mut found = None;
        for account in &self.0 {
            if bool::from(account.credentials.ct_eq(&presented)) {
                found = Some(account);
            }
        }
        found
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|account| &account.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_make_no_sense_do_not_start() {
        let new = |accounts: &[AccountConfig]| Accounts::new(accounts).unwrap_err().to_string();
        let good = || AccountConfig::new("merchant", "hunter2");
        assert!(new(&[]).contains("no account"));
        assert!(new(&[good(), AccountConfig::new("a:b", "hunter2")]).contains("account 2"));
        assert!(new(&[AccountConfig::new("a", "")]).contains("empty"));
        assert!(new(&[good(), good()]).contains("another one's"));
        assert!(new(&[AccountConfig { entities: Vec::new(), ..good() }]).contains("entities"));
    }
}
