//! From `http` 1, which the engine speaks, to `http` 0.2, which actix speaks: by bytes, and with every repeated field.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, body::BoxBody};
use bytes::Bytes;
use verify_core::Reply;

/// A whole request as the engine's. None where the two crates do not agree on what a method, an address or a field is.
pub(crate) fn request(request: &HttpRequest, body: Bytes) -> Option<http::Request<Bytes>> {
    let mut built = http::Request::builder().method(request.method().as_str()).uri(request.uri().to_string());
    for (name, value) in request.headers() {
        built = built.header(name.as_str(), value.as_bytes());
    }
    built.body(body).ok()
}

/// The engine's answer to a request of that method as actix's.
pub(crate) fn response(reply: Reply, method: &Method) -> HttpResponse<BoxBody> {
    let (parts, body) = reply.into_parts();
    // Both crates take 100 to 999; a status that one refuses is a defect, and closed is the side to fail on.
    let status = StatusCode::from_u16(parts.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let length =
        parts.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = match length {
        Some(length) if method == Method::HEAD => BoxBody::new(Headless { length }),
        _ => BoxBody::new(body),
    };
    let mut response = HttpResponse::new(status).set_body(body);
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    append(response.headers_mut(), fields);
    response
}

/// The body that an answer to HEAD leaves out: actix takes the content length from a body and from nowhere else.
struct Headless {
    length: u64,
}

impl MessageBody for Headless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Appends, so that a second `Set-Cookie` does not replace the first.
pub(crate) fn append<'a>(headers: &mut HeaderMap, fields: impl Iterator<Item = (&'a str, &'a [u8])>) {
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
}

/// Puts what a passage carries on the answer.
pub(crate) fn append_passage(headers: &mut HeaderMap, fields: &[(http::HeaderName, http::HeaderValue)]) {
    if !fields.is_empty() {
        // Whatever the handler says: what carries a new clearance is for nobody else.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    append(headers, fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn r12_repeated_fields_survive() {
        let mut reply = Reply::new(Bytes::from_static(b"x"));
        *reply.status_mut() = http::StatusCode::CONFLICT;
        for cookie in ["a=1", "b=2"] {
            reply.headers_mut().append("set-cookie", http::HeaderValue::from_static(cookie));
        }
        let response = response(reply, &Method::GET);
        assert_eq!(response.status(), 409);
        let cookies: Vec<_> = response.headers().get_all("set-cookie").collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
    }
}
