//! What a caller asks for, read from a body.

use verify_core::{Card, Currency};

use crate::worldpay::fault::Fault;
use crate::worldpay::instrument::{self, Names};
use crate::worldpay::json::Node;
use crate::worldpay::merchant;
use crate::worldpay::reader::{Faults, Members, Text};

/// The longest amount that anybody authorizes to look at a card.
const MOST: i64 = 9_999_999_999;

/// One verification.
pub(super) struct Order {
    pub(super) reference: String,
    pub(super) entity: String,
    pub(super) currency: String,
    pub(super) amount: Option<u64>,
    pub(super) card: Card,
    pub(super) is_on_file: bool,
    pub(super) is_moto: bool,
    pub(super) narrative: Option<String>,
}

/// The shape of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Of `intelligent/…`: the amount is not the caller's.
    Intelligent { on_file: bool },
    /// Of `dynamic/…`.
    Dynamic { on_file: bool },
    /// Of version 6.
    Six,
}

/// What could be read, until all of it was.
#[derive(Default)]
struct Draft {
    reference: Option<String>,
    entity: Option<String>,
    currency: Option<String>,
    amount: Option<u64>,
    card: Option<Card>,
    is_on_file: bool,
    is_moto: bool,
    narrative: Option<String>,
}

impl Order {
    pub(super) fn read(body: &[u8], shape: Shape) -> Result<Self, Fault> {
        if body.trim_ascii().is_empty() {
            return Err(Fault::body_is_empty());
        }
        let node = Node::parse(body).ok_or_else(Fault::body_is_not_json)?;
        let faults = Faults::default();
        let mut draft = Draft::default();
        if let Some(whole) = Members::whole(&node, &faults) {
            draft.read(&whole, shape);
        }
        let faults = faults.into_inner();
        let Draft { reference, entity, currency, amount, card, is_on_file, is_moto, narrative } = draft;
        match (reference, entity, currency, card) {
            (Some(reference), Some(entity), Some(currency), Some(card)) if faults.is_empty() => {
                Ok(Self { reference, entity, currency, amount, card, is_on_file, is_moto, narrative })
            }
            _ => Err(Fault::body_does_not_match(faults)),
        }
    }
}

impl Draft {
    fn read(&mut self, whole: &Members<'_>, shape: Shape) {
        let reference = Text::of(1, 64).where_it(|text| text.bytes().all(is_of_a_reference));
        self.reference = whole.text("transactionReference", reference).map(str::to_owned);
        if let Some(merchant) = whole.object("merchant") {
            self.entity = merchant::read(&merchant, shape == Shape::Six);
        }
        if whole.has("channel") {
            self.is_moto = whole.one_of("channel", &["moto"]).is_some();
        }
        match shape {
            Shape::Intelligent { on_file } => {
                self.is_on_file = on_file;
                self.currency = currency(whole);
                self.card =
                    whole.object("paymentInstrument").and_then(|given| instrument::read(&given, Names::FIVE));
                self.narrative = narrative(whole);
                leave(whole, &["customer", "recipient"]);
            }
            Shape::Dynamic { on_file } => {
                self.is_on_file = on_file;
                if let Some(instruction) = whole.object("instruction") {
                    self.instruction(&instruction, Names::FIVE);
                }
                leave(whole, &["customer", "recipient"]);
            }
            Shape::Six => {
                if whole.has("type") {
                    whole.one_of("type", &["cardVerification"]);
                }
                if let Some(instruction) = whole.object("instruction") {
                    self.instruction(&instruction, Names::SIX);
                    if let Some(agreement) = instruction.object_if_any("customerAgreement") {
                        self.is_on_file = agreement.one_of("type", &["cardOnFile"]).is_some();
                        agreement.text_if_any("storedCardUsage", Text::of(1, 32));
                    }
                }
                leave(whole, &["customer"]);
            }
        }
    }

    fn instruction(&mut self, instruction: &Members<'_>, names: Names) {
        if let Some(value) = instruction.object("value") {
            self.currency = currency(&value);
            // Version 6 has no intelligent resource: without an amount, the other side chooses.
            let amount = match names.is_six() {
                true => value.integer_if_any("amount", 0, MOST),
                false => value.integer("amount", 0, MOST),
            };
            self.amount = amount.and_then(|amount| u64::try_from(amount).ok());
        }
        self.card = instruction.object("paymentInstrument").and_then(|given| instrument::read(&given, names));
        self.narrative = narrative(instruction);
        instruction.flag_if_any("consumerBillPayment");
        leave(instruction, &["recipient"]);
    }
}

/// Objects whose members are not documented here: nobody acts on them.
fn leave(of: &Members<'_>, names: &[&'static str]) {
    names.iter().filter_map(|name| of.object_if_any(name)).for_each(Members::leave);
}

fn currency(of: &Members<'_>) -> Option<String> {
    let code =
        of.text("currency", Text::of(3, 3).where_it(|text| text.bytes().all(|b| b.is_ascii_uppercase())))?;
    let known = Currency::parse(code).is_ok();
    if !known {
        of.fault("fieldHasInvalidValue", "Field has a value that is not allowed", "currency");
    }
    known.then(|| code.to_owned())
}

fn narrative(of: &Members<'_>) -> Option<String> {
    let narrative = of.object_if_any("narrative")?;
    narrative.text_if_any("line2", Text::of(1, 24));
    narrative.text("line1", Text::of(1, 24)).map(str::to_owned)
}

/// The characters that the original allows.
fn is_of_a_reference(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_/!@#$%()*=.:;?[]{}~+".contains(&byte)
}
