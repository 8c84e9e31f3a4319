//! What answers: which request goes where, and what becomes of a verification.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;
use verify_core::{Engine, Notes, Reply};

use crate::moment::{millis, whole};
use crate::worldpay::accounts::{Account, Accounts};
use crate::worldpay::fault::Fault;
use crate::worldpay::issuer::{Issuer, IssuerInquiry};
use crate::worldpay::links::{FIVE, Links, RELATIONS, SIX};
use crate::worldpay::media::{self, Version};
use crate::worldpay::order::{Order, Shape};
use crate::worldpay::{Settings, outcome, reply};

const HOUR: Duration = Duration::from_secs(3600);

/// The API behind its handle.
pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) notes: Notes,
    pub(super) accounts: Accounts,
    pub(super) issuer: Arc<dyn Issuer>,
    pub(super) links: Links,
    pub(super) settings: Settings,
}

/// An outcome, as it is kept: the very bytes that were answered, and nothing that was asked.
#[derive(Deserialize, Serialize)]
struct Record {
    account: String,
    viewable_at: u64,
    body: String,
}

/// What a request is for.
enum Resource<'p> {
    Root,
    Create(Version, Shape),
    Outcome(Version, &'p str),
    Relation(&'p str),
}

impl Inner {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Bytes>) -> Reply {
        let correlation = reply::correlation(request.headers());
        match self.try_answer(request, &correlation).await {
            Ok(reply) => reply,
            Err(fault) => fault.reply(&correlation),
        }
    }

    async fn try_answer(&self, request: Request<Bytes>, correlation: &HeaderValue) -> Result<Reply, Fault> {
        let (parts, body) = request.into_parts();
        let resource = resource(parts.uri.path());
        if let Some(Resource::Relation(name)) = resource {
            // What the words of the API mean is no secret.
            return self.describe(name, &parts.method, correlation);
        }
        let account = self.accounts.authenticate(&parts.headers).ok_or(Fault::access_denied())?;
        let resource = resource.ok_or(Fault::not_found())?;
        let (version, method, allowed) = match resource {
            Resource::Root | Resource::Relation(_) => (Version::Five, Method::GET, "GET"),
            Resource::Outcome(version, _) => (version, Method::GET, "GET"),
            Resource::Create(version, _) => (version, Method::POST, "POST"),
        };
        if parts.method != method {
            return Err(Fault::method_not_allowed(allowed));
        }
        media::accepts(&parts.headers, version, self.settings.strict_accept)?;
        let (status, body) = match resource {
            Resource::Create(version, shape) => {
                media::sends(&parts.headers, version)?;
                (StatusCode::CREATED, self.create(account, version, Order::read(&body, shape)?).await?)
            }
            // A client may send a Content-Type along with nothing.
            Resource::Outcome(version, link) => {
                (StatusCode::OK, self.retrieve(account, version, link).await?)
            }
            Resource::Root | Resource::Relation(_) => (StatusCode::OK, self.links.root().to_string()),
        };
        Ok(reply::of(status, version.media_type(), body.into(), correlation))
    }

    fn describe(&self, name: &str, method: &Method, correlation: &HeaderValue) -> Result<Reply, Fault> {
        if method != Method::GET {
            return Err(Fault::method_not_allowed("GET"));
        }
        let body = self.links.relation(name).ok_or(Fault::not_found())?;
        Ok(reply::of(StatusCode::OK, "application/json", body.into(), correlation))
    }

    /// Takes the reference, asks the issuer, and keeps the answer.
    async fn create(&self, account: &Account, version: Version, order: Order) -> Result<String, Fault> {
        if !account.has(&order.entity) {
            return Err(Fault::not_boarded());
        }
        let link = new_link().ok_or(Fault::internal(version))?;
        // One of many that come at once is first; the others, and all that come later, ask nobody.
        let reference = self.notes.name(&[b"reference", account.name.as_bytes(), order.reference.as_bytes()]);
        let life = HOUR * self.settings.reference_hours;
        let is_first = self.notes.insert(&reference, link.as_bytes(), life).await;
        if !is_first.map_err(Fault::store(version))? {
            return Err(Fault::duplicate());
        }
        let inquiry = IssuerInquiry {
            card: order.card.clone(),
            currency: order.currency.clone(),
            amount: order.amount,
            entity: order.entity.clone(),
            reference: order.reference.clone(),
            is_on_file: order.is_on_file,
            is_moto: order.is_moto,
            narrative: order.narrative.clone(),
            now: self.engine.now(),
        };
        let answer = self.issuer.verify(&inquiry).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(target: "verify", "{error}: {source}");
            Fault::internal(version)
        })?;
        let now = self.engine.now();
        let body = outcome::render(&order, &answer, version, &text(now), &self.links, &link);
        let record = Record {
            account: account.name.clone(),
            viewable_at: millis(now).saturating_add(whole(answer.viewable_after)),
            body: body.clone(),
        };
        let record = serde_json::to_vec(&record).map_err(|_| Fault::internal(version))?;
        let life = HOUR * self.settings.outcome_hours;
        let kept = self.notes.insert(&self.outcome(version, &link), &record, life).await;
        kept.map_err(Fault::store(version))?;
        Ok(body)
    }

    /// An outcome as it was. Another account's is not there, and neither is one of the other version.
    async fn retrieve(&self, account: &Account, version: Version, link: &str) -> Result<String, Fault> {
        let note = self.notes.get(&self.outcome(version, link)).await.map_err(Fault::store(version))?;
        let note = note.ok_or(Fault::not_found())?;
        let record: Record = serde_json::from_slice(&note).map_err(|_| Fault::internal(version))?;
        if record.account != account.name {
            return Err(Fault::not_found());
        }
        if millis(self.engine.now()) < record.viewable_at {
            return Err(Fault::not_ready());
        }
        Ok(record.body)
    }

    fn outcome(&self, version: Version, link: &str) -> verify_core::store::Key {
        self.notes.name(&[b"outcome", version.media_type().as_bytes(), link.as_bytes()])
    }
}

/// Which resource a path is of, wherever the API is mounted.
fn resource(path: &str) -> Option<Resource<'_>> {
    if let Some(name) = behind(path, RELATIONS) {
        return Some(Resource::Relation(name));
    }
    let create = |shape| Some(Resource::Create(Version::Five, shape));
    if let Some(rest) = behind(path, FIVE) {
        return match rest {
            "" => Some(Resource::Root),
            "intelligent/oneTime" => create(Shape::Intelligent { on_file: false }),
            "intelligent/cardOnFile" => create(Shape::Intelligent { on_file: true }),
            "dynamic/oneTime" => create(Shape::Dynamic { on_file: false }),
            "dynamic/cardOnFile" => create(Shape::Dynamic { on_file: true }),
            link => is_link(link).then_some(Resource::Outcome(Version::Five, link)),
        };
    }
    match behind(path, SIX)? {
        "" => Some(Resource::Create(Version::Six, Shape::Six)),
        link => is_link(link).then_some(Resource::Outcome(Version::Six, link)),
    }
}

/// The version that a path is of. What is of none is answered as the older one has it, which is what most speak.
pub(super) fn version(path: &str) -> Version {
    match resource(path) {
        Some(Resource::Create(version, _) | Resource::Outcome(version, _)) => version,
        Some(Resource::Root | Resource::Relation(_)) | None => Version::Five,
    }
}

/// What stands behind this in a path, without the slash.
fn behind<'p>(path: &'p str, resource: &str) -> Option<&'p str> {
    let ends = path.match_indices(resource).filter_map(|(at, found)| path.get(at + found.len()..));
    let mut rests = ends.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    rests.next().map(|rest| rest.trim_start_matches('/').trim_end_matches('/'))
}

/// A new link: 256 bits that nobody guesses.
fn new_link() -> Option<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_link(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// In milliseconds and UTC, as the original's examples have it.
fn text(at: SystemTime) -> String {
    let nanos = i128::from(millis(at)) * 1_000_000;
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    at.and_then(|at| at.format(format).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_moment_has_three_digits_of_its_second() {
        assert_eq!(text(UNIX_EPOCH + Duration::from_millis(1_535_798_256_923)), "2018-09-01T10:37:36.923Z");
        assert_eq!(text(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_resource_is_found_wherever_it_is_mounted() {
        let link = "ab".repeat(32);
        for (path, found) in [
            ("/verifications/accounts", true),
            ("/verifications/accounts/", true),
            ("/mounted/here/verifications/accounts/dynamic/oneTime", true),
            (&format!("/verifications/accounts/{link}"), true),
            (&format!("/cardVerifications/{link}"), true),
            ("/cardVerifications", true),
            ("/verifications/accountsX", false),
            ("/verifications/accounts/static/oneTime", false),
            ("/verifications/accounts/recurring", false),
            ("/verifications/accounts/../accounts", false),
            ("/", false),
        ] {
            assert_eq!(resource(path).is_some(), found, "{path}");
        }
    }
}
