//! How requests travel.

use http::Uri;

/// Whether what travels to an address is read by nobody in between: https, or http to this machine.
pub(crate) fn is_private(url: &Uri) -> bool {
    match (url.scheme_str(), url.host()) {
        (_, None | Some("")) => false,
        (Some("https"), _) => true,
        (Some("http"), Some(host)) => matches!(host, "127.0.0.1" | "[::1]" | "localhost"),
        _ => false,
    }
}
