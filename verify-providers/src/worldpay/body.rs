//! What is sent. It is wiped from memory once nobody sends it any more.

use bytes::Bytes;
use serde::Serialize;
use verify_core::Card;
use zeroize::Zeroizing;

/// On which terms cards are verified.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    entity: String,
    currency: String,
    pub(super) on_file: bool,
    pub(super) amount: Option<u32>,
    pub(super) narrative: Option<String>,
}

/// Longer than any body, so that writing one leaves no copies behind.
const ROOM: usize = 8 * 1024;

/// Whether it is a reference, as the service documents them.
pub(super) fn is_reference(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/!@#$%()*=.:;?[]{}~+".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Intelligent<'b> {
    currency: &'b str,
    merchant: Merchant<'b>,
    transaction_reference: &'b str,
    payment_instrument: Instrument<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    narrative: Option<Narrative<'b>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dynamic<'b> {
    merchant: Merchant<'b>,
    transaction_reference: &'b str,
    instruction: Instruction<'b>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Instruction<'b> {
    value: Value<'b>,
    payment_instrument: Instrument<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    narrative: Option<Narrative<'b>>,
}

#[derive(Serialize)]
struct Value<'b> {
    amount: u32,
    currency: &'b str,
}

#[derive(Serialize)]
struct Merchant<'b> {
    entity: &'b str,
}

#[derive(Serialize)]
struct Narrative<'b> {
    line1: &'b str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Instrument<'b> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    href: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_expiry_date: Option<Expiry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_holder_name: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvc: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_address: Option<Address<'b>>,
}

#[derive(Serialize)]
struct Expiry {
    month: u8,
    year: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address<'b> {
    address1: &'b str,
    postal_code: &'b str,
    city: &'b str,
    country_code: &'b str,
}

impl Terms {
    pub(super) fn new(entity: &str, currency: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            currency: currency.to_owned(),
            on_file: false,
            amount: None,
            narrative: None,
        }
    }

    /// The body for one card.
    pub(super) fn body(&self, card: &Card, reference: &str) -> Bytes {
        let merchant = Merchant { entity: &self.entity };
        let narrative = self.narrative.as_deref().map(|line1| Narrative { line1 });
        let (currency, instrument) = (self.currency.as_str(), instrument(card));
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
        // Texts and numbers can always be written.
        let _ = match self.amount {
            None => serde_json::to_writer(
                &mut *bytes,
                &Intelligent {
                    currency,
                    merchant,
                    transaction_reference: reference,
                    payment_instrument: instrument,
                    narrative,
                },
            ),
            Some(amount) => serde_json::to_writer(
                &mut *bytes,
                &Dynamic {
                    merchant,
                    transaction_reference: reference,
                    instruction: Instruction {
                        value: Value { amount, currency },
                        payment_instrument: instrument,
                        narrative,
                    },
                },
            ),
        };
        Bytes::from_owner(bytes)
    }
}

fn instrument(card: &Card) -> Instrument<'_> {
    // A token has its own address and holder at the vendor's.
    let plain = card.token().is_none();
    Instrument {
        r#type: if plain { "card/plain" } else { "card/tokenized" },
        href: card.token(),
        card_number: card.number(),
        card_expiry_date: card.expiry().map(|(month, year)| Expiry { month, year }),
        card_holder_name: card.holder().filter(|_| plain),
        cvc: card.cvc(),
        verification_address: card.address().filter(|_| plain).map(|address| Address {
            address1: address.street(),
            postal_code: address.postcode(),
            city: address.city(),
            country_code: address.country(),
        }),
    }
}
