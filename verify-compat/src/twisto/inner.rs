//! What answers: the engine, what is noted beside it, and which request goes where.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde::Deserialize;
use verify_core::{Budgets, Contact, Direct, Engine, Factor, Gate, Policy, Reply, Resend, Subject};

use crate::Secret;
use crate::detached;
use crate::moment::{at, millis};
use crate::twisto::book::{Book, EXPIRY, Record, TRIES};
use crate::twisto::fault::Fault;
use crate::twisto::keys::{Keys, Pair};
use crate::twisto::outcome::{Check, Send, reply};
use crate::twisto::route::{Route, is_id};
use crate::twisto::{BeginError, Config, ConfigError, Evaluation, Mode, Settings, TransactionConfig};

/// The name of the policy and of its factor.
pub(crate) const FACTOR: &str = "twisto";

/// Clocks of the evaluation and of this may differ by so many milliseconds.
const SKEW: u64 = 60_000;

/// The API behind its handle.
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) keys: Keys,
    pub(crate) book: Book,
    pub(crate) settings: Settings,
    pub(crate) gate: Gate,
    /// What the original counts is counted here, and nothing else: the caller answers for who makes it call.
    budgets: Arc<Budgets>,
    transactions: Vec<TransactionConfig>,
}

/// What begins a transaction over HTTP.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    to: Secret,
    /// In seconds since 1970. Default: now.
    evaluation_ended_at: Option<u64>,
    #[serde(default)]
    mode: Mode,
}

impl Inner {
    pub(crate) fn new(engine: &Engine, config: Config) -> Result<Self, ConfigError> {
        let Config { keys, settings, transactions } = config;
        let keys = Keys::new(&keys)?;
        let wrong = |what| Err(ConfigError::Settings { what });
        if !(4..=10).contains(&settings.code_length) {
            return wrong("`code_length` is 4 to 10");
        }
        if settings.fresh_code && settings.code_length == 4 {
            return wrong("`fresh_code` takes a `code_length` of 5 or more");
        }
        for transaction in &transactions {
            let wrong = |what| Err(ConfigError::Transaction { id: transaction.id.clone(), what });
            if !is_id(&transaction.id) {
                return wrong("an id is 1 to 128 letters, digits, `-`, `_` and `.`");
            }
            if any_contact(transaction.to.expose()).is_none() {
                return wrong("`to` is a number as +420777123456, or an address");
            }
            let takes_tests = keys.owner(None).is_some_and(|pair| pair.mode == Mode::Test);
            if transaction.mode == Mode::Test && !takes_tests {
                return wrong("test mode takes a first pair of keys in test mode");
            }
        }
        // One more than are ever compared: the fiftieth, if it is wrong, must not end what another of the fifty is about to
        // redeem.
        let tries = u32::try_from(TRIES + 1).unwrap_or(u32::MAX);
        let codes = Factor::code(FACTOR)
            .over(engine.channels())
            // With some room for an evaluation by a clock that is ahead; each challenge ends with its transaction.
            .lives_beyond_ten_minutes(Duration::from_millis(EXPIRY + SKEW))
            .tries_beyond_ten(tries)
            // The two sends are counted here, since one whose message is not known to have left does not count.
            .sends(10)
            .resend(if settings.fresh_code { Resend::FreshCode } else { Resend::SameCode });
        let codes = match settings.code_length {
            few @ ..6 => codes.digits_below_six(few),
            digits => codes.digits(digits),
        };
        Ok(Self {
            gate: engine.gate(Policy::new(FACTOR).require(codes).to_given_addresses())?,
            engine: engine.clone(),
            keys,
            book: Book { notes: engine.notes("twisto") },
            settings,
            budgets: Arc::new(Budgets::per_challenge_only()),
            transactions,
        })
    }

    pub(crate) async fn answer(self: &Arc<Self>, request: Request<Bytes>) -> Reply {
        self.try_answer(request).await.unwrap_or_else(Fault::reply)
    }

    async fn try_answer(self: &Arc<Self>, request: Request<Bytes>) -> Result<Reply, Fault> {
        let route = Route::of(request.uri().path()).ok_or_else(Fault::not_found)?;
        if request.method() != Method::POST {
            return Err(Fault::method());
        }
        let caller = self.keys.authenticate(request.headers()).ok_or_else(Fault::credentials)?;
        match route {
            Route::Send(id) => match self.find(caller, &id).await? {
                Some(record) => {
                    let inner = Arc::clone(self);
                    // The message leaves, or its send is given back, whether or not the client still waits.
                    let sent = detached::finished(async move { inner.send(&record).await }).await;
                    Ok(sent.ok_or_else(Fault::internal)??.reply())
                }
                None => Ok(Send::Dead.reply()),
            },
            Route::Verify(id) => match self.find(caller, &id).await? {
                Some(record) => {
                    let (inner, body) = (Arc::clone(self), request.into_body());
                    // A code that is used up is noted as the right one, whether or not the client still waits.
                    let checked = detached::finished(async move { inner.verify(&record, &body).await }).await;
                    Ok(checked.ok_or_else(Fault::internal)??.reply())
                }
                None => Ok(Check::Dead.reply()),
            },
            Route::Begin(id) if self.settings.begin_over_http => {
                self.begin_over_http(caller, id, request.body()).await
            }
            Route::Begin(_) => Err(Fault::not_found()),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        millis(self.engine.now())
    }

    /// Acts for whoever a transaction is to be verified by.
    pub(crate) fn direct(&self, record: &Record) -> Option<Direct> {
        let to = any_contact(&record.to)?;
        let subject = Subject::user(record.id.clone()).tenant(format!("twisto {}", record.ended));
        Some(self.engine.direct(subject).to(to).budgets(&self.budgets).until(at(record.expires())))
    }

    /// The transaction of that id, if it is this caller's. One of the configuration begins now.
    async fn find(&self, caller: &Pair, id: &str) -> Result<Option<Record>, Fault> {
        if !is_id(id) {
            return Ok(None);
        }
        let mut found = self.book.find(id).await?;
        let configured = self.transactions.iter().find(|transaction| transaction.id == id);
        if let (None, Some(TransactionConfig { to, mode, .. })) = (&found, configured) {
            let Some(to) = any_contact(to.expose()) else { return Ok(None) };
            let evaluation = Evaluation::new(id, self.engine.now(), to).in_mode(*mode);
            if let Some(owner) = self.keys.owner(None) {
                let record = Record { configured: true, ..self.record(&evaluation, owner) };
                self.book.enter(&record, self.now()).await?;
                // Whoever was faster has begun it.
                found = self.book.find(id).await?;
            }
        }
        Ok(found.filter(|record| record.keys == caller.public))
    }

    fn record(&self, evaluation: &Evaluation, owner: &Pair) -> Record {
        Record {
            id: evaluation.transaction.clone(),
            keys: owner.public.clone(),
            to: evaluation.to.expose().to_owned(),
            channel: evaluation.channel.name().to_owned(),
            mode: evaluation.mode,
            ended: millis(evaluation.ended_at).min(self.now()),
            said: evaluation.is_end_said.then(|| millis(evaluation.ended_at)),
            configured: false,
        }
    }

    pub(crate) async fn begin(&self, evaluation: &Evaluation) -> Result<(), BeginError> {
        if !is_id(&evaluation.transaction) {
            return Err(BeginError::Id);
        }
        let owner = self.keys.owner(evaluation.keys.as_deref()).ok_or(BeginError::Keys)?;
        if evaluation.mode == Mode::Test && owner.mode != Mode::Test {
            return Err(BeginError::TestOnLiveKeys);
        }
        let now = self.now();
        if millis(evaluation.ended_at) > now.saturating_add(SKEW) {
            return Err(BeginError::Future);
        }
        let record = self.record(evaluation, owner);
        if now >= record.expires() {
            return Err(BeginError::Over);
        }
        let unavailable = |_| BeginError::Unavailable;
        if self.book.enter(&record, now).await.map_err(unavailable)? {
            return Ok(());
        }
        match self.book.find(&record.id).await.map_err(unavailable)? {
            // When it ended is what was said, or else when it was first heard of; a clock that is ahead is cut to ours.
            Some(known) if known == (Record { ended: known.ended, ..record }) => Ok(()),
            Some(_) => Err(BeginError::Known),
            None => Err(BeginError::Unavailable),
        }
    }

    async fn begin_over_http(&self, caller: &Pair, id: String, body: &[u8]) -> Result<Reply, Fault> {
        const FORM: &str = "`to` is a number as +420777123456 or an address; `evaluation_ended_at` is in seconds; `mode` is live or test";
        let begin: Begin = serde_json::from_slice(body).map_err(|_| Fault::invalid(FORM))?;
        let to = any_contact(begin.to.expose()).ok_or_else(|| Fault::invalid(FORM))?;
        let ended = begin.evaluation_ended_at.map(|seconds| at(seconds.saturating_mul(1000)));
        let evaluation = Evaluation {
            is_end_said: ended.is_some(),
            ..Evaluation::new(id, ended.unwrap_or_else(|| self.engine.now()), to)
        };
        match self.begin(&evaluation.in_mode(begin.mode).of_keys(&caller.public)).await {
            Ok(()) => Ok(reply(0, "Transaction can be verified")),
            Err(BeginError::Unavailable) => Err(Fault::unavailable()),
            Err(BeginError::Known) => Err(Fault::invalid("The transaction is known already")),
            Err(BeginError::TestOnLiveKeys) => Err(Fault::invalid("These keys are not in test mode")),
            Err(_) => {
                Err(Fault::invalid("The transaction cannot begin: see its id and the end of its evaluation"))
            }
        }
    }
}

/// A number or an address.
fn any_contact(text: &str) -> Option<Contact> {
    Contact::phone(text).or_else(|_| Contact::email(text)).ok()
}
