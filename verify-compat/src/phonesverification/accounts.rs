//! Who calls: a key and a secret among the parameters.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::phonesverification::callback::Target;
use crate::phonesverification::{AccountConfig, ConfigError, Settings};

/// Everybody who may call. Only digests of the credentials are kept.
pub(crate) struct Accounts {
    entries: Vec<([u8; 32], Account)>,
}

/// What is known of one of them.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) key: String,
    pub(crate) price: f64,
    pub(crate) callback: Option<Target>,
}

impl Accounts {
    pub(crate) fn new(accounts: &[AccountConfig], settings: &Settings) -> Result<Self, ConfigError> {
        if accounts.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        let mut entries: Vec<([u8; 32], Account)> = Vec::new();
        for account in accounts {
            let wrong = |what| ConfigError::Account { apikey: account.apikey.clone(), what };
            if account.apikey.is_empty() || account.apisecret.expose().is_empty() {
                return Err(wrong("`apikey` and `apisecret` are not empty"));
            }
            if entries.iter().any(|(_, known)| known.key == account.apikey) {
                return Err(wrong("its `apikey` is there twice"));
            }
            if !account.price.is_finite() || account.price < 0.0 {
                return Err(wrong("`price` is a number, and not less than nothing"));
            }
            let target = |url: &String| Target::parse(url, account.callbackurltype.as_deref(), settings);
            let callback = account.callbackurl.as_ref().map(target).transpose();
            let callback = callback.map_err(|_| wrong("`callbackurl` and `callbackurltype` lead nowhere"))?;
            let entry = Account { key: account.apikey.clone(), price: account.price, callback };
            entries.push((digest(&account.apikey, account.apisecret.expose()), entry));
        }
        Ok(Self { entries })
    }

    /// The account with this key and secret. All are compared, whichever it is, and digests of one length, so that the time
    /// tells nothing.
    pub(crate) fn find(&self, key: &str, secret: &str) -> Option<&Account> {
        let presented = digest(key, secret);
        let mut found = None;
        for (known, account) in &self.entries {
            if known.ct_eq(&presented).into() {
                found = Some(account);
            }
        }
        found
    }
}

/// No two pairs have one text: the length of the first part is in front.
fn digest(key: &str, secret: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(secret);
    hash.finalize().into()
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|(_, account)| &account.key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_make_no_sense_do_not_start() {
        let new = |accounts: &[AccountConfig]| Accounts::new(accounts, &Settings::default()).unwrap_err();
        assert_eq!(new(&[]), ConfigError::NoAccount);
        let account = || AccountConfig::new("key", "hunter2");
        for bad in [
            vec![AccountConfig::new("", "x")],
            vec![AccountConfig::new("key", "")],
            vec![account(), account()],
            vec![AccountConfig { price: f64::NAN, ..account() }],
            vec![AccountConfig { callbackurl: Some("127.0.0.1/cb".to_owned()), ..account() }],
            vec![AccountConfig {
                callbackurltype: Some("ftp".to_owned()),
                callbackurl: Some("a.example".to_owned()),
                ..account()
            }],
        ] {
            let told = new(&bad).to_string();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
