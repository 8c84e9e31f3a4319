//! A request that a look could not settle: read what has to be read, ask the gate, and pass on or answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use tower_service::Service;
use verify_core::{Errand, Gate, Inquiry, Reply, Ruling, Settlement};

pub(crate) async fn rule<S, B, R>(
    gate: Gate,
    inquiry: Inquiry,
    limit: Option<usize>,
    request: Request<B>,
    mut ready: S,
) -> Result<Response<R>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Send,
    B: Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    R: Body<Data = Bytes> + From<Bytes>,
{
    let (mut parts, body) = request.into_parts();
    let (bytes, kept) = match limit {
        None => (Bytes::new(), Some(body)),
        Some(limit) => match read(body, limit, gate.deadline(), &inquiry).await {
            Ok(bytes) => (bytes, None),
            Err(reply) => return Ok(answer(reply)),
        },
    };
    let late = inquiry.timed_out();
    let passage = match tokio::time::timeout(gate.deadline(), gate.rule(inquiry, bytes)).await {
        Err(_) => return Ok(answer(late)),
        Ok(Ruling::Respond(reply)) => return Ok(answer(reply)),
        Ok(Ruling::RespondThen(reply, errand)) => {
            run(*errand, gate.deadline());
            return Ok(answer(reply));
        }
        Ok(Ruling::Allow(passage)) => passage,
    };
    let body = kept.unwrap_or_else(|| {
        if parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(passage.body.len()));
        }
        B::from(passage.body)
    });
    let response = match ready.call(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(error) => {
            // Whoever turns the error into an answer will answer with 500 or its like; it cannot carry the clearance.
            if let Some(settlement) = passage.settlement {
                tell(settlement, StatusCode::INTERNAL_SERVER_ERROR, None, None, gate.deadline()).await;
            }
            return Err(error);
        }
    };
    let mut response = match passage.settlement {
        None => response,
        Some(settlement) => settle(settlement, response, gate.deadline()).await,
    };
    append(response.headers_mut(), passage.headers);
    Ok(response)
}

/// Puts what a passage carries on the answer.
pub(crate) fn append(headers: &mut HeaderMap, fields: Vec<(HeaderName, HeaderValue)>) {
    if !fields.is_empty() {
        // Whatever the handler says: what carries a new clearance is for nobody else.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for (name, value) in fields {
        headers.append(name, value);
    }
}

/// Tells how the handler has answered, with the answer's body where it is to be kept and is of a known, small size.
async fn settle<R: Body<Data = Bytes> + From<Bytes>>(
    settlement: Settlement,
    response: Response<R>,
    deadline: Duration,
) -> Response<R> {
    let (parts, body) = response.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).cloned();
    let known = settlement.wants_body().zip(body.size_hint().exact());
    let Some((_, length)) = known.filter(|(most, length)| *length <= *most as u64) else {
        tell(settlement, parts.status, kind, None, deadline).await;
        return Response::from_parts(parts, body);
    };
    // It is the handler's, and takes the time that the handler takes.
    let whole = body.collect().await.ok().map(Collected::to_bytes);
    let whole = whole.filter(|bytes| bytes.len() as u64 == length);
    tell(settlement, parts.status, kind, whole.clone(), deadline).await;
    match whole {
        Some(bytes) => Response::from_parts(parts, R::from(bytes)),
        None => broken_off(),
    }
}

/// What broke off is nothing to keep, and nothing to hand on: made of bytes, it would look whole. The client may ask once
/// more with its idempotency key, and is told that the request was executed.
fn broken_off<R: From<Bytes>>() -> Response<R> {
    let mut response = Response::new(R::from(Bytes::new()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Tells the settlement, in a task of its own: a client that leaves does not end it, and an answer waits for it no longer
/// than the deadline.
pub(crate) async fn tell(
    settlement: Settlement,
    status: StatusCode,
    kind: Option<HeaderValue>,
    body: Option<Bytes>,
    deadline: Duration,
) {
    if settlement.wants_body().is_none() && !status.is_server_error() {
        // Nothing is kept and nothing given back: no store is asked.
        return settlement.settle(status, None, None).await;
    }
    let settling = async move {
        settlement.settle(status, kind.as_ref().map(HeaderValue::as_bytes), body.as_deref()).await;
    };
    // The second wait is for a store that is late, and ends with one that hangs.
    let settling = tokio::spawn(tokio::time::timeout(deadline.saturating_mul(2), settling));
    tokio::time::timeout(deadline, settling).await.ok();
}

/// The whole body, or what to answer instead; nothing is spent on one that is too long, is too slow or breaks off.
///
/// The time that it takes is not the ruling's: a ruling that is cut short may have spent what the visitor typed.
pub(crate) async fn read<B>(
    body: B,
    limit: usize,
    deadline: Duration,
    inquiry: &Inquiry,
) -> Result<Bytes, Reply>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match tokio::time::timeout(deadline, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(inquiry.too_large()),
        Ok(Err(_)) => Err(inquiry.unreadable()),
        Err(_) => Err(inquiry.too_slow()),
    }
}

/// Delivers in the background, so that the answer does not wait for the courier.
pub(crate) fn run(errand: Errand, deadline: Duration) {
    // The second wait is for a store that hangs as well when the errand wants to end what it has begun.
    tokio::spawn(tokio::time::timeout(
        deadline.saturating_mul(2),
        errand.run_within(tokio::time::sleep(deadline)),
    ));
}

pub(crate) fn answer<R: From<Bytes>>(reply: Reply) -> Response<R> {
    reply.map(R::from)
}
