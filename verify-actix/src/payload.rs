//! Reading a request's body within a cap.

use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use verify_core::{Inquiry, Reply};

/// The whole body, or what to answer instead; nothing is spent on one that is too long or breaks off.
pub(crate) async fn read(payload: &mut Payload, limit: usize, inquiry: &Inquiry) -> Result<Bytes, Reply> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| inquiry.unreadable())?;
        if body.len() + chunk.len() > limit {
            return Err(inquiry.too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A body that has been read already, for whoever comes next.
pub(crate) fn replay(bytes: Bytes) -> Payload {
    Payload::from(bytes)
}
