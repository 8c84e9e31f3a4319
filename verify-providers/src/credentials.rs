//! Credentials of HTTP Basic authentication (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

/// The value of `Authorization`, which no log shows; nothing if one of the two is empty or not visible ASCII, or if the name has a
/// colon, which would end it.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let is_visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_visible(user) || user.contains(':') || !is_visible(password) {
        return None;
    }
    let pair = Zeroizing::new(format!("{user}:{password}"));
    let pair = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let mut value = HeaderValue::from_str(&Zeroizing::new(format!("Basic {}", *pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::basic;

    #[test]
    fn r60_a_pair_is_visible_and_does_not_print() {
        let value = basic("Aladdin", "open:sesame").unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==");
        assert!(!format!("{value:?}").contains("QWxh"));
        for (user, password) in
            [("", "p"), ("u", ""), ("u:v", "p"), ("u", "p q"), ("\u{fc}", "p"), ("u", "p\n"), ("u", "\u{fc}")]
        {
            assert!(basic(user, password).is_none(), "{user:?} {password:?}");
        }
    }
}
