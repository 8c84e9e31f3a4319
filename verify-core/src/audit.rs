//! What happened, for the log, the metrics and the application; never with a secret in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use metrics::{Label, Level, Metadata};

use crate::contact::Channel;
use crate::encoding::to_hex;
use crate::exemption::Exempt;

/// Something that happened to a challenge.
///
/// Each event goes to `tracing` (target `verify::audit`), to the `metrics` counter `verify_events_total`, and to the
/// application's own listener, if it gave one to [`EngineBuilder::on_event`](crate::EngineBuilder::on_event). Subject and
/// challenge appear as keyed pseudonyms: stable, so that a log can be followed, and worthless to whoever reads it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When, by the engine's clock.
    pub at: SystemTime,
    /// The policy that asked.
    pub policy: Arc<str>,
    /// The factor, by the name that the application gave it.
    pub factor: String,
    /// A pseudonym of the challenge: 16 hexadecimal digits.
    pub challenge: String,
    /// A pseudonym of the user: 16 hexadecimal digits.
    pub subject: String,
    /// The channel of a code, once it is known.
    pub channel: Option<Channel>,
    /// The country calling code of the number that was written to, and zero for mail: for conversion by country.
    pub calling_code: u16,
    /// Of [`EventKind::Exempted`], the reason.
    pub exempt: Option<Exempt>,
    /// Of [`EventKind::Failed`] at a captcha, what was wrong: a word of [`CaptchaErrorKind`](crate::CaptchaErrorKind::name);
    /// at a card, `not_verified`, `not_matched` or `refused`.
    /// Of [`EventKind::Replayed`] for a challenge of before its user was [revoked](crate::Engine::revoke), `revoked`.
    /// Of [`EventKind::SendRefused`] for an address that nothing goes to, why: `country`, `premium_number` or
    /// `unreachable_number`.
    pub reason: Option<&'static str>,
}

/// The kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A challenge was opened: its first message is about to leave.
    Created,
    /// A message was committed to and handed to the courier.
    Sent,
    /// The courier's service has taken the message.
    Delivered,
    /// The courier did not deliver.
    DeliveryFailed,
    /// A send was refused by a budget, or because nothing goes to that address.
    SendRefused,
    /// An answer was counted and compared, and was wrong.
    Failed,
    /// The answer that used up a budget: the challenge is over.
    Locked,
    /// The factor was satisfied.
    Verified,
    /// A right answer came too late: the challenge was used, cancelled or gone.
    Replayed,
    /// The visitor cancelled.
    Cancelled,
    /// A request came with an approval, or for an open challenge, of another transaction: somebody changed the data after
    /// it was shown. Both are dead.
    BindingMismatch,
    /// An approval was used: its transaction is being executed.
    GrantUsed,
    /// A transaction needed no approval; see [`Event::exempt`].
    Exempted,
    /// A user has used up the budget of consecutive failures and is blocked for a while.
    Blocked,
    /// The next block will not end by itself: tell the user before it comes to that (RTS 2018/389, 4(4)).
    AboutToBlockPermanently,
    /// A user is blocked until [`Engine::unblock`](crate::Engine::unblock).
    BlockedPermanently,
    /// A block was ended by the application.
    Unblocked,
    /// An approval was given back, because the handler failed and the policy says so.
    GrantRestored,
    /// Whoever got the message said that it was none of theirs: the challenge is void. [`Event::reason`] is `voided`, or `over`
    /// if it had been answered or called off before, in which case look at what was done with it.
    Reported,
    /// A message is at its recipient's, as its service says.
    Arrived,
    /// A message that its service had taken will never be.
    Lost,
    /// A captcha's vendor is down, and what takes its place is asked for: see [`Outage::Fallback`](crate::Outage::Fallback).
    FellBack,
    /// A captcha's vendor is down, and a visitor passes all the same: see [`Outage::Open`](crate::Outage::Open).
    PassedUnchecked,
    /// So few of the codes to a range of numbers, or to a country, are answered that nothing more is sent there for a while;
    /// see [`Budgets::watch_prefixes`](crate::Budgets::watch_prefixes). Told once in each window.
    ConversionLow,
    /// A recovery code took the place of an authenticator app's: tell its owner.
    RecoveryCodeUsed,
    /// Three recovery codes are left, or fewer: ask their owner to make new ones.
    RecoveryCodesLow,
    /// A card's issuer may have been asked, and nobody heard the answer; nobody passes, and nobody asks again unasked.
    Indeterminate,
}

/// A name of a challenge, or of its user, that is worthless to whoever reads it; printed as 16 hexadecimal digits.
pub(crate) type Pseudonym = [u8; 8];

impl Event {
    /// Of a user and of no challenge, with nothing told besides.
    pub(crate) fn new(
        kind: EventKind,
        at: SystemTime,
        policy: &Arc<str>,
        factor: &str,
        subject: Pseudonym,
    ) -> Self {
        Self {
            kind,
            at,
            policy: Arc::clone(policy),
            factor: factor.to_owned(),
            challenge: String::new(),
            subject: to_hex(&subject),
            channel: None,
            calling_code: 0,
            exempt: None,
            reason: None,
        }
    }

    /// The same of this challenge.
    pub(crate) fn of(mut self, challenge: Pseudonym) -> Self {
        self.challenge = to_hex(&challenge);
        self
    }
}

impl EventKind {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::DeliveryFailed => "delivery_failed",
            Self::SendRefused => "send_refused",
            Self::Failed => "failed",
            Self::Locked => "locked",
            Self::Verified => "verified",
            Self::Replayed => "replayed",
            Self::Cancelled => "cancelled",
            Self::BindingMismatch => "binding_mismatch",
            Self::GrantUsed => "grant_used",
            Self::Exempted => "exempted",
            Self::Blocked => "blocked",
            Self::AboutToBlockPermanently => "about_to_block_permanently",
            Self::BlockedPermanently => "blocked_permanently",
            Self::Unblocked => "unblocked",
            Self::GrantRestored => "grant_restored",
            Self::Reported => "reported",
            Self::Arrived => "arrived",
            Self::Lost => "lost",
            Self::FellBack => "fell_back",
            Self::PassedUnchecked => "passed_unchecked",
            Self::ConversionLow => "conversion_low",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesLow => "recovery_codes_low",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// The application's listener.
pub(crate) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

pub(crate) fn record(listener: Option<&Listener>, event: &Event) {
    let channel = event.channel.map_or("none", Channel::name);
    tracing::info!(
        target: "verify::audit",
        event = event.kind.name(),
        policy = %event.policy,
        factor = %event.factor,
        challenge = %event.challenge,
        subject = %event.subject,
        channel,
        calling_code = event.calling_code,
        article = event.exempt.map(|exempt| exempt.article.name()),
        reason = event.reason,
    );
    increment(&key(event.kind, &event.policy, event.channel, event.calling_code));
    if let Some(listener) = listener {
        listener(event);
    }
}

/// Whether anybody reads events. Where nobody does, they are [counted](Counters) and not made: they cost more than what they
/// tell of.
pub(crate) fn is_heard(listener: Option<&Listener>) -> bool {
    listener.is_some() || tracing::enabled!(target: "verify::audit", tracing::Level::INFO)
}

/// The counters of one policy's events. Each name with its labels is made once: that costs several times what counting does,
/// and maybe nobody reads it.
#[derive(Debug)]
pub(crate) struct Counters {
    policy: Arc<str>,
    /// By kind, channel and calling code.
    keys: RwLock<BTreeMap<u32, metrics::Key>>,
}

impl Counters {
    pub(crate) fn of(policy: &Arc<str>) -> Self {
        Self { policy: Arc::clone(policy), keys: RwLock::default() }
    }

    pub(crate) fn count(&self, kind: EventKind, channel: Option<Channel>, calling_code: u16) {
        let [high, low] = calling_code.to_be_bytes();
        let which = u32::from_be_bytes([kind as u8, channel.map_or(0, Channel::byte), high, low]);
        if let Some(key) = self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&which) {
            return increment(key);
        }
        let key = key(kind, &self.policy, channel, calling_code);
        increment(&key);
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(which, key);
    }
}

fn key(kind: EventKind, policy: &Arc<str>, channel: Option<Channel>, calling_code: u16) -> metrics::Key {
    let labels = vec![
        Label::new("event", kind.name()),
        Label::new("policy", Arc::clone(policy)),
        Label::new("channel", channel.map_or("none", Channel::name)),
        Label::new("calling_code", calling_code.to_string()),
    ];
    metrics::Key::from_parts("verify_events_total", labels)
}

/// Counts one. The recorder is asked each time, since another may have been installed.
pub(crate) fn increment(key: &metrics::Key) {
    static ABOUT: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
    metrics::with_recorder(|recorder| recorder.register_counter(key, &ABOUT)).increment(1);
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
