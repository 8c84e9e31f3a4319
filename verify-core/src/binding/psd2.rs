//! Where a payment stands in a body: by JSON pointers, or by the names of form fields.

use serde_json::Value;

use crate::binding::{BindError, BoundRequest, form_fields, strict_json};
use crate::transaction::{Account, Currency, Money, Payee, Transaction};

/// Says where a request carries amount, currency, payee and account (RTS 2018/389, 5(1)); given to
/// [`Policy::bind`](crate::Policy::bind).
///
/// Only what is named is bound. A body that could be read in two ways is refused before anything is asked: a member or
/// field that is there twice, a bound name that stands in the query as well, an amount that is not written as a plain
/// decimal (`10`, `10.00`; no exponent, no sign, no leading zero, and no JSON number with a fraction, since those are
/// rounded somewhere), another media type.
///
/// ```
/// use verify_core::{Factor, Policy, Psd2};
///
/// let transfer = Policy::new("transfer").require(Factor::code("approval")).bind(
///     Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban")
///         .or_form("amount", "currency", "payee_name", "payee_iban"),
/// );
/// # let _ = transfer;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Psd2 {
    json: Option<Places>,
    form: Option<Places>,
    /// Where the lines of a batch are; the places are then within one line.
    lines: Option<String>,
    account: AccountKind,
    up_to: bool,
}

/// Where the four parts of a payment are.
#[derive(Clone, Debug, PartialEq)]
struct Places {
    amount: String,
    currency: String,
    name: String,
    account: String,
}

#[derive(Clone, Debug, PartialEq)]
enum AccountKind {
    Iban,
    Other(String),
}

impl Places {
    fn new(
        amount: impl Into<String>,
        currency: impl Into<String>,
        name: impl Into<String>,
        account: impl Into<String>,
    ) -> Self {
        Self { amount: amount.into(), currency: currency.into(), name: name.into(), account: account.into() }
    }

    fn all(&self) -> [&str; 4] {
        [&self.amount, &self.currency, &self.name, &self.account]
    }
}

impl Psd2 {
    /// From a JSON body, by JSON pointers (RFC 6901): amount (a string, or a whole number), currency (ISO 4217), the
    /// payee's displayed name, and its IBAN.
    pub fn json(
        amount: impl Into<String>,
        currency: impl Into<String>,
        payee_name: impl Into<String>,
        payee_account: impl Into<String>,
    ) -> Self {
        Self::from_places(Some(Places::new(amount, currency, payee_name, payee_account)), None)
    }

    /// From a form (`application/x-www-form-urlencoded`), by the names of its fields.
    pub fn form(
        amount: impl Into<String>,
        currency: impl Into<String>,
        payee_name: impl Into<String>,
        payee_account: impl Into<String>,
    ) -> Self {
        Self::from_places(None, Some(Places::new(amount, currency, payee_name, payee_account)))
    }

    /// From a JSON body with several payments (RTS 2018/389, 5(3)(b)): a pointer to their list, and pointers within one
    /// of them. One code is for all of them together, whatever their order: the total and every line.
    pub fn json_batch(
        lines: impl Into<String>,
        amount: impl Into<String>,
        currency: impl Into<String>,
        payee_name: impl Into<String>,
        payee_account: impl Into<String>,
    ) -> Self {
        Self { lines: Some(lines.into()), ..Self::json(amount, currency, payee_name, payee_account) }
    }

    fn from_places(json: Option<Places>, form: Option<Places>) -> Self {
        Self { json, form, lines: None, account: AccountKind::Iban, up_to: false }
    }

    /// Takes a form as well as JSON: a single payment each.
    pub fn or_form(
        mut self,
        amount: impl Into<String>,
        currency: impl Into<String>,
        payee_name: impl Into<String>,
        payee_account: impl Into<String>,
    ) -> Self {
        self.form = Some(Places::new(amount, currency, payee_name, payee_account));
        self
    }

    /// The account is not an IBAN but an id of this kind, such as `uk-sort` or `card-token`.
    pub fn account_kind(mut self, kind: impl Into<String>) -> Self {
        self.account = AccountKind::Other(kind.into());
        self
    }

    /// The amount is the most that may be taken, as in a card pre-authorisation (RTS 2018/389, 5(3)(a)): the approval is
    /// good for that amount or less, once. Off by default.
    pub fn up_to(mut self) -> Self {
        self.up_to = true;
        self
    }

    pub(crate) fn is_up_to(&self) -> bool {
        self.up_to
    }

    pub(crate) fn is_batch(&self) -> bool {
        self.lines.is_some()
    }

    /// What is wrong with it, if anything: the text goes into the build error.
    pub(crate) fn fault(&self) -> Option<String> {
        let pointers = self.json.iter().flat_map(Places::all).chain(self.lines.as_deref());
        if pointers.into_iter().any(|pointer| !pointer.starts_with('/')) {
            return Some("a JSON pointer starts with a slash: `/amount`".to_owned());
        }
        let names = self.form.iter().flat_map(Places::all);
        if names.into_iter().any(|name| name.is_empty() || name.starts_with("challenge-")) {
            return Some("a form field needs a name, and `challenge-…` is the gate's own".to_owned());
        }
        if self.up_to && self.lines.is_some() {
            return Some("a batch has no amount to stay below: `up_to` is for single payments".to_owned());
        }
        None
    }

    pub(super) fn takes(&self, request: &BoundRequest) -> bool {
        (self.json.is_some() && request.is("application/json"))
            || (self.form.is_some() && request.is("application/x-www-form-urlencoded"))
    }

    pub(super) fn read(&self, request: &BoundRequest, body: &[u8]) -> Result<Transaction, BindError> {
        if request.is("application/json")
            && let Some(places) = &self.json
        {
            let names = places.all().map(|pointer| pointer.rsplit('/').next().unwrap_or(pointer));
            self.keep_out_of_query(request, names)?;
            let document = strict_json::parse(body).map_err(BindError::new)?;
            return self.read_json(&document, places);
        }
        let Some(places) = &self.form else { return Err(BindError::new("send JSON")) };
        self.keep_out_of_query(request, places.all())?;
        let fields = form_fields::parse(body).map_err(BindError::new)?;
        let part = |name: &str| {
            let value = fields.get(name).ok_or_else(|| BindError::new("this field is missing").at(name))?;
            Ok(Value::String(value.clone()))
        };
        let (money, payee) = self.payment(places, part, "")?;
        self.single(money, payee)
    }

    fn keep_out_of_query<'n>(
        &self,
        request: &BoundRequest,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), BindError> {
        match form_fields::query_names(request.query().unwrap_or_default(), names) {
            Some(name) => {
                Err(BindError::new("this stands in the address too: send it in the body alone").at(name))
            }
            None => Ok(()),
        }
    }

    fn read_json(&self, document: &Value, places: &Places) -> Result<Transaction, BindError> {
        let Some(pointer) = &self.lines else {
            let (money, payee) = self.payment(places, |pointer| find(document, pointer), "")?;
            return self.single(money, payee);
        };
        let list = find(document, pointer)?;
        let Value::Array(items) = &list else {
            return Err(BindError::new("this is a list of payments").at(pointer));
        };
        let lines = items.iter().enumerate().map(|(index, item)| {
            self.payment(places, |part| find(item, part), &format!("{pointer}/{index}"))
        });
        Ok(Transaction::batch(lines.collect::<Result<_, _>>()?)?)
    }

    fn single(&self, money: Money, payee: Payee) -> Result<Transaction, BindError> {
        let transaction = Transaction::payment(money, payee)?;
        Ok(if self.up_to { transaction.up_to() } else { transaction })
    }

    /// One payment; `within` is where it stands, for the error.
    fn payment(
        &self,
        places: &Places,
        part: impl Fn(&str) -> Result<Value, BindError>,
        within: &str,
    ) -> Result<(Money, Payee), BindError> {
        let get = |place: &str| part(place).map_err(|error| error.at(format!("{within}{place}")));
        let text = |place: &str| match get(place)? {
            Value::String(text) => Ok(text),
            _ => Err(BindError::new("this is a text").at(format!("{within}{place}"))),
        };
        let at = |place: &str, error: &dyn std::error::Error| {
            BindError::new(error.to_string()).at(format!("{within}{place}"))
        };
        let currency =
            Currency::parse(&text(&places.currency)?).map_err(|error| at(&places.currency, &error))?;
        let money =
            Money::from_json(&get(&places.amount)?, currency).map_err(|error| at(&places.amount, &error))?;
        let id = text(&places.account)?;
        let account = match &self.account {
            AccountKind::Iban => Account::iban(&id),
            AccountKind::Other(kind) => Account::other(kind, &id),
        };
        let account = account.map_err(|error| at(&places.account, &error))?;
        let payee = Payee::new(&text(&places.name)?, account).map_err(|error| at(&places.name, &error))?;
        Ok((money, payee))
    }
}

fn find(document: &Value, pointer: &str) -> Result<Value, BindError> {
    document.pointer(pointer).cloned().ok_or_else(|| BindError::new("this is missing").at(pointer))
}
