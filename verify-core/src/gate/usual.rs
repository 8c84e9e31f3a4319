//! The usual blocked answer: to a program that has proven nothing that still counts. It is the same each time but for the
//! tickets, the moment and its own name, so it is written once for each policy and filled in after that.

use http::{HeaderMap, Response, StatusCode};

use crate::decision::Reply;
use crate::gate::blocked::{Why, reason};
use crate::gate::{Gate, Inner, Met};
use crate::inquiry::{Asker, look, target};
use crate::offer::Offer;
use crate::problem::RequestId;
use crate::reply::{self, Look};
use crate::request::RequestView;
use crate::sealing::SealError;
use crate::stencil::Stencil;
use crate::subject::Subject;
use crate::text::Timestamp;

/// How a program that reads answers wants them.
const LOOK: Look = Look { page: false, head: false };

/// The usual answer of one policy.
#[derive(Debug)]
pub(crate) struct Usual {
    status: StatusCode,
    fields: HeaderMap,
    document: Stencil<Hole>,
}

/// What differs from answer to answer.
#[derive(Clone, Copy, Debug)]
enum Hole {
    RequestId,
    Now,
    /// Of the challenge for that leaf.
    Of(usize, Member),
}

#[derive(Clone, Copy, Debug)]
enum Member {
    Id,
    ExpiresAt,
    Reason,
}

/// What differs of one challenge.
struct Fresh {
    id: String,
    expires_at: [u8; 20],
    reason: &'static str,
}

impl Fresh {
    const fn member(&self, member: Member) -> &[u8] {
        match member {
            Member::Id => self.id.as_bytes(),
            Member::ExpiresAt => &self.expires_at,
            Member::Reason => self.reason.as_bytes(),
        }
    }
}

impl Usual {
    /// The usual answer of this gate, if its challenges are described alike each time: written as any other, with what nothing
    /// else in it can be where a value goes. Names are of lower-case letters, digits and dashes, and no path has a colon.
    pub(super) fn of(gate: &Gate) -> Option<Self> {
        let Inner { core, plan, policy } = &*gate.inner;
        if !plan.leaves.iter().all(|leaf| leaf.is_described_alike()) {
            return None;
        }
        let (request_id, now) = (*b"<the request id>", 0);
        let mut markers =
            vec![(text(&request_id), Hole::RequestId), (text(&Timestamp(now).text()), Hole::Now)];
        let (mut offers, mut reasons) = (Vec::new(), Vec::new());
        for (index, leaf) in plan.leaves.iter().enumerate() {
            let mut ticket = Offer::ticket(core, &Subject::user(""), policy.tag, leaf, "/", now).ok()?;
            ticket.expires_at = u64::try_from(index + 1).ok()? * 1000;
            let (id, reason) = (format!("<id {index}>"), format!("<reason {index}>"));
            let expires_at = text(&Timestamp(ticket.expires_at).text());
            let values =
                [(id.clone(), Member::Id), (expires_at, Member::ExpiresAt), (reason.clone(), Member::Reason)];
            markers.extend(values.map(|(marker, member)| (marker, Hole::Of(index, member))));
            offers.push(Some(Offer { ticket, sealed: id }));
            reasons.push(reason);
        }
        let unmet = gate.unmet(&offers, 0);
        let reason = |index: usize, _: &_| reasons.get(index).map_or("", String::as_str);
        let reply = gate.problem(Why::Required, unmet, reason, now, RequestId(request_id), LOOK);
        let (head, body) = gate.marked(reply, Why::Required).into_parts();
        let document = Stencil::cut(std::str::from_utf8(&body).ok()?, &markers);
        Some(Self { status: head.status, fields: head.headers, document })
    }

    /// The answer, with fresh tickets.
    fn answer(
        &self,
        gate: &Gate,
        subject: &Subject<'_>,
        target: &str,
        met: Met,
        now: u64,
    ) -> Result<Reply, SealError> {
        let Inner { core, plan, policy } = &*gate.inner;
        let mut challenges = Vec::with_capacity(plan.leaves.len());
        for (index, leaf) in plan.leaves.iter().enumerate() {
            let offer = Offer::mint(core, subject, None, policy.tag, leaf, target, now)?;
            let expires_at = Timestamp(offer.ticket.expires_at).text();
            let reason = reason(Why::Required, met, index, leaf);
            challenges.push(Fresh { id: offer.sealed, expires_at, reason });
        }
        let (RequestId(request_id), now) = (RequestId::draw(), Timestamp(now).text());
        let document = self.document.fill(|hole| match hole {
            Hole::RequestId => &request_id,
            Hole::Now => &now,
            Hole::Of(index, member) => challenges.get(index).map_or(&[], |fresh| fresh.member(member)),
        });
        // With room for what a server adds, which a copy would not have.
        let mut fields = HeaderMap::with_capacity(self.fields.len() + 1);
        for (name, value) in &self.fields {
            fields.append(name, value.clone());
        }
        let mut reply = Response::new(document.into());
        *reply.status_mut() = self.status;
        *reply.headers_mut() = fields;
        Ok(reply)
    }
}

impl Gate {
    /// The usual answer, where that is the answer: to a program that is to be offered everything. Most that is blocked ends here,
    /// so nothing is looked at that it does not need.
    pub(super) fn usual(&self, request: &impl RequestView, now: u64, asker: &Asker<'_>) -> Option<Reply> {
        let Inner { core, plan, policy } = &*self.inner;
        let usual = policy.usual.get_or_init(|| Usual::of(self)).as_ref()?;
        if look(request) != LOOK {
            return None;
        }
        let mut met = Met::default();
        asker.proofs(core, request, now, |proof| met.count(plan, proof, now, None));
        let wanted = plan.offered(now) & !met.fresh;
        if plan.leaves_of(!wanted).next().is_some() {
            return None;
        }
        let mut reply = match usual.answer(self, &asker.subject, &target(request), met, now) {
            Ok(reply) => reply,
            Err(error) => return Some(reply::problem(LOOK, error.into())),
        };
        policy.count_blocked();
        if let Some(id) = &asker.new_visitor {
            reply::add_visitor(&mut reply, core, id);
        }
        Some(reply)
    }
}

fn text(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).into_owned()
}

#[cfg(test)]
mod tests;
