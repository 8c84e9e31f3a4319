//! Telling somebody how a call goes: a GET, to a URL that somebody else has chosen.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use verify_core::{Fetch, is_public_address};

use crate::outgoing;
use crate::phonesverification::Settings;
use crate::phonesverification::envelope::Answer;
use crate::phonesverification::status::Status;

/// Everything but what RFC 3986, 2.3, leaves alone: a space is `%20`, as the original has it.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Longer than any URL that servers take.
const LONGEST: usize = 2048;

/// Who is told.
#[derive(Clone)]
pub(crate) struct Target {
    /// Absolute, with whatever query it came with.
    url: String,
}

impl Target {
    pub(crate) fn is_scheme(kind: &str) -> bool {
        ["http", "https"].iter().any(|scheme| kind.eq_ignore_ascii_case(scheme))
    }

    /// A URL with or without its scheme, and the scheme as a parameter of its own.
    pub(crate) fn parse(url: &str, kind: Option<&str>, settings: &Settings) -> Result<Self, Answer> {
        let kind = kind.map(str::to_ascii_lowercase);
        if kind.as_deref().is_some_and(|kind| !Self::is_scheme(kind)) {
            return Err(Answer::invalid("callbackurltype"));
        }
        let wrong = || Answer::invalid("callbackurl");
        let url = match url.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                if kind.is_some_and(|kind| kind != scheme) {
                    return Err(Answer::invalid("callbackurltype"));
                }
                format!("{scheme}://{rest}")
            }
            None => format!("{}://{url}", kind.as_deref().unwrap_or("http")),
        };
        let parsed: Uri = url.parse().map_err(|_| wrong())?;
        let is_plain =
            url.len() <= LONGEST && !url.contains('#') && url.bytes().all(|byte| byte.is_ascii_graphic());
        let authority = parsed.authority().ok_or_else(wrong)?;
        let has_scheme = parsed.scheme_str().is_some_and(Self::is_scheme);
        if !is_plain || !has_scheme || authority.as_str().contains('@') {
            return Err(wrong());
        }
        if !settings.allow_private_callbacks && is_inside(authority.host()) {
            return Err(wrong());
        }
        Ok(Self { url })
    }

    /// The URL with what is told behind whatever query it has.
    fn with(&self, told: &Told<'_>) -> String {
        let values = [
            ("status", told.status.name().to_owned()),
            ("requestid", told.id.to_string()),
            ("recipient", told.recipient.to_owned()),
            ("datetime", told.datetime.to_owned()),
            ("cost", told.price.to_string()),
            ("matched", (told.status == Status::Verified).to_string()),
        ];
        let mut url = self.url.clone();
        let mut separator = match self.url.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        for (name, value) in values {
            url.extend([separator, name, "="]);
            url.extend(utf8_percent_encode(&value, VALUE));
            separator = "&";
        }
        url
    }
}

/// What an address or a name gives away by itself. Where a name leads is looked at by the client, at the very address that it
/// connects to.
fn is_inside(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = bare.parse::<IpAddr>() {
        return !is_public_address(address);
    }
    let top = bare.rsplit('.').next().unwrap_or_default();
    // `127.1`, `0x7f.1` and `2130706433` are addresses to some and names to nobody.
    let is_number = top.bytes().all(|byte| byte.is_ascii_digit()) || top.starts_with("0x");
    is_number || matches!(top, "localhost" | "local" | "internal")
}

/// What is told.
pub(crate) struct Told<'t> {
    pub(crate) id: u64,
    pub(crate) recipient: &'t str,
    pub(crate) price: f64,
    pub(crate) datetime: &'t str,
    pub(crate) status: Status,
}

/// Who tells.
#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) tries: u8,
    /// How long all tries of one callback may take, so that none of a call holds up the next one for long.
    pub(crate) within: Duration,
}

impl Courier {
    pub(crate) async fn tell(&self, target: &Target, told: &Told<'_>) {
        let url = target.with(told);
        let request = || Request::get(&url).body(Bytes::new()).ok();
        if !outgoing::tell(&*self.fetch, self.tries, self.within, request).await {
            let status = told.status.name();
            tracing::warn!(target: "verify", id = told.id, status, "a callback was not taken: see its receiver");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, kind: Option<&str>) -> Option<String> {
        Target::parse(url, kind, &Settings::default()).ok().map(|target| target.url)
    }

    #[test]
    fn phonesverification_rule_11_the_scheme_is_the_types_unless_the_url_has_one() {
        let is = |url, kind, expected: &str| assert_eq!(parse(url, kind).as_deref(), Some(expected), "{url}");
        is("www.abc.example/cb.aspx", None, "http://www.abc.example/cb.aspx");
        is("www.abc.example/cb.aspx", Some("HTTPS"), "https://www.abc.example/cb.aspx");
        is("HTTPS://www.abc.example", None, "https://www.abc.example");
        is("abc.example:8443/x?a=1", Some("https"), "https://abc.example:8443/x?a=1");
        for (url, kind) in
            [("http://abc.example", Some("https")), ("abc.example", Some("ftp")), ("abc.example", Some(""))]
        {
            assert_eq!(parse(url, kind), None, "{url} {kind:?}");
        }
    }

    #[test]
    fn phonesverification_rule_17_what_leads_inside_or_nowhere_is_refused() {
        let inside = "127.0.0.1 127.0.0.1:80/x [::1] [::ffff:127.0.0.1]:80 localhost localhost. LOCALHOST:8080 a.localhost \
            printer.local metadata.google.internal 169.254.169.254/latest 10.0.0.1 192.168.1.1 172.16.0.1 0.0.0.0 127.1 \
            2130706433 0x7f000001 0x7f.1 file:///etc/passwd ftp://abc.example gopher://abc.example javascript://x a@abc.example \
            user:pass@abc.example http://:80 abc.example/#x";
        for url in inside.split_whitespace().chain(["", "abc.example/a b", "abc.example/ü"]) {
            assert_eq!(parse(url, None), None, "{url}");
        }
        let settings = Settings { allow_private_callbacks: true, ..Settings::default() };
        assert!(Target::parse("127.0.0.1:3000/cb", None, &settings).is_ok());
        assert!(Target::parse("file:///etc/passwd", None, &settings).is_err(), "whatever is allowed");
    }

    #[test]
    fn phonesverification_rule_10_values_are_encoded_and_an_existing_query_is_kept() {
        let told =
            |status| Told { id: 7, recipient: "1848", price: 0.015, datetime: "Jun 9 2020 9:03AM", status };
        let url = |url: &str, status| Target { url: url.to_owned() }.with(&told(status));
        let tail = "status=Delivered%20-%20PIN%20Verified&requestid=7&recipient=1848&datetime=Jun%209%202020%209%3A03AM\
            &cost=0.015&matched=true";
        assert_eq!(url("http://a.example/cb", Status::Verified), format!("http://a.example/cb?{tail}"));
        assert_eq!(
            url("http://a.example/cb?a=1", Status::Verified),
            format!("http://a.example/cb?a=1&{tail}")
        );
        assert_eq!(url("http://a.example?", Status::Verified), format!("http://a.example?{tail}"));
        assert!(url("http://a.example", Status::Sent).ends_with("&matched=false"));
    }
}
