//! Challenges whose answer arrives from outside: a call asks for the PIN, and whoever placed it says what was dialled.
//!
//! A call is an entry under its token, and its report takes that entry away: of any number of reports in any order, the first
//! counts. A report never lets anybody in. It leaves a fact, which the visitor's own request redeems together with the open
//! challenge, as with a code; and it has counted as a try by then, whether the visitor comes back or not.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::{try_join, try_join3};
use zeroize::Zeroizing;

use crate::audit::EventKind;
use crate::ceremony::answer::{self, Count};
use crate::ceremony::{Brief, Ceremony, Redeemed, Sent, block, remote, send};
use crate::code::Code;
use crate::contact::Contact;
use crate::encoding::{Reader, Writer, to_base64url};
use crate::engine::{Core, Engine};
use crate::factor::{CodeFactor, Factor, ReversePinFactor};
use crate::facts;
use crate::notes::Notes;
use crate::pin_service::{CallToken, Heard, PinOrder, PinReport, PinResult};
use crate::random::random;
use crate::refusal::Refusal;
use crate::sealing::SealError;
use crate::source::Source;
use crate::store::{Key, StoreError, StoreErrorKind};
use crate::subject::Subject;
use crate::ticket::Ticket;

/// What stands for an answer where the answer itself comes from outside.
pub(crate) const DIALLED: &str = "dialled";

/// A call that ended without the right PIN, as its entry has it.
const WRONG: &[u8] = b"w";
const UNANSWERED: &[u8] = b"u";

/// Longer than any token.
const LONGEST_TOKEN: usize = 64;

/// Places a call as a code is sent, and says what has to be dialled.
pub(super) async fn send(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    channel: Option<&str>,
) -> Result<Sent, Refusal> {
    let sent = send::send(ceremony, factor, channel).await?;
    if sent.number.is_none() {
        // The same wish once more, unless that call is over: then it is a wish for another one, which has to wait.
        let calls = ceremony.messages(&sent.ticket, 0).await?;
        if matches!(progress(ceremony, &sent.ticket, calls).await?, Progress::Wrong | Progress::Unanswered) {
            return Err(Refusal::RateLimited(ceremony.until(sent.resend_at)));
        }
    }
    Ok(Sent { pin: ceremony.pin(&sent.ticket), ..sent })
}

/// A call on its way, and what its report will find.
#[derive(Debug)]
pub(super) struct Dial {
    order: PinOrder,
    waiting: Waiting,
    life: Duration,
}

impl Dial {
    pub(super) fn new(
        ceremony: &Ceremony<'_>,
        factor: &CodeFactor,
        ticket: &Ticket,
        to: Contact,
        number: u64,
    ) -> Result<Self, Refusal> {
        let core = ceremony.core;
        let key = ticket.key(&core.keys).ok_or(Refusal::SessionExpired)?;
        let token = random::<32>().map(|bytes| to_base64url(&bytes)).map_err(|_| SealError)?;
        let bare = Ticket { return_to: Arc::default(), bound: None, ..ticket.clone() };
        let waiting = Waiting {
            ticket: bare.seal(core.keys.newest())?,
            subject: ceremony.subject.clone().into_owned(),
            to: ceremony.facts.destination(Some(&to)),
            number,
        };
        let order = PinOrder {
            id: crate::encoding::to_hex(&facts::message(key, &ticket.id, number)),
            to,
            pin: send::code_of(ceremony.core, factor.digits, ticket, 0)?,
            token: CallToken(Zeroizing::new(token)),
            placed_at: core.clock.now(),
            expires_at: UNIX_EPOCH + Duration::from_millis(ticket.expires_at),
        };
        Ok(Self { order, waiting, life: ceremony.until(ticket.expires_at) })
    }

    /// Makes room for the report, which may come before the service has answered, and has the call placed.
    pub(super) async fn place(&self, core: &Arc<Core>) -> Result<(), Refusal> {
        let service = core.pin_service.as_ref().ok_or(Refusal::Misconfigured)?;
        let book = Book::of(core);
        let token = self.order.token.expose();
        book.notes.insert(&book.call(token), &self.waiting.write(), self.life).await?;
        let handle = service.call(&self.order).await.map_err(|error| remote::refusal(&error))?;
        if let Some(handle) = handle {
            book.notes.insert(&book.handle(token), handle.expose().as_bytes(), self.life).await?;
        }
        Ok(())
    }
}

/// Where calls are noted, sealed under keyed names.
struct Book {
    notes: Notes,
}

impl Book {
    fn of(core: &Arc<Core>) -> Self {
        Self { notes: Engine { core: Arc::clone(core) }.notes("reverse-pin") }
    }

    fn call(&self, token: &str) -> Key {
        self.notes.name(&[b"call", token.as_bytes()])
    }

    fn handle(&self, token: &str) -> Key {
        self.notes.name(&[b"handle", token.as_bytes()])
    }
}

/// A call that waits for its report.
#[derive(Debug)]
struct Waiting {
    ticket: String,
    subject: Subject<'static>,
    to: [u8; 16],
    number: u64,
}

impl Waiting {
    fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::with_capacity(64 + self.ticket.len());
        writer.field(self.ticket.as_bytes()).fixed(&self.to).u64(self.number);
        self.subject.write(&mut writer);
        Zeroizing::new(writer.finish())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let ticket = reader.text()?.to_owned();
        let (to, number) = (reader.array()?, reader.u64()?);
        let subject = Subject::read(&mut reader)?;
        reader.end()?;
        Some(Self { ticket, subject, to, number })
    }
}

/// Enters a report; see [`Engine::hear`].
pub(crate) async fn hear(core: &Arc<Core>, token: &str, report: &PinReport) -> Result<Heard, StoreError> {
    if token.len() > LONGEST_TOKEN {
        return Ok(Heard::Ignored);
    }
    let book = Book::of(core);
    let (name, handle_name) = (book.call(token), book.handle(token));
    let (noted, handle) = try_join(book.notes.get(&name), book.notes.get(&handle_name)).await?;
    let Some((noted, waiting)) = noted.and_then(|noted| Waiting::read(&noted).map(|read| (noted, read)))
    else {
        return Ok(Heard::Ignored);
    };
    let is_other =
        |known: &[u8]| report.handle.as_ref().is_some_and(|told| told.expose().as_bytes() != known);
    if handle.is_some_and(|known| is_other(&known)) {
        tracing::warn!(target: "verify", "a report of a call names another call than was placed, and is not believed");
        return Ok(Heard::Ignored);
    }
    let begun =
        Ceremony::begin_with(core, &waiting.subject, Source::UNKNOWN, Brief::NOTHING, &waiting.ticket);
    let Ok(ceremony) = begun else { return Ok(Heard::Ignored) };
    if report.to.as_ref().is_some_and(|to| ceremony.facts.destination(Some(to)) != waiting.to) {
        tracing::warn!(target: "verify", "a report of a call names another number than was called, and is not believed");
        return Ok(Heard::Ignored);
    }
    if book.notes.take(&name).await?.is_none() {
        return Ok(Heard::Ignored);
    }
    match enter(&ceremony, waiting.number, report.result).await {
        Ok(true) => Ok(Heard::Entered),
        Err(Refusal::Unavailable) => {
            // So that whoever reports can do so once more. If this fails too, the call is lost, and another one is asked for.
            book.notes.insert(&name, &noted, ceremony.until(ceremony.ticket.expires_at)).await?;
            Err(StoreErrorKind::Unavailable.into())
        }
        Ok(false) | Err(_) => Ok(Heard::Ignored),
    }
}

/// Counts, and leaves the fact; `false` for a challenge that is over.
async fn enter(ceremony: &Ceremony<'_>, number: u64, result: PinResult) -> Result<bool, Refusal> {
    let Ceremony { core, facts, ticket, .. } = ceremony;
    let Factor::ReversePin(ReversePinFactor { pin: factor }) = &*ceremony.factor else { return Ok(false) };
    let Some(open) = ceremony.look().await?.filter(|open| open.id == ticket.id) else { return Ok(false) };
    let opened = open.opened.ok_or(Refusal::SessionExpired)?;
    let key = open.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let life = ceremony.counted_until(&open);
    if result == PinResult::Unanswered {
        let name = facts::call_over(key, &open.id, number);
        return Ok(core.store.insert(&name, Bytes::from_static(UNANSWERED), life).await?);
    }
    let is_right = result == PinResult::Right;
    let tries_name = ceremony.tries(&open)?;
    let failures_name = facts.failures(opened.era);
    let window = ceremony.budgets().failures.window;
    let (tries, failed, blocked) = try_join3(
        core.store.add(&tries_name, 1, life),
        core.store.add(&failures_name, u32::from(!is_right), window),
        block::stands(ceremony),
    )
    .await?;
    if is_right {
        let count = Count { tries, failed: failed.saturating_add(1), blocked };
        answer::within(ceremony, factor, &open, count)?;
        return Ok(core.store.insert(&facts::dialled(key, &open.id), Bytes::new(), life).await?);
    }
    let count = Count { tries, failed, blocked };
    answer::within_as_failure(ceremony, factor, &open, opened, count).await?;
    let name = facts::call_over(key, &open.id, number);
    core.store.insert(&name, Bytes::from_static(WRONG), life).await?;
    answer::wrong(ceremony, factor, &open, opened, count).await?;
    Ok(true)
}

/// How far the answer of an open challenge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The newest call is not over, or nobody has said so.
    Pending,
    /// The PIN was dialled.
    Right,
    /// The newest call ended with another PIN.
    Wrong,
    /// The newest call reached nobody.
    Unanswered,
}

impl Progress {
    /// As `status` has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Right => "answered",
            Self::Wrong | Self::Unanswered => "failed",
        }
    }
}

/// Looks, given how many calls the challenge has placed.
pub(super) async fn progress(
    ceremony: &Ceremony<'_>,
    open: &Ticket,
    calls: u64,
) -> Result<Progress, Refusal> {
    let core = ceremony.core;
    let key = open.key(&core.keys).ok_or(Refusal::SessionExpired)?;
    let (dialled, over) = (facts::dialled(key, &open.id), facts::call_over(key, &open.id, calls));
    let (dialled, over) = try_join(core.store.get(&dialled), core.store.get(&over)).await?;
    Ok(match (dialled, over.as_deref()) {
        (Some(_), _) => Progress::Right,
        (None, Some(WRONG)) => Progress::Wrong,
        (None, Some(_)) => Progress::Unanswered,
        (None, None) => Progress::Pending,
    })
}

/// Redeems what was heard. Asking costs nothing, however often: what was dialled was counted when it was heard.
pub(super) async fn redeem(
    ceremony: &Ceremony<'_>,
    factor: &CodeFactor,
    answer: &str,
) -> Result<Redeemed, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    if !answer.is_empty() && answer != DIALLED {
        return Err(Refusal::Invalid(
            "the answer to this challenge is dialled; here it is the word `dialled`",
        ));
    }
    let found = ceremony.find().await?;
    let Some((open, opened)) = found.and_then(|open| open.opened.map(|opened| (open, opened))) else {
        ceremony.record_as(EventKind::Replayed, &ceremony.ticket);
        return Err(Refusal::AlreadyUsed);
    };
    let tries_name = ceremony.tries(&open)?;
    let (life, window) = (ceremony.counted_until(&open), ceremony.budgets().failures.window);
    let (tries, calls, (failed, blocked)) = try_join3(
        async { Ok(core.store.add(&tries_name, 0, life).await?) },
        ceremony.messages(&open, 0),
        async {
            let failures = facts.failures(opened.era);
            Ok(try_join(core.store.add(&failures, 0, window), block::stands(ceremony)).await?)
        },
    )
    .await?;
    match progress(ceremony, &open, calls).await? {
        // Dialled for something else: somebody has changed what it is about.
        Progress::Right if open.terms != ceremony.brief.terms => Err(Refusal::Wrong),
        Progress::Right => {
            let count = Count { tries, failed: failed.saturating_add(1), blocked };
            answer::within(ceremony, factor, &open, count)?;
            answer::redeem(ceremony, &open, opened, failed).await
        }
        // Without its fact no answer was right, and the tries say why there will be none.
        _ if blocked || tries >= u64::from(factor.tries) => Err(Refusal::Locked),
        _ if ceremony.look().await?.is_none_or(|same| same.id != open.id) => Err(Refusal::AlreadyUsed),
        Progress::Wrong => Err(Refusal::Wrong),
        Progress::Unanswered => Err(Refusal::Unanswered),
        Progress::Pending => Err(Refusal::Pending),
    }
}

impl Ceremony<'_> {
    /// The PIN to show, of a ticket that names its challenge.
    pub(crate) fn pin(&self, ticket: &Ticket) -> Option<Code> {
        let Factor::ReversePin(factor) = &*self.factor else { return None };
        ticket.opened.and_then(|_| send::code_of(self.core, factor.pin.digits, ticket, 0).ok())
    }
}
