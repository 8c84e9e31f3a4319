//! The endpoints behind the challenge: `send`, `check`, `status`, `cancel`, and the files of the page.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use crate::altcha::SOLVER_JS;
use crate::ceremony::{Answered, Ceremony, Errand};
use crate::decision::{Decision, Reply, Ruling};
use crate::endpoints::call::Call;
use crate::engine::Core;
use crate::gate::Gate;
use crate::inquiry::{Action, Asking, Inquiry, Kind, look};
use crate::offer::{self, Description, Offer};
use crate::page;
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::request::{Provenance, RequestView, content_type_is, is_preflight};
use crate::text::timestamp;

mod call;
mod carried;
#[cfg(feature = "danger-development")]
mod dial;
mod link;
mod report;
mod widget;

/// More than a ticket and a solved proof of work need together.
const BODY_LIMIT: usize = 24 * 1024;

/// The endpoints of an engine; made by [`Engine::endpoints`](crate::Engine::endpoints) and mounted by an adapter.
///
/// Only `POST` changes anything; tickets and answers travel in bodies and never in URLs.
#[derive(Clone)]
pub struct Endpoints {
    core: Arc<Core>,
}

impl Endpoints {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// How long an adapter waits for the body, and then once more for [`Endpoints::rule`].
    #[must_use]
    pub fn deadline(&self) -> std::time::Duration {
        self.core.deadline
    }

    /// Where the endpoints are, as [`EngineBuilder::mount`](crate::EngineBuilder::mount) said: what an adapter cuts off a
    /// path for [`Endpoints::decide_at`].
    #[must_use]
    pub fn mount(&self) -> &str {
        &self.core.mount
    }

    /// Answers what can be answered by looking, and asks for the body of the rest. Limits come before everything.
    ///
    /// The endpoints are told apart by the last segment of the path, whatever is before it.
    pub fn decide(&self, request: &impl RequestView) -> Decision {
        let name = request.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.decide_at(name, request)
    }

    /// Decides as [`Endpoints::decide`] does, for an adapter that knows what its path has after the mount path and a slash:
    /// `send` and not `send/`. Anything but an endpoint's exact name is answered with 404.
    pub fn decide_at(&self, name: &str, request: &impl RequestView) -> Decision {
        let core = &self.core;
        let look = look(request);
        if let Err(wait) = core.challenges.check(&core.source(request)) {
            metrics::counter!("verify_limited_calls_total", "by" => "process").increment(1);
            return Decision::Respond(reply::problem(look, Refusal::RateLimited(wait.retry_after())));
        }
        let reads = matches!(request.method(), "GET" | "HEAD");
        let action = match name {
            "send" => Action::Send,
            "check" => Action::Check,
            "status" => Action::Status,
            "cancel" => Action::Cancel,
            "verify" => Action::Verify,
            "not-me" if reads => return Decision::Respond(self.report_page(request, look)),
            "not-me" => Action::Report,
            "link" if reads => return Decision::Respond(self.link_page(request, look)),
            "link" => Action::Link,
            #[cfg(feature = "danger-development")]
            "dial" if core.inbox.is_some() => Action::Dial,
            "altcha" if reads => return Decision::Respond(self.widget_challenge(request, look)),
            "solver.js" if reads => {
                return Decision::Respond(reply::asset("text/javascript; charset=utf-8", SOLVER_JS, look));
            }
            "captcha.js" if reads => {
                return Decision::Respond(reply::asset(
                    "text/javascript; charset=utf-8",
                    page::CAPTCHA,
                    look,
                ));
            }
            "challenge.js" if reads => {
                return Decision::Respond(reply::asset("text/javascript; charset=utf-8", page::SCRIPT, look));
            }
            "altcha.js" if reads => {
                return Decision::Respond(reply::asset(
                    "text/javascript; charset=utf-8",
                    widget::SCRIPT,
                    look,
                ));
            }
            "code.svg" if reads => {
                return Decision::Respond(reply::asset("image/svg+xml", widget::IMAGE, look));
            }
            #[cfg(feature = "danger-development")]
            "inbox" if core.inbox.is_some() => return Decision::Respond(self.inbox(request, look)),
            "solver.js" | "captcha.js" | "challenge.js" | "altcha" | "altcha.js" | "code.svg" => {
                return self.refuse(look, Refusal::MethodNotAllowed("GET, HEAD"));
            }
            _ => return self.refuse(look, Refusal::NotFound),
        };
        if is_preflight(request) || request.method() != "POST" {
            return self.refuse(look, Refusal::MethodNotAllowed("POST"));
        }
        // A link is opened from wherever mail is read.
        if !matches!(action, Action::Report | Action::Link) && core.provenance(request) == Provenance::Foreign
        {
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
                let (kind, limit) = if form && carried::is_carried(request, action) {
                    (Kind::Carried(action), self.carried_limit())
                } else {
                    (Kind::Endpoint { action, form }, BODY_LIMIT)
                };
                Decision::Read(Inquiry { asking: Box::new(asking), kind, is_met: false }, limit)
            }
            Err(refusal) => self.refuse(look, refusal),
        }
    }

    /// Answers a call, with the body that [`Decision::Read`] asked for. It never allows: there is no handler behind.
    pub async fn rule(&self, inquiry: Inquiry, body: Bytes) -> Ruling {
        let Inquiry { mut asking, kind, .. } = inquiry;
        let (action, form) = match kind {
            Kind::Endpoint { action, form } => (action, form),
            Kind::Carried(action) => return self.carry_on(asking, action, &body).await,
            _ => return Ruling::Respond(asking.refuse(Refusal::NotFound)),
        };
        if action == Action::Verify {
            return Ruling::Respond(self.widget_verify(&mut asking, &body).await);
        }
        if action == Action::Link {
            return Ruling::Respond(self.link(&mut asking, &body).await);
        }
        if action == Action::Report {
            return Ruling::Respond(self.report(&asking, &body, form).await);
        }
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
            Action::Verify | Action::Report | Action::Link => Err(Refusal::NotFound),
            #[cfg(feature = "danger-development")]
            Action::Dial => self.dial(&asking, &call).await,
        };
        let reply = match outcome {
            Ok(reply) => reply,
            Err(refusal) if form => page::failed(&asking, call.id(), self.core.told(refusal)).await,
            Err(refusal) => asking.refuse(refusal),
        };
        Ruling::respond(reply, errand)
    }

    async fn send(&self, asking: &Asking, call: &Call) -> Result<(Reply, Option<Errand>), Refusal> {
        let core = &self.core;
        let ceremony = Ceremony::begin(core, &asking.subject, asking.source, call.id())?;
        if !ceremony.is_paid(&asking.proofs) {
            return Err(Refusal::Unpaid);
        }
        let json =
            |body: &Description<'_>| reply::json(StatusCode::OK, "application/json", body, asking.look);
        Ok(match ceremony.send(call.channel.as_deref()).await? {
            Some(mut sent) => {
                let offer = Offer::seal(core, sent.ticket.clone())?;
                let errand = sent.errand.take();
                if asking.look.page {
                    let Ceremony { policy, factor, .. } = &ceremony;
                    return Ok((page::code_sent(asking, policy, factor, &offer, &sent, None), errand));
                }
                (json(&offer.describe_sent(core, &ceremony.factor, &sent)), errand)
            }
            // Nothing travels for a captcha or a proof of work; the client has what it needs. A page looks anew.
            None if asking.look.page => {
                let back = &ceremony.ticket.return_to;
                return Ok((reply::see_other(back, asking.look), None));
            }
            None => {
                let offer = Offer::seal(core, ceremony.ticket.clone())?;
                (json(&offer.describe(core, &ceremony.factor, "missing", core.now())), None)
            }
        })
    }

    async fn check(&self, asking: &mut Asking, call: &Call) -> Result<Reply, Refusal> {
        let core = &self.core;
        let (proof, factor, return_to, recovery_codes_left) = {
            let ceremony = Ceremony::begin(core, &asking.subject, asking.source, call.id())?;
            let answer = call.answer_for(&ceremony.factor)?;
            match ceremony.answer_telling(answer).await {
                Err(Refusal::FellBack) => {
                    let target = ceremony.ticket.return_to.to_string();
                    // Of a transaction, only its request says what is to be approved.
                    let is_bound = ceremony.policy.binding().is_some();
                    let gate = (!is_bound).then(|| ceremony.policy.gate(core));
                    return fell_back(asking, gate, target);
                }
                answered => {
                    let Answered { proof, recovery_codes_left } = answered?;
                    ceremony.enter_grant(&proof).await?;
                    let factor = Arc::clone(&ceremony.factor);
                    (proof, factor, ceremony.ticket.return_to.clone(), recovery_codes_left)
                }
            }
        };
        asking.prove(proof, &factor);
        let cleared = offer::clear(asking);
        let reply = if asking.look.page {
            reply::see_other(&return_to, asking.look)
        } else {
            let until = proof.verified_at.saturating_add(crate::clock::millis_of(core.clearance_life));
            let mut body =
                json!({ "status": "verified", "clearance": cleared.token, "expires_at": timestamp(until) });
            if let (Some(left), Some(members)) = (recovery_codes_left, body.as_object_mut()) {
                members.insert("recovery_codes_left".to_owned(), left.into());
            }
            reply::json(StatusCode::OK, "application/json", &body, asking.look)
        };
        Ok(reply::with_headers(reply, cleared.headers))
    }

    async fn status(&self, asking: &Asking, call: &Call) -> Result<Reply, Refusal> {
        let ceremony = Ceremony::begin(&self.core, &asking.subject, asking.source, call.id())?;
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
        let ceremony = Ceremony::begin(&self.core, &asking.subject, asking.source, call.id())?;
        ceremony.cancel().await?;
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
                let mut shown = json!({
                    "channel": letter.channel.name(),
                    "to": letter.to,
                    "text": letter.text,
                    "code": letter.code,
                    "at": timestamp(letter.at),
                });
                if let (Some(members), Some(call)) = (shown.as_object_mut(), &letter.call) {
                    members.insert("call".to_owned(), call.token.as_str().into());
                }
                shown
            })
            .collect();
        reply::json(StatusCode::OK, "application/json", &json!(list), look)
    }
}

/// What takes the place of a captcha whose vendor is down. A page looks anew at the guarded address.
fn fell_back(asking: &mut Asking, gate: Option<Gate>, target: String) -> Result<Reply, Refusal> {
    if asking.look.page {
        return Ok(reply::see_other(&target, asking.look));
    }
    asking.target = target;
    Ok(gate.ok_or(Refusal::FellBack)?.offers(asking))
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("mount", &self.core.mount).finish_non_exhaustive()
    }
}
