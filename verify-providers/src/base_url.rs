//! Where a service is.

use crate::transport::is_private;

/// The address without its last slash, if it is [safe](is_safe).
pub(crate) fn safe(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/');
    is_safe(url).then(|| url.to_owned())
}

/// Whether secrets may travel to what stands below an address: [private](is_private), and nothing but a host, a port and a path.
/// With `user@`, what looks like the host is none; a query or a fragment would swallow the path behind it.
pub(crate) fn is_safe(url: &str) -> bool {
    url.parse().is_ok_and(|parsed| is_private(&parsed)) && !url.contains(['?', '#', '@'])
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn an_address_is_https_or_here_and_names_nobody() {
        for (url, is) in [
            ("https://api.example/v2//", Some("https://api.example/v2")),
            ("http://localhost:3900/a", Some("http://localhost:3900/a")),
            ("http://127.0.0.1:1", Some("http://127.0.0.1:1")),
            ("http://[::1]:1", Some("http://[::1]:1")),
            ("http://api.example", None),
            ("ftp://api.example", None),
            ("https://", None),
            ("https:///path", None),
            ("/path", None),
            ("api.example", None),
            ("https://api.example/?q", None),
            ("https://api.example/?", None),
            ("https://api.example/#f", None),
            ("https://user@evil.example", None),
            ("http://user@localhost", None),
            ("http://localhost@evil.example", None),
            ("http://localhost:pass@evil.example", None),
            ("https://api.example:443@evil.example/", None),
            ("", None),
        ] {
            assert_eq!(safe(url).as_deref(), is, "{url}");
        }
    }
}
