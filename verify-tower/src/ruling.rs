//! A request that a look could not settle: read what has to be read, ask the gate, and pass on or answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
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
                settlement.settle(StatusCode::INTERNAL_SERVER_ERROR, None, None).await;
            }
            return Err(error);
        }
    };
    let mut response = match passage.settlement {
        None => response,
        Some(settlement) => settle(settlement, response).await,
    };
    if !passage.headers.is_empty() {
        // Whatever the handler says: what carries a new clearance is for nobody else.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for (name, value) in passage.headers {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// Tells how the handler has answered, with the answer's body where it is to be kept and is of a known, small size.
pub(crate) async fn settle<R: Body<Data = Bytes> + From<Bytes>>(
    settlement: Settlement,
    response: Response<R>,
) -> Response<R> {
    let (parts, body) = response.into_parts();
    let exact = body.size_hint().exact();
    let small = settlement.wants_body().zip(exact).is_some_and(|(most, length)| length <= most as u64);
    let (kept, body) = if small {
        match body.collect().await {
            Ok(collected) => {
                let bytes = collected.to_bytes();
                (Some(bytes.clone()), R::from(bytes))
            }
            // An answer that broke off is nothing to keep, and the client sees that it is cut.
            Err(_) => (None, R::from(Bytes::new())),
        }
    } else {
        (None, body)
    };
    let kind = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    settlement.settle(parts.status, kind, kept.as_deref()).await;
    Response::from_parts(parts, body)
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
    tokio::spawn(tokio::time::timeout(deadline * 2, errand.run_within(tokio::time::sleep(deadline))));
}

pub(crate) fn answer<R: From<Bytes>>(reply: Reply) -> Response<R> {
    reply.map(R::from)
}
