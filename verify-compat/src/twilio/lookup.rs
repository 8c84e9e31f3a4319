//! What is known of a number before it is written to.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use verify_core::Contact;

/// Says whose a number is, for services that have `lookup_enabled`: your carrier's data, or a service that sells it.
///
/// ```
/// use async_trait::async_trait;
/// use verify_compat::twilio::{Carrier, LineType, Lookup};
/// use verify_core::Contact;
///
/// #[derive(Debug)]
/// struct Landlines;
///
/// #[async_trait]
/// impl Lookup for Landlines {
///     async fn carrier(&self, number: &Contact) -> Option<Carrier> {
///         number.expose().starts_with("+4930").then(|| Carrier::new(LineType::Landline))
///     }
/// }
/// ```
#[async_trait]
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// What is known of a number; nothing where nothing is, or the lookup failed.
    async fn carrier(&self, number: &Contact) -> Option<Carrier>;
}

#[async_trait]
impl<L: Lookup + ?Sized> Lookup for Arc<L> {
    async fn carrier(&self, number: &Contact) -> Option<Carrier> {
        (**self).carrier(number).await
    }
}

/// What is known of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Carrier {
    /// The kind of line.
    pub line: LineType,
    /// The carrier's name.
    pub name: Option<String>,
    /// The country of its network, three digits (ITU-T E.212).
    pub mobile_country_code: Option<String>,
    /// Its network, two or three digits.
    pub mobile_network_code: Option<String>,
    /// Two capitals (ISO 3166-1).
    pub country: Option<String>,
}

impl Carrier {
    /// A line of that kind, and nothing else known.
    #[must_use]
    pub const fn new(line: LineType) -> Self {
        Self { line, name: None, mobile_country_code: None, mobile_network_code: None, country: None }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "carrier": {
                "mobile_country_code": self.mobile_country_code,
                "type": self.line.name(),
                "error_code": null,
                "mobile_network_code": self.mobile_network_code,
                "name": self.name,
            },
        })
    }
}

/// A kind of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineType {
    /// Takes calls and no text messages.
    Landline,
    /// A mobile phone.
    Mobile,
    /// Over the internet.
    Voip,
}

impl LineType {
    const fn name(self) -> &'static str {
        match self {
            Self::Landline => "landline",
            Self::Mobile => "mobile",
            Self::Voip => "voip",
        }
    }
}
