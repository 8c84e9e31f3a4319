//! Twisto as the maker, deliverer and checker of an engine's codes.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use verify_core::{
    CodeAnswer, CodeHandle, CodeOrder, CodeService, CodeServiceError, CodeServiceErrorKind, Verdict,
};

use crate::twisto::{CallError, Checked, ErrorKind, Sent, TransactionId, Twisto};

/// No further message within the hour of a transaction.
const HOUR: Duration = Duration::from_secs(3600);

/// Says which of Twisto's transactions a challenge is for: by its [subject](CodeOrder::subject), as the id of an order. A
/// closure is one.
pub trait Transactions: Send + Sync + 'static {
    /// The transaction, or none where Twisto has evaluated nothing.
    fn transaction(&self, order: &CodeOrder) -> Option<TransactionId>;
}

impl<F> Transactions for F
where
    F: Fn(&CodeOrder) -> Option<TransactionId> + Send + Sync + 'static,
{
    fn transaction(&self, order: &CodeOrder) -> Option<TransactionId> {
        self(order)
    }
}

/// Twisto behind a code factor, for [`EngineBuilder::code_service`](verify_core::EngineBuilder::code_service). Twisto makes,
/// delivers and checks the code of a transaction, to the customer's own address; the engine keeps policies, clearances and
/// budgets, counts each try before Twisto is asked, and lets one answer in.
///
/// One transaction is one challenge: the engine refuses to have two stand for the same, also once the first is cancelled or
/// locked, since Twisto ends nothing when asked and may send its code once more. What Twisto has left of its fifty tries is not
/// known here; the engine's own are fewer.
///
/// Its message names neither amount nor payee, so it approves no bound payment: a factor of
/// [`Policy::payment`](verify_core::Policy::payment) or [`bind`](verify_core::Policy::bind) is misconfigured with it (RTS
/// 2018/389, article 5).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use verify_core::{Channel, CodeOrder, Engine, KeyRing, Origin};
/// use verify_providers::HttpClient;
/// use verify_providers::twisto::{TransactionId, Twisto, TwistoCodes};
///
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// # fn evaluated(order: &str) -> Option<std::time::SystemTime> { (order == "4711").then_some(std::time::UNIX_EPOCH) }
/// let twisto = Twisto::new(HttpClient::new()?, "public", "secret")?;
/// let codes = TwistoCodes::new(twisto, |order: &CodeOrder| {
///     let id = order.subject().id();
///     TransactionId::new(id, evaluated(id)?).ok()
/// });
/// let engine = Engine::builder(keys, Origin::parse("https://shop.example")?)
///     .code_service([Channel::Sms], codes)
///     .build()?;
/// # let _ = engine;
/// # Ok(()) }
/// ```
pub struct TwistoCodes {
    twisto: Twisto,
    transactions: Box<dyn Transactions>,
}

impl TwistoCodes {
    /// A client, and which transaction a challenge is for.
    #[must_use]
    pub fn new(twisto: Twisto, transactions: impl Transactions) -> Self {
        Self { twisto, transactions: Box::new(transactions) }
    }
}

#[async_trait]
impl CodeService for TwistoCodes {
    async fn start(&self, order: &CodeOrder) -> Result<CodeHandle, CodeServiceError> {
        if order.payment().is_some() {
            return Err(unlinked());
        }
        let transaction = self.transactions.transaction(order).ok_or_else(|| {
            CodeServiceError::new(CodeServiceErrorKind::Refused).with_source("no transaction is known for it")
        })?;
        let limited = CodeServiceError::new(CodeServiceErrorKind::RateLimited);
        match self.twisto.send(&transaction).await.map_err(failed)? {
            Sent::Sent => Ok(CodeHandle::new(transaction.id())),
            // Ten seconds after a moment that has passed are ten seconds from now at most.
            Sent::TooEarly { .. } => Err(limited.with_retry_after(super::RESEND_AFTER)),
            Sent::SendsExhausted => Err(limited.with_retry_after(HOUR)),
            Sent::Dead => Err(CodeServiceError::new(CodeServiceErrorKind::Refused)
                .with_source("Twisto verifies this transaction no more")),
        }
    }

    async fn check(&self, answer: &CodeAnswer<'_>) -> Result<Verdict, CodeServiceError> {
        if answer.payment().is_some() {
            return Err(unlinked());
        }
        // The end of the evaluation says only when to send.
        let transaction = TransactionId::new(answer.handle().expose(), UNIX_EPOCH)
            .map_err(|error| CodeServiceError::new(CodeServiceErrorKind::Misconfigured).with_source(error))?;
        Ok(match self.twisto.verify(&transaction, answer.code()).await.map_err(failed)? {
            Checked::Passed => Verdict::Right,
            Checked::Mismatch => Verdict::Wrong,
            Checked::Exhausted => Verdict::Locked,
            Checked::Expired | Checked::Dead => Verdict::Gone,
        })
    }

    /// Twisto ends a transaction by itself, after an hour, and not before: until then its code lives on.
    async fn cancel(&self, _: &CodeHandle) -> Result<(), CodeServiceError> {
        let what = "Twisto ends no transaction when asked";
        Err(CodeServiceError::new(CodeServiceErrorKind::Unavailable).with_source(what))
    }
}

fn unlinked() -> CodeServiceError {
    let what = "Twisto links no code to amount and payee: approve payments by a code of the engine's own";
    CodeServiceError::new(CodeServiceErrorKind::Misconfigured).with_source(what)
}

fn failed(error: CallError) -> CodeServiceError {
    let kind = match error.kind() {
        ErrorKind::Misconfigured => CodeServiceErrorKind::Misconfigured,
        _ => CodeServiceErrorKind::Unavailable,
    };
    CodeServiceError::new(kind).with_source(error)
}

impl fmt::Debug for TwistoCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwistoCodes").field("twisto", &self.twisto).finish_non_exhaustive()
    }
}
