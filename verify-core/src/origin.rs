//! Where the application lives, as its visitors see it: configured, never read from a request.

use std::fmt;
use std::str::FromStr;

/// The public origin of the application: scheme, host and port as the browser shows them.
///
/// It is the only source for the host in an SMS (`@host #code`), for links and for the origin check; `Host`,
/// `Forwarded` and `X-Forwarded-Host` are never believed (OWASP Forgot Password Cheat Sheet). An `http` origin is
/// refused when the engine is built, unless the development switch for plain http is on.
///
/// ```
/// use verify_core::Origin;
///
/// let origin = Origin::parse("https://Bank.Example")?;
/// assert_eq!(origin.as_str(), "https://bank.example");
/// assert!(Origin::parse("https://bank.example/path").is_err());
/// # Ok::<(), verify_core::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
    secure: bool,
}

impl Origin {
    /// Reads `https://host` or `https://host:port`, nothing behind it.
    ///
    /// # Errors
    /// When the text is not an origin of that form.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let lower = text.trim_end_matches('/').to_ascii_lowercase();
        let (secure, authority) = match lower.split_once("://") {
            Some(("https", authority)) => (true, authority),
            Some(("http", authority)) => (false, authority),
            _ => return Err(InvalidOrigin),
        };
        let uri: http::Uri = lower.parse().map_err(|_| InvalidOrigin)?;
        let parsed = uri.authority().ok_or(InvalidOrigin)?;
        let plain = parsed.as_str() == authority && !authority.contains('@') && uri.path() == "/";
        let host = parsed.host();
        if !plain || host.is_empty() || uri.query().is_some() {
            return Err(InvalidOrigin);
        }
        // A browser leaves the default port out of the Origin header.
        let default_port = if secure { ":443" } else { ":80" };
        let text = lower.strip_suffix(default_port).unwrap_or(&lower).to_owned();
        Ok(Self { host: host.to_owned(), text, secure })
    }

    /// The origin as a browser writes it in the `Origin` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without the port: what an origin-bound SMS names.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether visitors come over https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not an origin.
#[derive(Debug, thiserror::Error)]
#[error("give the public origin as `https://host` or `https://host:port`, with nothing behind it")]
#[non_exhaustive]
pub struct InvalidOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r62_only_a_bare_origin_is_taken() {
        for good in [
            "https://a.example",
            "https://a.example:8443",
            "http://localhost:3000",
            "https://[::1]:8443",
            "https://a.example/",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://u@a.example",
            "https://a.example/x",
            "https://a.example?x",
            "https://a example",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Origin::parse("https://a.example:443").unwrap().as_str(), "https://a.example");
        assert_eq!(Origin::parse("https://a.example:8443").unwrap().host(), "a.example");
    }
}
