//! The salt: random digits, and behind them what has to be signed.

use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::super::{hex, parameters::unix_seconds};

/// What `application/x-www-form-urlencoded` leaves as it is (WHATWG URL, 5.2), less the space.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// A salt to issue: `8f3a…?expires=1767226200&route=%2Fpay&`.
///
/// It ends with `&`, whatever it carries, so that no digit of the number can be moved over into its last parameter and
/// prolong the expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt {
    text: String,
    has_parameters: bool,
}

impl Salt {
    /// A salt of random bytes, fresh for every challenge.
    #[must_use]
    pub fn new(random: [u8; 12]) -> Self {
        Self { text: hex::encode(&random), has_parameters: false }
    }

    /// Sets the first moment at which an answer is too late, cut to whole seconds; without one it never is.
    #[must_use]
    pub fn with_expiry(self, at: SystemTime) -> Self {
        self.with_parameter("expires", &unix_seconds(at).to_string())
    }

    /// Adds a text that travels signed with the challenge. It is public.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        self.text.push(if self.has_parameters { '&' } else { '?' });
        self.has_parameters = true;
        self.text.extend(utf8_percent_encode(name, FORM));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, FORM));
        self
    }

    /// As it is hashed and sent.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}&", self.text)
    }
}

/// Every value of a parameter of a salt, in order; `None` for one that is not UTF-8.
pub(super) fn parameters<'s>(salt: &'s str, name: &'s str) -> impl Iterator<Item = Option<String>> + 's {
    let query = salt.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).filter_map(move |(key, value)| {
        let read = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
        };
        (read(key).as_deref() == Some(name)).then(|| read(value))
    })
}

/// A parameter that is there exactly once.
pub(crate) fn parameter(salt: &str, name: &str) -> Option<String> {
    let mut all = parameters(salt, name);
    let first = all.next()??;
    all.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_04_a_salt_ends_with_a_delimiter() {
        assert_eq!(Salt::new([0xab; 12]).text(), format!("{}&", "ab".repeat(12)));
        let salt = Salt::new([0; 12]).with_parameter("route", "/pay?a=1&b").with_parameter("é", "x y");
        assert_eq!(salt.text(), format!("{}?route=%2Fpay%3Fa%3D1%26b&%C3%A9=x%20y&", "0".repeat(24)));
        assert_eq!(parameter(&salt.text(), "route").as_deref(), Some("/pay?a=1&b"));
        assert_eq!(parameter(&salt.text(), "é").as_deref(), Some("x y"));
        assert_eq!(parameter(&salt.text(), "a"), None);
        assert_eq!(parameter("s?a=1&a=2&", "a"), None, "one of two is a guess");
    }
}
