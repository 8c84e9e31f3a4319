//! What answers: which request is a call, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode, header};
use verify_core::{Engine, Notes, Reply, StoreError};

use crate::phonesverification::accounts::Accounts;
use crate::phonesverification::call::Placed;
use crate::phonesverification::callback::Courier;
use crate::phonesverification::envelope::{Answer, Format, Response};
use crate::phonesverification::outbox::Outbox;
use crate::phonesverification::parameters::Parameters;
use crate::phonesverification::wish::Wish;
use crate::phonesverification::{Settings, Voice, VoiceCall, date};

/// The number of a call is never used again, as far as a store goes.
const FOR_GOOD: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The first number, so that they look as they do in the original's samples.
const FIRST: u64 = 458_520;

/// The API behind its handle.
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) notes: Notes,
    pub(crate) accounts: Accounts,
    pub(crate) settings: Settings,
    pub(crate) voice: Arc<dyn Voice>,
    pub(crate) courier: Courier,
}

impl Inner {
    /// Answers one request; the call is left to do after it.
    pub(crate) async fn answer(&self, request: Request<Bytes>) -> Reply {
        let (parts, body) = request.into_parts();
        let called = self.called(&parts);
        let format = self.format(&parts);
        let http_status = self.settings.http_status;
        if called.is_none() {
            let mut reply = Answer::unknown_command().reply(format, http_status);
            *reply.status_mut() = StatusCode::NOT_FOUND;
            return reply;
        }
        if parts.method != Method::POST {
            let mut reply = Answer::unknown_command().reply(format, http_status);
            *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return reply;
        }
        let read = Parameters::read(&parts, &body)
            .and_then(|given| Wish::read(&given, &self.accounts, &self.settings));
        let placed = match read {
            Ok(wish) => self.place(wish).await,
            Err(answer) => return answer.reply(format, http_status),
        };
        match placed {
            Ok((response, placed)) => {
                let mut reply = Answer::success(response).reply(format, http_status);
                placed.errand().leave_with(&mut reply);
                reply
            }
            Err(error) => {
                tracing::error!(target: "verify", kind = ?error.kind(), "no call was placed, since the store failed: {error}");
                Answer::failed().reply(format, http_status)
            }
        }
    }

    /// The base whose call was asked for, if any was.
    fn called(&self, head: &Parts) -> Option<Format> {
        head.uri.path().strip_suffix(self.settings.path.as_str()).and_then(Format::of_base)
    }

    /// What a request is answered in, whatever becomes of it: where its path names no base, in JSON, which most read.
    fn format(&self, head: &Parts) -> Format {
        self.called(head).or_else(|| Format::within(head.uri.path())).unwrap_or(Format::Json)
    }

    /// Refuses a request of which no more than its head was looked at.
    pub(crate) fn refuse(&self, head: &Parts, answer: &Answer) -> Reply {
        answer.reply(self.format(head), self.settings.http_status)
    }

    async fn place(&self, wish: Wish) -> Result<(Response, Placed), StoreError> {
        let number = self.notes.add(&self.notes.name(&[b"calls"]), 1, FOR_GOOD).await?;
        let (id, at) = (FIRST.saturating_add(number), self.engine.now());
        let response = Response::new(id, &wish.to, wish.price, date::created(at));
        let outbox = Arc::new(Outbox::default());
        let call = VoiceCall {
            id,
            to: wish.to,
            brand: wish.brand,
            pin_length: wish.pin.len(),
            outbox: Arc::clone(&outbox),
        };
        let placed = Placed {
            voice: Arc::clone(&self.voice),
            courier: self.courier.clone(),
            call,
            outbox,
            pin: wish.pin,
            price: wish.price,
            callback: wish.callback,
            datetime: date::spoken(at),
        };
        Ok((response, placed))
    }
}
