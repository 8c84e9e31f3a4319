//! Binding: which transaction a request is about, read from its own body before anything is asked for it.
//!
//! What is shown, sent, approved and executed has to be one value from one parse (RTS 2018/389, 5; OWASP Transaction
//! Authorization, 1.1 and 2.3). So the gate reads the body once, makes a [`Transaction`] of it, seals that into the ticket
//! and hands the same bytes to the handler; and an approval is a MAC over it that no other transaction has.

use std::fmt;
use std::sync::Arc;

use crate::encoding::{Reader, Writer};
use crate::engine::Core;
use crate::request::{RequestView, single};
use crate::subject::Subject;
use crate::ticket::PolicyTag;
use crate::transaction::{
    InvalidAccount, InvalidAmount, InvalidIban, InvalidPayee, Transaction, TransactionError, UnknownCurrency,
};

mod form_fields;
mod psd2;
mod strict_json;

pub use psd2::Psd2;

/// The longest body that is read for a binding unless the policy says otherwise.
pub(crate) const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// What can say which transaction a request is about: a [`Psd2`], or a closure
/// `Fn(&BoundRequest, &[u8]) -> Result<Transaction, BindError>`; see [`Policy::bind`](crate::Policy::bind).
pub trait Bind {
    #[doc(hidden)]
    fn into_binding(self) -> Binding;
}

/// A way to bind, made from whatever implements [`Bind`].
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct Binding(pub(crate) Binder);

impl Bind for Binding {
    fn into_binding(self) -> Binding {
        self
    }
}

impl Bind for Psd2 {
    fn into_binding(self) -> Binding {
        Binding(Binder::Psd2(Box::new(self)))
    }
}

impl<F> Bind for F
where
    F: Fn(&BoundRequest, &[u8]) -> Result<Transaction, BindError> + Send + Sync + 'static,
{
    fn into_binding(self) -> Binding {
        Binding(Binder::Closure(Closure(Arc::new(self))))
    }
}

/// How a policy learns what it is asked to approve.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Binder {
    /// From fields of the body that are named.
    Psd2(Box<Psd2>),
    /// From the body, by a closure of the application.
    Closure(Closure),
    /// From the handler, which has parsed it.
    Handler,
}

impl Binder {
    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        match self {
            Self::Psd2(psd2) => psd2.fault(),
            Self::Closure(_) | Self::Handler => None,
        }
    }

    /// Whether the body of such a request can be read at all: what the binder cannot read, it refuses.
    pub(crate) fn takes(&self, request: &BoundRequest) -> bool {
        match self {
            Self::Psd2(psd2) => psd2.takes(request),
            Self::Closure(_) => !request.is("multipart/form-data"),
            Self::Handler => false,
        }
    }

    pub(crate) fn read(&self, request: &BoundRequest, body: &[u8]) -> Result<Transaction, BindError> {
        match self {
            Self::Psd2(psd2) => psd2.read(request, body),
            Self::Closure(Closure(bind)) => bind(request, body),
            Self::Handler => Err(BindError::new("this transaction is named by its handler")),
        }
    }
}

type BindFn = dyn Fn(&BoundRequest, &[u8]) -> Result<Transaction, BindError> + Send + Sync;

/// A closure that reads a transaction. Two policies with one closure are one policy.
#[derive(Clone)]
pub(crate) struct Closure(Arc<BindFn>);

impl PartialEq for Closure {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closure")
    }
}

/// The head of a request whose body is about to be bound.
#[derive(Clone)]
pub struct BoundRequest {
    method: String,
    path: String,
    query: Option<String>,
    content_type: String,
    route: Option<String>,
    idempotency_key: Option<String>,
}

impl BoundRequest {
    pub(crate) fn of(view: &impl RequestView) -> Self {
        let text = |name: &str| single(view, name).and_then(|value| std::str::from_utf8(value).ok());
        let content_type = text("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        Self {
            method: view.method().to_owned(),
            path: view.path().to_owned(),
            query: view.query().map(str::to_owned),
            content_type: content_type.trim().to_ascii_lowercase(),
            route: view.route().map(std::borrow::Cow::into_owned),
            idempotency_key: text("idempotency-key").map(|key| key.trim_matches('"').to_owned()),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(content_type: &str, query: Option<&str>) -> Self {
        Self {
            method: "POST".to_owned(),
            path: "/transfers".to_owned(),
            query: query.map(str::to_owned),
            content_type: content_type.to_owned(),
            route: None,
            idempotency_key: None,
        }
    }

    /// The method, in capitals.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, as it arrived.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The media type of the body, in lower case and without parameters; empty where none was sent, or several.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    pub(crate) fn is(&self, content_type: &str) -> bool {
        self.content_type == content_type
    }

    pub(crate) fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }
}

impl fmt::Debug for BoundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundRequest")
            .field("method", &self.method)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// A value that says which transaction it is about, so that what is approved is what the handler has got: for the
/// extractors of the adapters.
///
/// ```
/// use verify_core::{Account, BindError, Currency, DescribesTransaction, Money, Payee, Transaction};
///
/// struct Transfer { cents: u64, name: String, iban: String }
///
/// impl DescribesTransaction for Transfer {
///     fn transaction(&self) -> Result<Transaction, BindError> {
///         let eur = Currency::parse("EUR").map_err(|error| BindError::new(error.to_string()))?;
///         let amount = Money::from_minor(self.cents, eur).map_err(|error| BindError::from(error).at("cents"))?;
///         let account = Account::iban(&self.iban).map_err(|error| BindError::from(error).at("iban"))?;
///         let payee = Payee::new(&self.name, account).map_err(|error| BindError::from(error).at("name"))?;
///         Ok(Transaction::payment(amount, payee)?)
///     }
/// }
/// ```
pub trait DescribesTransaction {
    /// The transaction.
    ///
    /// # Errors
    /// When there is none in it that could be approved; the client is told what to send instead.
    fn transaction(&self) -> Result<Transaction, BindError>;
}

/// A transaction that cannot be read from its request, and so cannot be approved. The client is told the field and the
/// reason; what it sent is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
#[non_exhaustive]
pub struct BindError {
    field: Option<String>,
    what: String,
}

impl BindError {
    /// Says what to send instead. It is shown to the client.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { field: None, what: what.into() }
    }

    /// Names the field of the request: a JSON pointer or the name of a form field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The field, where one is to blame.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

macro_rules! from_value_error {
    ($($error:ident)+) => {$(
        impl From<$error> for BindError {
            fn from(error: $error) -> Self {
                Self::new(error.to_string())
            }
        }
    )+};
}

from_value_error!(TransactionError InvalidAmount InvalidAccount InvalidIban InvalidPayee UnknownCurrency);

/// A transaction that a challenge stands for, and the digest that an approval of it carries.
#[derive(Clone)]
pub(crate) struct Bound {
    /// Over policy, subject, method, route, path, query and transaction; 256 bits, so that nobody finds two with one (OWASP ASVS
    /// 11.4.3). Under an "up to" amount, the amount is left out and stands beside.
    pub(crate) digest: [u8; 32],
    pub(crate) transaction: Transaction,
}

impl Bound {
    pub(crate) fn new(
        core: &Core,
        policy: PolicyTag,
        subject: &Subject<'_>,
        request: &BoundRequest,
        transaction: Transaction,
    ) -> Self {
        // The key that all machines have in common, whatever the rotation of the others.
        let mut mac = core.keys.facts().binding.start();
        subject.feed_all(&mut mac);
        let mut head = Writer::with_capacity(64);
        head.fixed(&policy.0).field(request.method.as_bytes());
        match &request.route {
            None => head.byte(0),
            Some(route) => head.byte(1).field(route.as_bytes()),
        };
        // A path names things too, such as the account that is debited; so may a query.
        head.field(request.path.as_bytes()).field(request.query.as_deref().unwrap_or_default().as_bytes());
        head.field(&transaction.bound_encoding());
        mac.update(&head.finish());
        Self { digest: mac.finish(), transaction }
    }

    /// The largest amount that an approval of this is good for, where it says "up to".
    pub(crate) fn limit(&self) -> Option<u64> {
        self.transaction.is_up_to().then(|| self.transaction.total().minor())
    }

    /// Whether what is approved by this covers that.
    pub(crate) fn approves(&self, other: &Self) -> bool {
        let within = match (self.limit(), other.limit()) {
            (None, None) => true,
            (Some(most), Some(amount)) => amount <= most,
            _ => false,
        };
        within && self.digest == other.digest
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.fixed(&self.digest).field(&self.transaction.encode());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { digest: reader.array()?, transaction: Transaction::decode(reader.field()?)? })
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bound([redacted])")
    }
}
