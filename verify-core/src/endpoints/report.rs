//! `not-me`: the page behind a message's link, and the button on it. Looking changes nothing; only the button does.

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderValue, REFERRER_POLICY};
use serde_json::json;

use crate::ceremony::Report;
use crate::decision::Reply;
use crate::endpoints::Endpoints;
use crate::form::decode;
use crate::inquiry::Asking;
use crate::page;
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::request::RequestView;

/// The one field, in the query, in a form and in JSON.
const TOKEN: &str = "token";

impl Endpoints {
    /// The page with the button. It says the same to a link scanner as to a reader, since it does nothing (NIST SP 800-63B-4,
    /// 3.1.3; scanners follow every link of a mail).
    pub(super) fn report_page(&self, request: &impl RequestView, look: Look) -> Reply {
        let token = request.query().and_then(field).unwrap_or_default();
        let found = Report::open(&self.core, &token).and_then(|report| report.purpose(&self.core));
        let look = Look { page: true, ..look };
        unreferred(match found {
            Ok(purpose) => page::report(&self.core, &purpose, &token, look),
            Err(refusal) => page::unreportable(&self.core, refusal, look),
        })
    }

    /// What the button does.
    pub(super) async fn report(&self, asking: &Asking, body: &Bytes, form: bool) -> Reply {
        let core = &self.core;
        let done = async {
            core.within_shared_limit(&asking.source).await?;
            let text = std::str::from_utf8(body).map_err(|_| MALFORMED)?;
            let token = if form { field(text) } else { member(body) }.ok_or(MALFORMED)?;
            Report::open(core, &token)?.act(core, asking.source).await
        };
        unreferred(match done.await {
            Ok(voided) if form => page::reported(core, voided, asking.look),
            Ok(voided) => {
                let status = if voided { "voided" } else { "over" };
                reply::json(StatusCode::OK, "application/json", &json!({ "status": status }), asking.look)
            }
            Err(refusal) if form => page::unreportable(core, refusal, asking.look),
            Err(refusal) => asking.refuse(refusal),
        })
    }
}

const MALFORMED: Refusal =
    Refusal::Invalid("the body is `token`, from the link of a message, and nothing else");

/// The token among the pairs of a query or a form, if it is there once.
pub(super) fn field(pairs: &str) -> Option<String> {
    let mut found = None;
    for raw in pairs.split('&').filter(|raw| !raw.is_empty()) {
        let (name, value) = decode(raw)?;
        if name == TOKEN && found.replace(value).is_some() {
            return None;
        }
    }
    found
}

fn member(body: &[u8]) -> Option<String> {
    let serde_json::Value::Object(members) = serde_json::from_slice(body).ok()? else { return None };
    let only = members.len() == 1;
    members.get(TOKEN).filter(|_| only)?.as_str().map(str::to_owned)
}

/// The address has the token, so nobody is told where the reader comes from. Browsers then send `Origin: null` with the
/// form, which does no harm: whoever has the token needs nothing else, and no cookie counts.
pub(super) fn unreferred(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
