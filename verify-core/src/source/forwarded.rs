//! `X-Forwarded-For` and `Forwarded` (RFC 7239), read from the right, where our own proxies wrote.
//!
//! Reading starts at the right end and goes no further than it is asked to, quotes included: an unbalanced
//! quote that a client sends on the left cannot swallow what a proxy appended after it.

use std::net::{IpAddr, Ipv6Addr};

use crate::source::ForwardedHeader;

/// The nodes that the lines name, the last first; `None` for one that names no address.
///
/// Empty elements of a list are passed over (RFC 9110, 5.6.1.2).
pub(super) fn nodes<'a, L>(header: ForwardedHeader, lines: L) -> impl Iterator<Item = Option<IpAddr>>
where
    L: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
{
    lines
        .into_iter()
        .rev()
        .flat_map(|line| FromRight { rest: Some(line), delimiter: b',' })
        .filter(|element| element.is_none_or(|element| !element.is_empty()))
        .map(move |element| match header {
            ForwardedHeader::XForwardedFor => element.and_then(node),
            ForwardedHeader::Forwarded => element.and_then(forwarded_for),
        })
}

/// Splits at a delimiter outside quotes, from right to left, each part without the blanks around it.
///
/// A part is `None` when its quotes do not balance; nothing follows that one.
struct FromRight<'a> {
    rest: Option<&'a [u8]>,
    delimiter: u8,
}

impl<'a> Iterator for FromRight<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let mut quoted = false;
        for (at, byte) in rest.iter().enumerate().rev() {
            if *byte == b'"' {
                quoted = !quoted || rest.get(..at).is_some_and(ends_in_escape);
            } else if *byte == self.delimiter && !quoted {
                self.rest = rest.get(..at);
                return Some(rest.get(at + 1..).map(<[u8]>::trim_ascii));
            }
        }
        Some((!quoted).then(|| rest.trim_ascii()))
    }
}

/// Whether a quote after these bytes is escaped: an odd number of backslashes stands before it.
fn ends_in_escape(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address of an element such as `for="[2001:db8::1]:4711";proto=https` (RFC 7239, section 4).
///
/// An element that does not follow the grammar throughout names nobody, nor does one with two `for`.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in (FromRight { rest: Some(element), delimiter: b';' }) {
        let pair = pair?;
        if pair.is_empty() {
            continue;
        }
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair.get(..equals)?, pair.get(equals + 1..)?);
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return None;
        }
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case(b"for") && found.replace(node(value)?).is_some() {
            return None;
        }
    }
    found
}

/// The text between quotes, or the bare value; `None` if the value is empty or has a stray quote.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    let inner = value.strip_prefix(b"\"").map_or(Some(value), |open| open.strip_suffix(b"\""))?;
    let bare = inner.len() == value.len();
    if bare && value.is_empty() {
        return None;
    }
    let mut escaped = false;
    for byte in inner {
        let stray = *byte == b'"' && !escaped;
        let blank = bare && byte.is_ascii_whitespace();
        if stray || blank {
            return None;
        }
        escaped = !escaped && *byte == b'\\';
    }
    (!escaped).then_some(inner)
}

/// The address of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`, bare
/// or in quotes. `unknown` and obfuscated names (RFC 7239, 6.2 and 6.3) are no address.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(unquoted(text)?).ok()?;
    let address = if let Some(open) = text.strip_prefix('[') {
        let (inside, after) = open.split_once(']')?;
        if !after.is_empty() && !after.strip_prefix(':').is_some_and(is_port) {
            return None;
        }
        IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        if !is_port(port) {
            return None;
        }
        IpAddr::V4(address.parse().ok()?)
    };
    Some(address.to_canonical())
}

/// `1*5DIGIT`, or an obfuscated port (RFC 7239, section 6).
fn is_port(port: &str) -> bool {
    port.strip_prefix('_').map_or_else(
        || matches!(port.len(), 1..=5) && port.bytes().all(|byte| byte.is_ascii_digit()),
        |name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        },
    )
}

/// `tchar` of RFC 9110, section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
