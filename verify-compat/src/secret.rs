//! Secrets in configurations.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A key, a token or another secret of a configuration. It has no `Display`, and its `Debug` is redacted.
///
/// ```
/// use verify_compat::Secret;
///
/// assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret([redacted])");
/// ```
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
