//! The endpoints behind the challenge: `send`, `check`, `status`, `cancel`, and the files of the page.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::altcha::SOLVER_JS;
use crate::ceremony::{Ceremony, Errand};
use crate::decision::{Decision, Reply, Ruling};
use crate::engine::Core;
use crate::factor::Factor;
use crate::form::Form;
use crate::inquiry::{Action, Asking, Inquiry, Kind, look};
use crate::offer::{self, Offer};
use crate::page;
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::request::{Provenance, RequestView, content_type_is, is_preflight, provenance};
use crate::text::timestamp;

/// More than a ticket and a solved proof of work need together.
const BODY_LIMIT: usize = 24 * 1024;

/// The endpoints of an engine; made by [`Engine::endpoints`](crate::Engine::endpoints) and mounted by an adapter.
///
/// They are told apart by the last segment of the path, so an adapter may strip its prefix or leave it. Only `POST`
/// changes anything; tickets and answers travel in bodies and never in URLs.
#[derive(Clone)]
pub struct Endpoints {
    core: Arc<Core>,
}

/// The body of every endpoint; which members count depends on the endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    id: String,
    code: Option<String>,
    token: Option<String>,
    channel: Option<String>,
}

impl Endpoints {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// How long an adapter waits for [`Endpoints::rule`].
    #[must_use]
    pub fn deadline(&self) -> std::time::Duration {
        self.core.deadline
    }

    /// Answers what can be answered by looking, and asks for the body of the rest. Limits come before everything.
    pub fn decide(&self, request: &impl RequestView) -> Decision {
        let core = &self.core;
        let look = look(request);
        if let Err(wait) = core.challenges.check(&core.source(request)) {
            return Decision::Respond(reply::problem(look, Refusal::RateLimited(wait.retry_after())));
        }
        let name = request.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let reads = matches!(request.method(), "GET" | "HEAD");
        let action = match name {
            "send" => Action::Send,
            "check" => Action::Check,
            "status" => Action::Status,
            "cancel" => Action::Cancel,
            "solver.js" if reads => {
                return Decision::Respond(reply::asset("text/javascript; charset=utf-8", SOLVER_JS, look));
            }
            "challenge.js" if reads => {
                return Decision::Respond(reply::asset("text/javascript; charset=utf-8", page::SCRIPT, look));
            }
            #[cfg(feature = "danger-development")]
            "inbox" if core.inbox.is_some() => return Decision::Respond(self.inbox(request, look)),
            "solver.js" | "challenge.js" => return self.refuse(look, Refusal::MethodNotAllowed("GET, HEAD")),
            _ => return self.refuse(look, Refusal::NotFound),
        };
        if is_preflight(request) || request.method() != "POST" {
            return self.refuse(look, Refusal::MethodNotAllowed("POST"));
        }
        if provenance(request, &core.origin) == Provenance::Foreign {
            return self.refuse(look, Refusal::Foreign);
        }
        let form = content_type_is(request, "application/x-www-form-urlencoded");
        if request.headers("content-encoding").next().is_some()
            || !(form || content_type_is(request, "application/json"))
        {
            return self.refuse(look, Refusal::UnsupportedMediaType);
        }
        match Asking::new(core, request, core.now()) {
            Ok(mut asking) => {
                // A form is answered with a page, JSON with JSON, whatever else the client would take.
                asking.look.page = form;
                let inquiry = Inquiry {
                    asking: Box::new(asking),
                    kind: Kind::Endpoint { action, form },
                    is_met: false,
                };
                Decision::Read(inquiry, BODY_LIMIT)
            }
            Err(refusal) => self.refuse(look, refusal),
        }
    }

    /// Answers a call, with the body that [`Decision::Read`] asked for. It never allows: there is no handler behind.
    pub async fn rule(&self, inquiry: Inquiry, body: Bytes) -> Ruling {
        let Inquiry { mut asking, kind, .. } = inquiry;
        let Kind::Endpoint { action, form } = kind else {
            return Ruling::Respond(asking.refuse(Refusal::NotFound));
        };
        let call = match if form { Call::from_form(&body) } else { Call::from_json(&body) } {
            Ok(call) => call,
            Err(refusal) => return Ruling::Respond(asking.refuse(refusal)),
        };
        if let Err(refusal) = self.core.within_shared_limit(&asking.source).await {
            return Ruling::Respond(asking.refuse(refusal));
        }
        let mut errand = None;
        let outcome = match action {
            Action::Send => self.send(&asking, &call).await.map(|(reply, left)| {
                errand = left;
                reply
            }),
            Action::Check => self.check(&mut asking, &call).await,
            Action::Status => self.status(&asking, &call).await,
            Action::Cancel => self.cancel(&asking, &call).await,
        };
        let reply = match outcome {
            Ok(reply) => reply,
            Err(refusal) if form => page::failed(&asking, &call.id, self.core.told(refusal)).await,
            Err(refusal) => asking.refuse(refusal),
        };
        Ruling::respond(reply, errand)
    }

    async fn send(&self, asking: &Asking, call: &Call) -> Result<(Reply, Option<Errand>), Refusal> {
        let core = &self.core;
        let ceremony = Ceremony::begin(core, &asking.subject, asking.source, &call.id)?;
        let (body, errand) = match ceremony.send(call.channel.as_deref()).await? {
            Some(mut sent) => {
                let offer = Offer::seal(core, sent.ticket.clone())?;
                let errand = sent.errand.take();
                if asking.look.page {
                    let Ceremony { policy, factor, .. } = &ceremony;
                    return Ok((page::code_sent(asking, policy, factor, &offer, &sent, None), errand));
                }
                (offer.sent_json(core, &ceremony.factor, &sent), errand)
            }
            // Nothing travels for a proof of work; the client has what it needs.
            None => {
                let offer = Offer::seal(core, ceremony.ticket.clone())?;
                (offer.json(core, &ceremony.factor, "missing", core.now()), None)
            }
        };
        Ok((reply::json(StatusCode::OK, "application/json", &body, asking.look), errand))
    }

    async fn check(&self, asking: &mut Asking, call: &Call) -> Result<Reply, Refusal> {
        let core = &self.core;
        let (proof, return_to) = {
            let ceremony = Ceremony::begin(core, &asking.subject, asking.source, &call.id)?;
            let answer = match (&*ceremony.factor, &call.code, &call.token) {
                (Factor::Code(_), Some(code), None) => code,
                (Factor::Work(_), None, Some(token)) => token,
                (Factor::Code(_), ..) => {
                    return Err(Refusal::Invalid("this challenge takes `code`, as text, and no `token`"));
                }
                (Factor::Work(_), ..) => {
                    return Err(Refusal::Invalid("this challenge takes `token`, as text, and no `code`"));
                }
            };
            let proof = ceremony.answer(answer).await?;
            ceremony.enter_grant(&proof).await?;
            (proof, ceremony.ticket.return_to.clone())
        };
        asking.prove(proof);
        let cleared = offer::clear(asking);
        let reply = if asking.look.page {
            reply::see_other(&return_to, asking.look)
        } else {
            let until = proof.verified_at.saturating_add(crate::clock::millis_of(core.clearance_life));
            let body =
                json!({ "status": "verified", "clearance": cleared.token, "expires_at": timestamp(until) });
            reply::json(StatusCode::OK, "application/json", &body, asking.look)
        };
        Ok(reply::with_headers(reply, cleared.headers))
    }

    async fn status(&self, asking: &Asking, call: &Call) -> Result<Reply, Refusal> {
        let ceremony = Ceremony::begin(&self.core, &asking.subject, asking.source, &call.id)?;
        let standing = ceremony.stand().await?;
        let body = json!({
            "type": ceremony.factor.kind(),
            "factor": ceremony.factor.name(),
            "policy": &*ceremony.policy.name,
            "status": standing.status,
            "tries_left": standing.tries_left,
            "sends_left": standing.sends_left,
            "expires_at": timestamp(standing.expires_at),
            "resend_at": standing.resend_at.map(timestamp),
        });
        Ok(reply::json(StatusCode::OK, "application/json", &body, Look { page: false, ..asking.look }))
    }

    async fn cancel(&self, asking: &Asking, call: &Call) -> Result<Reply, Refusal> {
        let ceremony = Ceremony::begin(&self.core, &asking.subject, asking.source, &call.id)?;
        let _ended = ceremony.cancel().await?;
        if asking.look.page {
            return Ok(page::cancelled(asking));
        }
        Ok(reply::json(StatusCode::OK, "application/json", &json!({ "status": "cancelled" }), asking.look))
    }

    fn refuse(&self, look: Look, refusal: Refusal) -> Decision {
        Decision::Respond(reply::problem(look, refusal))
    }

    /// The development inbox: everything that would have left, newest first.
    #[cfg(feature = "danger-development")]
    fn inbox(&self, request: &impl RequestView, look: Look) -> Reply {
        if !matches!(request.method(), "GET" | "HEAD") {
            return reply::problem(look, Refusal::MethodNotAllowed("GET, HEAD"));
        }
        let letters = self.core.inbox.as_ref().map(crate::courier::Inbox::letters).unwrap_or_default();
        if look.page {
            return page::inbox(&self.core, &letters, look);
        }
        let list: Vec<_> = letters
            .iter()
            .map(|letter| {
                json!({
                    "channel": letter.channel.name(),
                    "to": letter.to,
                    "text": letter.text,
                    "code": letter.code,
                    "at": timestamp(letter.at),
                })
            })
            .collect();
        reply::json(StatusCode::OK, "application/json", &json!(list), look)
    }
}

impl Call {
    fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        const FORM: Refusal = Refusal::Invalid(
            "the body is a JSON object of texts: `id`, and where the endpoint takes them `code`, `token`, `channel`",
        );
        // A parser of structures takes a list of their members as well; the protocol does not.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(FORM);
        }
        // The parser's own words may quote the body, so they are not repeated.
        serde_json::from_slice(body).map_err(|_| FORM)
    }

    fn from_form(body: &Bytes) -> Result<Self, Refusal> {
        let form =
            Form::parse(body).ok_or(Refusal::Invalid("the form is not UTF-8, or has a field twice"))?;
        let id = form.id.ok_or(Refusal::Invalid("the form lacks `challenge-id`"))?;
        let (code, token) = match form.answer {
            // A proof of work is base64 of a JSON object; no code is as long as the shortest of them.
            Some(answer) if answer.len() > 64 => (None, Some(answer)),
            answer => (answer, None),
        };
        Ok(Self { id, code, token, channel: form.channel })
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("mount", &self.core.mount).finish_non_exhaustive()
    }
}
