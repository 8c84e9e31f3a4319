//! A request, as the engine sees it: borrowed, framework-free, and read without allocating.

use std::borrow::Cow;
use std::net::IpAddr;

use memchr::{memchr, memmem};

use crate::origin::Origin;
use crate::subject::Subject;

/// What an adapter shows of a request. Implemented once per framework; every method borrows.
pub trait RequestView {
    /// The method, in capitals.
    fn method(&self) -> &str;
    /// The path of the request target, as it arrived.
    fn path(&self) -> &str;
    /// The query, without its question mark.
    fn query(&self) -> Option<&str>;
    /// The values of every header field of that name, in order. The engine gives names in lower case, and an application's
    /// closure as it likes: `X-User` and `x-user` are one name.
    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]>;
    /// The pattern of the route that was matched (`/transfers/{id}`), where the framework says: an approval is for one
    /// route, whatever stands in its place holders. Asked only where a transaction is bound.
    fn route(&self) -> Option<Cow<'_, str>>;
    /// The address at the other end of the connection, where the server knows it.
    fn peer(&self) -> Option<IpAddr>;
    /// The subject that the application's own middleware has put on the request, where it did.
    fn subject(&self) -> Option<&Subject<'static>>;
}

/// A request's head, for the closure that names the subject.
///
/// ```
/// use verify_core::{Head, Subject};
///
/// fn subject<'a>(head: &Head<'a>) -> Option<Subject<'a>> {
///     // The proxy that logs users in sets this field, and lets no client's own through.
///     Some(Subject::user(head.header("x-user")?).session(head.cookie("sid")?))
/// }
/// # let _: for<'a> fn(&Head<'a>) -> Option<Subject<'a>> = subject;
/// ```
#[derive(Clone, Copy)]
pub struct Head<'a> {
    view: &'a dyn ErasedView,
}

impl<'a> Head<'a> {
    pub(crate) fn new(view: &'a impl RequestView) -> Self {
        Self { view }
    }

    /// The value of a header field, unless it is absent, there twice, or not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.view.single(name).and_then(visible)
    }

    /// The value of a cookie by its exact name, unless it is absent or there twice.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        self.view.cookie(name).and_then(visible)
    }

    /// The path of the request.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.view.path()
    }
}

impl std::fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").finish_non_exhaustive()
    }
}

fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().fold(true, |all, byte| all & (0x20..0x7f).contains(byte));
    std::str::from_utf8(value).ok().filter(|_| is_visible)
}

/// The part of a view that a closure needs, without its generic method.
trait ErasedView {
    fn single(&self, name: &str) -> Option<&[u8]>;
    fn cookie(&self, name: &str) -> Option<&[u8]>;
    fn path(&self) -> &str;
}

impl<V: RequestView> ErasedView for V {
    fn single(&self, name: &str) -> Option<&[u8]> {
        single(self, name)
    }

    fn cookie(&self, name: &str) -> Option<&[u8]> {
        cookie(self, name)
    }

    fn path(&self) -> &str {
        RequestView::path(self)
    }
}

/// The value of a field that may be there only once.
pub(crate) fn single<'a>(view: &'a impl RequestView, name: &str) -> Option<&'a [u8]> {
    let mut values = view.headers(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// The value of a cookie by its exact name. Two of one name are a sign of cookie tossing, so neither counts
/// (RFC 6265bis, 8.6).
pub(crate) fn cookie<'a>(view: &'a impl RequestView, name: &str) -> Option<&'a [u8]> {
    CookieName::new(name).find(view)
}

/// The name of a cookie, ready to be looked for.
#[derive(Clone, Debug)]
pub(crate) struct CookieName<'n> {
    name: &'n str,
    finder: memmem::Finder<'n>,
}

impl<'n> CookieName<'n> {
    pub(crate) fn new(name: &'n str) -> Self {
        Self { name, finder: memmem::Finder::new(name) }
    }

    pub(crate) const fn as_str(&self) -> &'n str {
        self.name
    }

    /// Where the name stands next. Often it is the first of all cookies, and what is left is shorter than it is.
    fn start_in(&self, cookies: &[u8]) -> Option<usize> {
        match cookies.len() {
            length if length <= self.name.len() => None,
            _ if cookies.starts_with(self.name.as_bytes()) => Some(0),
            _ => self.finder.find(cookies),
        }
    }

    /// Its value, unless it is absent or there twice. A browser sends all its cookies with each request, so the name is looked
    /// for in strides, and where it is found, whether it is a name there.
    pub(crate) fn find<'a>(&self, view: &'a impl RequestView) -> Option<&'a [u8]> {
        let mut found = None;
        for header in view.headers("cookie") {
            let mut rest = header;
            while let Some(at) = self.start_in(rest) {
                let before = header.len() - rest.len() + at;
                let is_start = matches!(header.get(..before)?.trim_ascii_end(), [] | [.., b';']);
                rest = rest.get(at + self.name.len()..)?;
                let Some(value) = rest.strip_prefix(b"=").filter(|_| is_start) else { continue };
                let (value, others) = value.split_at_checked(memchr(b';', value).unwrap_or(value.len()))?;
                rest = others;
                if found.replace(value.trim_ascii_end()).is_some() {
                    return None;
                }
            }
        }
        found
    }
}

/// A CORS preflight, exactly as the Fetch standard defines one. A plain `OPTIONS` is guarded like any other method.
pub(crate) fn is_preflight(view: &impl RequestView) -> bool {
    view.method() == "OPTIONS"
        && view.headers("origin").next().is_some()
        && view.headers("access-control-request-method").next().is_some()
}

/// Whether the answer should be a page: the visitor's browser is navigating, or prefers HTML over JSON.
pub(crate) fn wants_page(view: &impl RequestView) -> bool {
    if let Some(mode) = single(view, "sec-fetch-mode")
        && mode != b"navigate"
    {
        return false;
    }
    let texts = view.headers("accept").filter_map(|value| std::str::from_utf8(value).ok());
    let (mut html, mut json) = (0.0_f32, 0.0_f32);
    for range in texts.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let is = |names: [&str; 2]| names.iter().any(|name| kind.eq_ignore_ascii_case(name));
        let best = if is(["text/html", "application/xhtml+xml"]) {
            &mut html
        } else if is(["application/json", "application/problem+json"]) {
            &mut json
        } else {
            continue;
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        *best = best.max(quality.unwrap_or(1.0));
    }
    html > 0.0 && html >= json
}

/// Where a request says it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// The browser vouches that one of our own pages, or the visitor, made it; or the origin is ours.
    Own,
    /// No browser header at all: a program. Nothing to forge with.
    Program,
    /// Another site made it.
    Foreign,
}

/// Fetch metadata first, then `Origin`, then `Referer` (OWASP CSRF Prevention). `same-site` is foreign, as `cross-site`
/// is, unless the origin is `named`: a sibling host is another party. An unknown `Sec-Fetch-Site` is ignored, as its
/// specification asks.
pub(crate) fn provenance(view: &impl RequestView, own: &Origin, named: &[Origin]) -> Provenance {
    let origin = single(view, "origin");
    let is = |known: &Origin| origin == Some(known.as_str().as_bytes());
    match single(view, "sec-fetch-site") {
        Some(b"same-origin") => return Provenance::Own,
        Some(b"none") if single(view, "sec-fetch-mode").is_none_or(|mode| mode == b"navigate") => {
            return Provenance::Own;
        }
        Some(b"cross-site" | b"same-site") if named.iter().any(is) => return Provenance::Own,
        Some(b"cross-site" | b"same-site" | b"none") => return Provenance::Foreign,
        _ => {}
    }
    if view.headers("origin").next().is_some() {
        let ours = is(own) || named.iter().any(is);
        return if ours { Provenance::Own } else { Provenance::Foreign };
    }
    let Some(referer) = view.headers("referer").next() else { return Provenance::Program };
    let from = |origin: &Origin| {
        matches!(referer.strip_prefix(origin.as_str().as_bytes()), Some([] | [b'/' | b'?', ..]))
    };
    if from(own) || named.iter().any(from) { Provenance::Own } else { Provenance::Foreign }
}

/// Whether a content type is `wanted`, whatever its parameters and case.
pub(crate) fn content_type_is(view: &impl RequestView, wanted: &str) -> bool {
    single(view, "content-type")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request with these fields of cookies, and nothing else.
    struct Jar(Vec<String>);

    impl RequestView for Jar {
        fn method(&self) -> &'static str {
            "GET"
        }

        fn path(&self) -> &'static str {
            "/"
        }

        fn query(&self) -> Option<&str> {
            None
        }

        fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
            let there = name == "cookie";
            self.0.iter().filter(move |_| there).map(String::as_bytes)
        }

        fn route(&self) -> Option<Cow<'_, str>> {
            None
        }

        fn peer(&self) -> Option<IpAddr> {
            None
        }

        fn subject(&self) -> Option<&Subject<'static>> {
            None
        }
    }

    /// As RFC 6265, 5.4 writes the field: taken apart at each semicolon.
    fn taken_apart<'j>(jar: &'j Jar, name: &str) -> Option<&'j str> {
        let pairs = jar.0.iter().flat_map(|field| field.split(';'));
        let named = pairs.filter_map(|pair| pair.trim_ascii_start().strip_prefix(name)?.strip_prefix('='));
        let values: Vec<_> = named.map(str::trim_ascii_end).collect();
        match values[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn r19_a_cookie_is_found_as_if_the_field_was_taken_apart(
            fields in proptest::collection::vec("(ab|aba|b|x|=|;|; | |a){0,12}", 0..3),
            name in "ab|aba|a|x",
        ) {
            let jar = Jar(fields);
            let found = cookie(&jar, &name).map(|value| std::str::from_utf8(value).unwrap());
            prop_assert_eq!(found, taken_apart(&jar, &name));
        }
    }
}
