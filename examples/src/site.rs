//! The bank itself, without a web framework: its policies, its customers, its ledger and its pages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use verify_core::{
    AuthenticatorBook, Budgets, Channel, Contact, Engine, Factor, Gate, Head, KeyRing, Limit, Origin, Policy,
    PolicyError, Psd2, Quota, RequestLimits, Store, Subject, all_of, any_of,
};
use verify_providers::TwilioReceipts;

use crate::inbox::{Door, OUTSIDE};
use crate::options::Options;

mod answer;
mod app;
mod ledger;
mod lounge;
mod widget;

pub use answer::Answer;
pub use ledger::Ledger;
pub use widget::Widget;

/// Everything that the wiring of a framework needs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Site {
    /// The engine.
    pub engine: Engine,
    /// `GET /feed`.
    pub feed: Gate,
    /// `GET /vault`.
    pub vault: Gate,
    /// `/app`.
    pub app_gate: Gate,
    /// `/app` once more, for whoever has an app.
    app_again: Gate,
    /// `POST /transfers`.
    pub transfers: Gate,
    /// `POST /transfers/batch`.
    pub batch: Gate,
    /// `GET /safe`.
    pub safe: Gate,
    /// `GET /archive`.
    pub archive: Gate,
    /// Whose authenticator apps are set up.
    pub authenticators: AuthenticatorBook,
    /// `GET /locker`.
    pub locker: Gate,
    /// `GET /lounge`.
    pub lounge: Gate,
    /// What was transferred.
    pub ledger: Ledger,
    /// What Twilio tells of messages, if it delivers them.
    pub receipts: Option<TwilioReceipts>,
    /// The files of ALTCHA's widget, if there are any.
    pub widget: Widget,
    /// The door of the inbox, if there is one.
    door: Option<Door>,
}

/// Where the inbox is.
const INBOX: &str = "/challenge/inbox";

/// The largest body that a handler reads.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Opens the bank for visitors who come to the host of the options at the port of `address`.
///
/// # Errors
/// When the host is no host, a policy makes no sense, the widget is not where it is said to be, or everybody could read the
/// inbox.
pub fn open(
    keys: KeyRing,
    store: Arc<dyn Store>,
    options: &Options,
    address: SocketAddr,
) -> Result<Site, Box<dyn std::error::Error>> {
    let post = &options.post;
    let origin = post.origin(Origin::parse(&format!("http://{}:{}", options.host, address.port()))?)?;
    let inbox = (!post.is_real()).then(|| Door::new(address, options.danger_open_inbox)).transpose()?;
    let minute = Duration::from_secs(60);
    // Five wrong codes in a row end in a block, over all sessions and machines.
    let budgets = if options.preset.is_some() { Budgets::psd2() } else { Budgets::default() };
    let authenticators = AuthenticatorBook::new();
    let (mail_to, phone) = (post.mail_to.clone(), post.phone.clone());
    let engine = Engine::builder(keys, origin.clone())
        .site("Demo Bank")
        .store(store)
        .subject(customer)
        .contacts(move |subject: &Subject<'_>, channel: Channel| {
            let everybodys = if channel == Channel::Email { &mail_to } else { &phone };
            everybodys.clone().or_else(|| contact(subject.id(), channel))
        })
        .authenticators(authenticators.clone())
        // One person at one address plays all customers here, so the limits per address are wide.
        .limits(
            RequestLimits::default()
                .with_challenges(Limit::of(1200).per(minute))
                .with_blocked(Limit::of(6000).per(minute)),
        )
        .budgets(
            budgets
                .per_destination([Quota::new(60, 60 * minute)])
                .per_source([Quota::new(2000, 60 * minute)]),
        );
    let engine = if options.preset.is_some() { engine.uniform_failures() } else { engine };
    let engine = post.serve(engine, &origin)?.build()?;

    let human = options.captcha.factor(options.work)?;
    let step_up = Factor::code("step-up").over(post.channels());
    // A factor of its own, so that a code that opens the vault approves no payment.
    let approval = Factor::code("approval").over(post.approvals());
    let feed = Policy::new("feed").purpose("read the feed").require(human.clone());
    let vault = Policy::new("vault")
        .purpose("open the vault")
        .require(any_of((step_up.clone().within(15 * minute), Factor::totp("app").within(15 * minute))));
    // Whoever adds an app proves first what is there already: a phone or a mailbox, and an app if there is one.
    let app = Policy::new("app")
        .purpose("set up an authenticator app")
        .require(step_up.clone().within(15 * minute));
    let app_again = Policy::new("app-again")
        .purpose("replace your authenticator app")
        .require(Factor::totp("app").within(15 * minute));
    // A payment that breaks a clause of the preset does not start. The rest is no access to a payment account.
    let payment = |name: &'static str| match options.preset {
        Some(preset) => Policy::new(name).preset(preset),
        None => Policy::new(name),
    };
    // Each code is good for this amount to this payee, once.
    let transfers = payment("transfers")
        .purpose("make a transfer")
        .require(approval.clone().within(5 * minute))
        .bind(Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban").or_form(
            "amount",
            "currency",
            "payee_name",
            "payee_iban",
        ));
    let batch = payment("batch")
        .purpose("make several transfers")
        .require(approval.within(5 * minute))
        .bind(Psd2::json_batch("/payments", "/amount", "/currency", "/payee/name", "/payee/iban"));
    // The safe hears at once of a clearance that was revoked elsewhere.
    let safe = Policy::new("safe")
        .purpose("open the safe")
        .require(all_of((human, step_up.clone())))
        .checks_revocation();
    // The page shows a PIN, and a call asks for it: in development it rings in the inbox.
    let locker = Policy::new("locker").purpose("open the locker");
    let locker = match post.is_real() {
        true => locker.require(step_up.clone()),
        false => locker.require(Factor::reverse_pin("dial-in")),
    };
    // A link in a mail does as well as its code, on whatever device the mail is read.
    let archive =
        Policy::new("archive").purpose("open the archive").require(match post.channels().as_slice() {
            [.., Channel::Email] => Factor::code("by-link").over([Channel::Email]).link_across_devices(),
            _ => step_up,
        });
    Ok(Site {
        receipts: post.receipts(&engine, &origin)?,
        feed: engine.gate(feed)?,
        vault: engine.gate(vault)?,
        app_gate: engine.gate(app)?,
        app_again: engine.gate(app_again)?,
        transfers: engine.gate(transfers).map_err(|error| unpayable(&error))?,
        batch: engine.gate(batch).map_err(|error| unpayable(&error))?,
        safe: engine.gate(safe)?,
        archive: engine.gate(archive)?,
        authenticators,
        locker: engine.gate(locker)?,
        lounge: engine.gate(lounge::policy())?,
        ledger: Ledger::default(),
        widget: Widget::load(options.altcha_widget.as_deref())?,
        door: inbox.map(|door| door.named(origin.host())),
        engine,
    })
}

impl Site {
    /// What somebody gets who asks for the inbox, at this host, and may not see it.
    #[must_use]
    pub fn turn_away(&self, path: &str, host: Option<&str>) -> Option<Answer> {
        let door = self.door.as_ref().filter(|_| path == INBOX)?;
        (!door.lets_in(host)).then(|| Answer::refused(403, OUTSIDE))
    }
}

/// What can be done about payments that are not held to their preset.
fn unpayable(error: &PolicyError) -> String {
    format!("{error}. `--twilio` sends text messages, and `--preset none` holds payments to nothing")
}

/// Who is signed in. A real bank has a login; here a header or cookie `demo-user` says it, and Alice is the default.
fn customer<'a>(head: &Head<'a>) -> Option<Subject<'a>> {
    let name = head.header("demo-user").or_else(|| head.cookie("demo-user")).unwrap_or("alice");
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits.then(|| Subject::user(name))
}

/// Every customer has a mail address and a number from those that the North American plan keeps for fiction
/// (555-0100 to 555-0199, in any area).
fn contact(name: &str, channel: Channel) -> Option<Contact> {
    if channel == Channel::Email {
        return Contact::email(&format!("{name}@example.com")).ok();
    }
    // FNV-1a: any even spread will do.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let (area, line) = (201 + hash % 789, (hash >> 32) % 100);
    Contact::phone(&format!("+1{area}55501{line:02}")).ok()
}
