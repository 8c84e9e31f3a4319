//! Reading a request's body within a cap and a deadline.

use std::time::Duration;

use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use verify_core::{Inquiry, Reply};

/// Why there is no whole body.
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    BrokeOff,
}

/// The whole body, unless it is too long, is too slow or breaks off.
pub(crate) async fn read_within(
    payload: &mut Payload,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, Unread> {
    tokio::time::timeout(deadline, collect(payload, limit)).await.unwrap_or(Err(Unread::TooSlow))
}

async fn collect(payload: &mut Payload, limit: usize) -> Result<Bytes, Unread> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unread::BrokeOff)?;
        if body.len() + chunk.len() > limit {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The whole body, or what to answer instead; nothing is spent on one that is too long, is too slow or breaks off.
///
/// The time that it takes is not the ruling's: a ruling that is cut short may have spent what the visitor typed.
pub(crate) async fn read(
    payload: &mut Payload,
    limit: usize,
    deadline: Duration,
    inquiry: &Inquiry,
) -> Result<Bytes, Reply> {
    read_within(payload, limit, deadline).await.map_err(|unread| match unread {
        Unread::TooSlow => inquiry.too_slow(),
        Unread::TooLarge => inquiry.too_large(),
        Unread::BrokeOff => inquiry.unreadable(),
    })
}

/// A body that has been read already, for whoever comes next.
pub(crate) fn replay(bytes: Bytes) -> Payload {
    Payload::from(bytes)
}
