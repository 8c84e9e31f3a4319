//! The developer's telephone: `POST dial` answers a call that lies in the development inbox.

use http::StatusCode;
use serde_json::json;

use crate::ceremony::hear;
use crate::decision::Reply;
use crate::endpoints::Endpoints;
use crate::endpoints::call::Call;
use crate::inquiry::Asking;
use crate::pin_service::{Heard, PinReport, PinResult};
use crate::refusal::Refusal;
use crate::reply;

impl Endpoints {
    /// `id` is the call's, `code` is what is dialled: nothing is to hang up, as if nobody were there.
    pub(super) async fn dial(&self, asking: &Asking, call: &Call) -> Result<Reply, Refusal> {
        let core = &self.core;
        let dialled = call.code.as_deref().or(call.answer.as_deref().map(String::as_str)).unwrap_or_default();
        let pin = core.inbox.as_ref().and_then(|inbox| inbox.pin_of(call.id())).ok_or(Refusal::NotFound)?;
        let result = match dialled {
            "" => PinResult::Unanswered,
            dialled if dialled == pin => PinResult::Right,
            _ => PinResult::Wrong,
        };
        let heard = hear(core, call.id(), &PinReport::of(result)).await?;
        if asking.look.page {
            return Ok(reply::see_other(&format!("{}/inbox", core.mount), asking.look));
        }
        let status = if heard == Heard::Entered { "entered" } else { "ignored" };
        Ok(reply::json(StatusCode::OK, "application/json", &json!({ "status": status }), asking.look))
    }
}
