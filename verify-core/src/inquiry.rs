//! What is kept of a request when its answer needs more than a look at its head.

use std::borrow::Cow;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::binding::{Bound, BoundRequest};
use crate::clearance::Proof;
use crate::cookies;
use crate::engine::Core;
use crate::factor::Factor;
use crate::gate::Gate;
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::request::{Provenance, RequestView, is_preflight, wants_page};
use crate::sealing::SealError;
use crate::settlement::Execution;
use crate::source::Source;
use crate::subject::Subject;
use crate::{Reply, page};

/// A request that is waiting for a store, for its body, or for both. Opaque: adapters carry it from
/// [`Gate::decide`](crate::Gate::decide) to [`Gate::rule`](crate::Gate::rule).
#[derive(Debug)]
pub struct Inquiry {
    pub(crate) asking: Box<Asking>,
    pub(crate) kind: Kind,
    /// All proofs are there; the policy wants to know first whether they were revoked elsewhere.
    pub(crate) is_met: bool,
}

/// What the inquiry is about.
pub(crate) enum Kind {
    /// Answers in header fields: pairs of ticket and answer.
    Inline(Vec<Answered>),
    /// A form that was blocked at this gate, and may carry an answer among its fields.
    Form(Gate),
    /// Nothing that could be answered: the head alone, of a request with a body or without.
    Head { posted: bool },
    /// A request that names a transaction, in its body or by its handler: what it presents besides.
    Order(Vec<Presented>),
    /// A call of an endpoint.
    Endpoint { action: Action, form: bool },
    /// A call of an endpoint by a form of our page that carries on what was blocked.
    Carried(Action),
}

/// A ticket and its answer.
pub(crate) type Answered = (String, Zeroizing<String>);

/// A ticket that a request presents, with an answer or without.
pub(crate) struct Presented {
    pub(crate) ticket: String,
    pub(crate) answer: Option<Zeroizing<String>>,
}

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Send,
    Check,
    Status,
    Cancel,
    /// What an ALTCHA widget sends to its `verifyUrl`.
    Verify,
    /// Whoever got a message says that it was none of theirs.
    Report,
    /// Whoever got a mail opens its link.
    Link,
    /// Dials at a call in the development inbox.
    #[cfg(feature = "danger-development")]
    Dial,
}

/// Who asks, from where, and how the answer should look.
pub(crate) struct Asking {
    pub(crate) core: Arc<Core>,
    pub(crate) subject: Subject<'static>,
    /// A visitor who was not known before, and needs the cookie.
    pub(crate) new_visitor: Option<String>,
    pub(crate) source: Source,
    /// The live proofs that came with the request.
    pub(crate) proofs: Vec<Proof>,
    /// One of them was earned with this very request.
    pub(crate) has_new_proof: bool,
    /// One of these lets the subject do more than before, so its session is to change.
    pub(crate) is_raised: bool,
    pub(crate) look: Look,
    pub(crate) provenance: Provenance,
    /// Path and query, fit to be returned to.
    pub(crate) target: String,
    /// What a transaction is read from, and the transaction once it has been read.
    pub(crate) request: Option<BoundRequest>,
    pub(crate) bound: Option<Bound>,
    /// The challenges that this very request has answered, and whose approvals are nowhere else yet.
    pub(crate) redeemed: Vec<[u8; 16]>,
    /// The limits of strangers were not asked, for the sake of an approval that may turn out to be good for nothing.
    pub(crate) is_waived: bool,
    /// The request's `Idempotency-Key`, as the names of its entries.
    pub(crate) execution: Option<Execution>,
}

/// What a first look at a request has found.
pub(crate) struct Seen<'v> {
    pub(crate) source: Source,
    pub(crate) subject: Option<Subject<'v>>,
    /// Whether it carries a proof that is alive. Where a look has found none, a clearance that is forged is not read again.
    pub(crate) has_proofs: bool,
}

/// Who is to be answered.
pub(crate) struct Asker<'v> {
    pub(crate) source: Source,
    pub(crate) subject: Subject<'v>,
    /// A visitor who was not known before, and needs the cookie.
    pub(crate) new_visitor: Option<String>,
    has_proofs: bool,
}

impl<'v> Seen<'v> {
    /// Who is to be answered. A visitor whom nobody knows gets an id here.
    pub(crate) fn asker(self, core: &Core) -> Result<Asker<'v>, SealError> {
        let Self { source, subject, has_proofs } = self;
        // A live clearance vouches for an id as well, and does so still when the key that the id was signed with is gone.
        let is_known = |subject: &Subject<'_>| {
            has_proofs || !subject.is_visitor() || cookies::is_our_visitor(&core.keys, subject.id())
        };
        let known = subject.filter(is_known);
        let (subject, new_visitor) = match known {
            Some(subject) => (subject, None),
            None => {
                let id = cookies::new_visitor(&core.keys).map_err(|_| SealError)?;
                (Subject::visitor(id.clone()), Some(id))
            }
        };
        Ok(Asker { source, subject, new_visitor, has_proofs })
    }
}

impl Asker<'_> {
    /// Hands every live proof of the request to `visit`.
    pub(crate) fn proofs(&self, core: &Core, view: &impl RequestView, now: u64, visit: impl FnMut(&Proof)) {
        if self.has_proofs {
            core.proofs(view, &self.subject, now, visit);
        }
    }
}

impl Asking {
    /// Collects what an answer needs.
    pub(crate) fn new(core: &Arc<Core>, view: &impl RequestView, now: u64) -> Result<Self, Refusal> {
        let mut seen = Seen { source: core.source(view), subject: core.subject_of(view), has_proofs: false };
        if let Some(subject) = &seen.subject {
            core.proofs(view, subject, now, |_| seen.has_proofs = true);
        }
        Ok(Self::of(core, view, now, seen.asker(core)?))
    }

    /// The same of a request that was looked at already.
    pub(crate) fn of(core: &Arc<Core>, view: &impl RequestView, now: u64, asker: Asker<'_>) -> Self {
        let mut proofs: Vec<Proof> = Vec::new();
        // Clients that keep the field beside the cookie present each proof twice, and a clearance has no room for that.
        asker.proofs(core, view, now, |proof| {
            match proofs.iter_mut().find(|known| known.is_the_same(proof)) {
                Some(known) if known.seen_at < proof.seen_at => *known = *proof,
                Some(_) => {}
                None => proofs.push(*proof),
            }
        });
        Self {
            core: Arc::clone(core),
            subject: asker.subject.into_owned(),
            new_visitor: asker.new_visitor,
            source: asker.source,
            proofs,
            has_new_proof: false,
            is_raised: false,
            look: look(view),
            provenance: core.provenance(view),
            target: target(view).into_owned(),
            request: None,
            bound: None,
            redeemed: Vec::new(),
            is_waived: false,
            execution: None,
        }
    }

    /// Adds a proof, in place of an older one of the same kind.
    pub(crate) fn prove(&mut self, proof: Proof, factor: &Factor) {
        // An approval is made for this session, and neither it nor a proof of work lets anybody do more.
        self.is_raised |= proof.binding.is_none() && factor.authenticates();
        self.proofs.retain(|known| known.factor != proof.factor || known.binding != proof.binding);
        self.redeemed.extend(proof.binding.map(|approval| approval.challenge));
        self.proofs.push(proof);
        self.has_new_proof = true;
    }

    /// Whether one of the proofs is an approval of this request's transaction.
    pub(crate) fn is_approved(&self) -> bool {
        let Some(bound) = &self.bound else { return false };
        self.proofs.iter().any(|proof| proof.binding.is_some_and(|approval| approval.is_for(bound)))
    }

    pub(crate) fn refuse(&self, refusal: Refusal) -> Reply {
        let refusal = self.core.told(refusal);
        if self.look.page { page::refusal(self, refusal) } else { reply::problem(self.look, refusal) }
    }
}

impl Inquiry {
    /// The answer for a body beyond the cap; nothing was spent. A form that is blocked is blocked however long it is.
    #[must_use]
    pub fn too_large(&self) -> Reply {
        match &self.kind {
            Kind::Form(gate) if !self.is_met => gate.blocked_without_body(&self.asking),
            _ => self.asking.refuse(Refusal::TooLarge),
        }
    }

    /// The answer for a body that broke off or could not be read; nothing was spent.
    #[must_use]
    pub fn unreadable(&self) -> Reply {
        self.asking.refuse(Refusal::Invalid("the body could not be read to its end; send it again"))
    }

    /// The answer for a body that took longer than [`Engine::deadline`](crate::Engine::deadline) to arrive; nothing was
    /// spent.
    #[must_use]
    pub fn too_slow(&self) -> Reply {
        self.asking.refuse(Refusal::TooSlow)
    }

    /// The answer for a ruling that took longer than [`Engine::deadline`](crate::Engine::deadline).
    #[must_use]
    pub fn timed_out(&self) -> Reply {
        self.asking.refuse(Refusal::Unavailable)
    }
}

/// A page or JSON; and whether the client has asked for the head alone.
pub(crate) fn look(view: &impl RequestView) -> Look {
    Look { page: wants_page(view) && !is_preflight(view), head: view.method() == "HEAD" }
}

/// Path and query of the request, if a browser can be sent back there without leaving the site: `//host`, `/\host` and
/// control characters are how one would (OWASP Unvalidated Redirects).
pub(crate) fn target(view: &impl RequestView) -> Cow<'_, str> {
    let path = view.path();
    let plain = |text: &str| text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    let stays = path.starts_with('/') && !path.starts_with("//") && plain(path);
    match view.query() {
        _ if !stays || path.len() > 2000 => Cow::Borrowed("/"),
        Some(query) if plain(query) && path.len() + query.len() <= 2000 => {
            Cow::Owned([path, "?", query].concat())
        }
        _ => Cow::Borrowed(path),
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inline(_) => "Inline([redacted])",
            Self::Form(_) => "Form",
            Self::Head { .. } => "Head",
            Self::Order(_) => "Order([redacted])",
            Self::Endpoint { .. } => "Endpoint",
            Self::Carried(_) => "Carried",
        })
    }
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking")
            .field("source", &self.source)
            .field("look", &self.look)
            .finish_non_exhaustive()
    }
}
