//! Who calls: a public and a secret key with a comma between, and no scheme.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::twisto::{ConfigError, KeyConfig, Mode};

/// Everybody who may call. Only digests of the secrets are kept.
pub(crate) struct Keys(Vec<Pair>);

/// A pair that is known.
pub(crate) struct Pair {
    pub(crate) public: String,
    pub(crate) mode: Mode,
    digest: [u8; 32],
}

impl Keys {
    pub(crate) fn new(configured: &[KeyConfig]) -> Result<Self, ConfigError> {
        if configured.is_empty() {
            return Err(ConfigError::NoKeys);
        }
        let mut pairs: Vec<Pair> = Vec::new();
        for (index, key) in configured.iter().enumerate() {
            let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            let what = if !visible(&key.public) || key.public.contains(',') {
                "`public` is visible ASCII without a comma"
            } else if !visible(key.secret.expose()) {
                "`secret` is visible ASCII"
            } else if pairs.iter().any(|pair| pair.public == key.public) {
                "its public key is there twice"
            } else {
                let digest = Sha256::digest(format!("{},{}", key.public, key.secret.expose())).into();
                pairs.push(Pair { public: key.public.clone(), mode: key.mode, digest });
                continue;
            };
            return Err(ConfigError::Keys { position: index + 1, what });
        }
        if pairs.iter().any(|pair| pair.mode == Mode::Test) {
            tracing::warn!(
                target: "verify",
                "TEST KEYS: with them, `1234` is the code of every transaction in test mode"
            );
        }
        Ok(Self(pairs))
    }

    /// The pair that the request has. All are compared, whichever it is, and digests of one length, so that the time tells
    /// nothing.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Option<&Pair> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (value, None) = (given.next()?, given.next()) else { return None };
        let presented: [u8; 32] = Sha256::digest(value.as_bytes()).into();
        let mut found = None;
        for pair in &self.0 {
            if bool::from(pair.digest.ct_eq(&presented)) {
                found = Some(pair);
            }
        }
        found
    }

    /// The pair of that public key, or the first one.
    pub(crate) fn owner(&self, public: Option<&str>) -> Option<&Pair> {
        match public {
            Some(public) => self.0.iter().find(|pair| pair.public == public),
            None => self.0.first(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|pair| &pair.public)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t15_only_a_whole_pair_is_let_in() {
        let keys = Keys::new(&[KeyConfig::new("pk", "sk"), KeyConfig::new("other", "a,b")]).unwrap();
        let who = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            keys.authenticate(&headers).map(|pair| pair.public.clone())
        };
        assert_eq!(who("pk,sk").as_deref(), Some("pk"));
        assert_eq!(who("other,a,b").as_deref(), Some("other"));
        for bad in
            ["", ",", "pk", "pk,", ",sk", "sk,pk", "pk,sk ", "pk, sk", "Bearer pk,sk", "pk,a,b", "PK,sk"]
        {
            assert_eq!(who(bad), None, "{bad}");
        }
        assert!(keys.authenticate(&HeaderMap::new()).is_none());
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, "pk,sk".parse().unwrap());
        twice.append(AUTHORIZATION, "pk,sk".parse().unwrap());
        assert!(keys.authenticate(&twice).is_none());
        assert_eq!(format!("{keys:?}"), r#"["pk", "other"]"#);
    }

    #[test]
    fn keys_that_make_no_sense_do_not_start() {
        let fault = |keys: &[KeyConfig]| Keys::new(keys).err().unwrap().to_string();
        assert!(fault(&[]).contains("no keys"));
        assert!(fault(&[KeyConfig::new("a,b", "s")]).contains("comma"));
        assert!(fault(&[KeyConfig::new("a", "")]).contains("`secret`"));
        assert!(fault(&[KeyConfig::new("a", "s"), KeyConfig::new("a", "t")]).contains("twice"));
    }
}
