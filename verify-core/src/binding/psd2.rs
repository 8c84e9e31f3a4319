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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What an order says, apart from how it is written.
    #[derive(Clone, Debug, PartialEq)]
    struct Model {
        cents: u64,
        name: String,
        iban: &'static str,
        reference: String,
    }

    /// How it is written: what a sender may choose without saying anything else.
    #[derive(Clone, Debug)]
    struct Spelling {
        order: [usize; 4],
        space: &'static str,
        escaped: bool,
        zeros: bool,
        grouped: bool,
    }

    fn model() -> impl Strategy<Value = Model> {
        let iban = prop_oneof![Just("DE89370400440532013000"), Just("GB29NWBK60161331926819")];
        // Short texts over few letters, so that pieces of one field turn up at the edge of its neighbour.
        (1_u64..200, "[ab]{1,3}", iban, "[ab]{0,2}").prop_map(|(cents, name, iban, reference)| Model {
            cents,
            name,
            iban,
            reference,
        })
    }

    fn spelling() -> impl Strategy<Value = Spelling> {
        let order = Just([0, 1, 2, 3]).prop_shuffle();
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t"), Just("\r\n  ")];
        (order, space, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(order, space, escaped, zeros, grouped)| Spelling { order, space, escaped, zeros, grouped },
        )
    }

    fn written(model: &Model, spelling: &Spelling) -> String {
        let s = spelling.space;
        let (whole, rest) = (model.cents / 100, model.cents % 100);
        let amount = match (rest, spelling.zeros) {
            (0, false) => format!("\"{whole}\""),
            (rest, false) if rest % 10 == 0 => format!("\"{whole}.{}\"", rest / 10),
            (rest, _) => format!("\"{whole}.{rest:02}\""),
        };
        let name = if spelling.escaped {
            model.name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()
        } else {
            model.name.clone()
        };
        let iban = if spelling.grouped { model.iban.to_lowercase() } else { model.iban.to_owned() };
        let payee = format!("\"payee\"{s}:{s}{{{s}\"iban\":\"{iban}\",{s}\"name\":{s}\"{name}\"}}");
        let members = [
            format!("\"amount\":{s}{amount}"),
            format!("\"currency\"{s}:\"EUR\""),
            payee,
            format!("\"reference\":\"{}\"", model.reference),
        ];
        let members: Vec<&str> = spelling.order.iter().map(|index| members[*index].as_str()).collect();
        format!("{s}{{{s}{}{s}}}{s}", members.join(&format!("{s},{s}")))
    }

    fn request(kind: &str) -> BoundRequest {
        BoundRequest::for_test(kind, None)
    }

    fn read(body: &str) -> Vec<u8> {
        let psd2 = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban");
        psd2.read(&request("application/json"), body.as_bytes()).unwrap().bound_encoding()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn r22_spelling_does_not_matter_and_everything_else_does(one in model(), other in model(), a in spelling(), b in spelling()) {
            prop_assert_eq!(read(&written(&one, &a)), read(&written(&one, &b)));
            // What is not named is not bound; everything that is named is.
            let same = (one.cents, &one.name, one.iban) == (other.cents, &other.name, other.iban);
            prop_assert_eq!(read(&written(&one, &a)) == read(&written(&other, &b)), same);
        }

        #[test]
        fn e52_no_body_panics(body in ".{0,200}", form in any::<bool>()) {
            let psd2 = Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban").or_form("a", "c", "n", "i");
            let kind = if form { "application/x-www-form-urlencoded" } else { "application/json" };
            let _ = psd2.read(&request(kind), body.as_bytes());
        }
    }

    #[test]
    fn r22_json_and_a_form_that_say_the_same_are_the_same() {
        let psd2 =
            Psd2::json("/amount", "/currency", "/payee/name", "/payee/iban").or_form("a", "c", "n", "i");
        let form = b"n=A+%26+B&a=1.5&c=EUR&i=DE89370400440532013000";
        let form = psd2.read(&request("application/x-www-form-urlencoded"), form).unwrap();
        let json = read(
            r#"{"amount":"1.50","currency":"EUR","payee":{"name":"A & B","iban":"DE89370400440532013000"}}"#,
        );
        assert_eq!(form.bound_encoding(), json);
    }

    #[test]
    fn a_place_that_makes_no_sense_does_not_build() {
        assert!(Psd2::json("amount", "/c", "/n", "/i").fault().is_some());
        assert!(Psd2::form("challenge-id", "c", "n", "i").fault().is_some());
        assert!(Psd2::json_batch("/p", "/a", "/c", "/n", "/i").up_to().fault().is_some());
        assert!(Psd2::json("/a", "/c", "/n", "/i").fault().is_none());
    }
}
