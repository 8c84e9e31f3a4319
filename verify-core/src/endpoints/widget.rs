//! For ALTCHA's own widget: where it fetches its challenge, and where it sends the code that was typed into it.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::altcha;
use crate::ceremony::{CODE, Ceremony, TICKET};
use crate::clock::millis_of;
use crate::decision::Reply;
use crate::endpoints::Endpoints;
use crate::factor::Factor;
use crate::form;
use crate::inquiry::Asking;
use crate::offer::{self, Offer};
use crate::policy::Leaf;
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::request::RequestView;
use crate::text::timestamp;

/// Sends the code that a widget is about to ask for, once its puzzle is solved.
pub(super) const SCRIPT: &str = include_str!("../../assets/altcha.js");

/// What a widget shows above the field for a code, where a captcha would have its picture.
pub(super) const IMAGE: &str = include_str!("../../assets/code.svg");

/// Tells the widget where a typed code goes; in the second format the challenge says so too.
const CONFIGURATION: HeaderName = HeaderName::from_static("x-altcha-config");

/// What a widget posts to its `verifyUrl`. It may say more (`fields`, `timeZone`), which nobody here needs.
#[derive(Deserialize)]
struct Typed {
    payload: String,
    code: Option<String>,
}

impl Endpoints {
    /// `GET altcha?policy=NAME`: a challenge for the policy's proof of work, which carries its own ticket. Nothing but
    /// the policy, and the factor where it has several, can be chosen.
    pub(super) fn widget_challenge(&self, request: &impl RequestView, look: Look) -> Reply {
        let look = Look { page: false, ..look };
        let asking = match Asking::new(&self.core, request, self.core.now()) {
            Ok(asking) => asking,
            Err(refusal) => return refused(look, refusal),
        };
        match self.widget_offer(&asking, request.query().unwrap_or_default()) {
            Ok((body, typed)) => {
                let mut reply = reply::json(StatusCode::OK, "application/json", &body, look);
                if typed && let Ok(value) = HeaderValue::from_str(&self.configuration().to_string()) {
                    reply.headers_mut().insert(CONFIGURATION, value);
                }
                reply::with_visitor(reply, &asking)
            }
            Err(refusal) => refused(look, refusal),
        }
    }

    /// The challenge, and whether a code has to be typed in with it.
    fn widget_offer(&self, asking: &Asking, query: &str) -> Result<(Value, bool), Refusal> {
        let core = &self.core;
        let pairs: Vec<_> = query.split('&').filter_map(form::decode).collect();
        let named = |name: &str| {
            let mut all = pairs.iter().filter(|(key, _)| key == name);
            all.next().filter(|_| all.next().is_none()).map(|(_, value)| value.as_str())
        };
        let policy = named("policy").and_then(|name| core.registry.policy(name));
        let policy = policy.ok_or(Refusal::Invalid("`policy` names a policy that a route is guarded by"))?;
        let factor = named("factor");
        let wanted = |(work, _): &&(Leaf, Option<Leaf>)| factor.is_none_or(|name| work.factor.name() == name);
        let (work, code) = policy
            .works
            .iter()
            .find(wanted)
            .ok_or(Refusal::Invalid("the policy asks for no such proof of work"))?;
        let now = core.now();
        // Nothing was blocked, so there is nowhere to return to but the front page.
        let mint = |leaf: &Leaf| {
            let ticket = Offer::ticket(core, &asking.subject, policy.tag, leaf, "/", now)?;
            Offer::seal(core, ticket)
        };
        let offer = mint(work)?;
        if let Some(puzzle) = &offer.ticket.puzzle {
            puzzle.record(&policy.name, work.factor.name());
        }
        let mut data = vec![(TICKET, offer.sealed.as_str())];
        let code = code.as_ref().map(|leaf| mint(leaf).map(|offer| (leaf, offer))).transpose()?;
        if let Some((_, code)) = &code {
            data.push((CODE, code.sealed.as_str()));
        }
        let mut body = offer.altcha(core, &data);
        if let (Some((leaf, code)), Value::Object(members)) = (&code, &mut body)
            && let Factor::Code(factor) = &*leaf.factor
        {
            let link = |action: &str| format!("{}/{action}", core.mount);
            let names: Vec<&str> = factor.channels.iter().map(|channel| channel.name()).collect();
            let challenge = json!({
                "image": link("code.svg"),
                "length": factor.digits,
                "id": code.sealed,
                "channels": names,
                "send": link("send"),
            });
            members.insert("codeChallenge".to_owned(), challenge);
            members.insert("configuration".to_owned(), self.configuration());
        }
        Ok((body, code.is_some()))
    }

    fn configuration(&self) -> Value {
        json!({ "verifyUrl": format!("{}/verify", self.core.mount) })
    }

    /// `POST verify`: a solved puzzle, with the code that was typed in after it. A refusal that the visitor can do
    /// something about is an answer like any other, since the widget shows no other.
    pub(super) async fn widget_verify(&self, asking: &mut Asking, body: &Bytes) -> Reply {
        asking.look.page = false;
        match self.widget_proofs(asking, body).await.map_err(|refusal| self.core.told(refusal)) {
            Ok(verified_at) => {
                let cleared = offer::clear(asking);
                let until = verified_at.saturating_add(millis_of(self.core.clearance_life));
                let body =
                    json!({ "verified": true, "payload": cleared.token, "expires_at": timestamp(until) });
                let reply = reply::json(StatusCode::OK, "application/json", &body, asking.look);
                reply::with_headers(reply, cleared.headers)
            }
            Err(
                refusal @ (Refusal::Wrong | Refusal::Locked | Refusal::AlreadyUsed | Refusal::SessionExpired),
            ) => {
                let words = refusal.words();
                let body = json!({ "verified": false, "reason": words.title, "code": words.code });
                reply::json(StatusCode::OK, "application/json", &body, asking.look)
            }
            Err(refusal) => refused(asking.look, refusal),
        }
    }

    /// Checks the puzzle first, which costs nothing, then the code, which costs a try, and redeems the puzzle last: a
    /// wrong code burns no work, and no code is tried without it.
    async fn widget_proofs(&self, asking: &mut Asking, body: &Bytes) -> Result<u64, Refusal> {
        const FORM: Refusal = Refusal::Invalid(
            "the body is a JSON object with the texts `payload` and, where one was asked for, `code`",
        );
        let core = &self.core;
        core.within_shared_limit(&asking.source).await?;
        // A parser of structures takes a list of their members as well; the protocol does not.
        let object = body.trim_ascii_start().starts_with(b"{");
        let typed: Typed = serde_json::from_slice(body).ok().filter(|_| object).ok_or(FORM)?;
        let ticket = altcha::claimed(&typed.payload, TICKET).ok_or(FORM)?;
        let code_ticket = altcha::claimed(&typed.payload, CODE);
        let mut proofs = Vec::with_capacity(2);
        {
            let work = Ceremony::begin(core, &asking.subject, asking.source, &ticket)?;
            work.examine(&typed.payload)?;
            if work.is_redeemed().await? {
                return Err(Refusal::AlreadyUsed);
            }
            if let Some(sealed) = &code_ticket {
                let code = typed.code.as_deref().ok_or(FORM)?;
                let ceremony = Ceremony::begin(core, &asking.subject, asking.source, sealed)?;
                if ceremony.ticket.policy != work.ticket.policy
                    || !matches!(&*ceremony.factor, Factor::Code(_))
                {
                    return Err(Refusal::SessionExpired);
                }
                proofs.push((ceremony.answer(code).await?, Arc::clone(&ceremony.factor)));
            }
            proofs.push((work.redeem().await?, Arc::clone(&work.factor)));
        }
        let verified_at =
            proofs.iter().map(|(proof, _)| proof.verified_at).min().unwrap_or_else(|| core.now());
        for (proof, factor) in proofs {
            asking.prove(proof, &factor);
        }
        Ok(verified_at)
    }
}

/// A refusal that the widget can show: JSON of the plain type, with an `error`.
fn refused(look: Look, refusal: Refusal) -> Reply {
    let words = refusal.words();
    let error = if let Refusal::Invalid(detail) = refusal { detail } else { words.title };
    let body = json!({ "error": error, "code": words.code });
    reply::with_refusal_headers(reply::json(words.status, "application/json", &body, look), refusal)
}
