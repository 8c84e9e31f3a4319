//! Answers, and the header field that names each of them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use verify_core::Reply;

const CORRELATION: HeaderName = HeaderName::from_static("wp-correlationid");

/// An answer that nobody in between is to keep.
pub(super) fn of(status: StatusCode, kind: &'static str, body: Bytes, correlation: &HeaderValue) -> Reply {
    let mut reply = Reply::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization"));
    headers.insert(CORRELATION, correlation.clone());
    reply
}

/// What the caller calls this request, if that can be sent back; else a new UUID.
pub(super) fn correlation(headers: &HeaderMap) -> HeaderValue {
    let fits = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    headers.get(CORRELATION).filter(fits).cloned().unwrap_or_else(new_correlation)
}

/// RFC 9562, version 4.
fn new_correlation() -> HeaderValue {
    let mut bytes = [0_u8; 16];
    // Without random bytes the name is worth nothing, and nothing hangs on it.
    let _ = getrandom::fill(&mut bytes);
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{number:032x}");
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let text = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worldpay_rule_15_a_name_that_fits_is_echoed_and_another_is_made_up() {
        let of = |value: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(CORRELATION, HeaderValue::from_bytes(value).unwrap());
            correlation(&headers)
        };
        assert_eq!(of(b"my-request.1_2"), "my-request.1_2");
        for odd in [&b""[..], b"a b", b"<script>", b"4444\xff", &[b'a'; 65]] {
            let made = of(odd);
            let text = made.to_str().unwrap();
            assert_eq!((text.len(), text.as_bytes()[14]), (36, b'4'), "{text}");
            assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
        }
    }
}
