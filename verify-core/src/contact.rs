//! Where a code goes: a channel, and an address that is canonical from the moment it exists.

use std::fmt;

use zeroize::Zeroizing;

mod country;
mod email;
mod phone;
mod plan;

pub use country::{Countries, Country, NumberKind, NumberPlan, UnknownCountry};

/// The way a code travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Channel {
    /// A text message to a phone.
    Sms,
    /// A mail: confirmation of an address, not a possession factor (NIST SP 800-63B-4, 3.1.3.1).
    Email,
    /// A call that reads the code out.
    Voice,
    /// A WhatsApp message to a phone.
    WhatsApp,
}

impl Channel {
    /// Every channel, in the order in which they came to be.
    pub(crate) const ALL: [Self; 4] = [Self::Sms, Self::Email, Self::Voice, Self::WhatsApp];

    /// The name on the wire: `sms`, `email`, `voice`, `whatsapp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Voice => "voice",
            Self::WhatsApp => "whatsapp",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether both reach the same kind of address, so that holding one proves nothing beyond the other.
    pub(crate) const fn shares_address_with(self, other: Self) -> bool {
        matches!(self, Self::Email) == matches!(other, Self::Email)
    }

    /// Whether it goes to a phone, where somebody pays by the message.
    pub(crate) const fn is_phones(self) -> bool {
        !matches!(self, Self::Email)
    }

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Sms => 1,
            Self::Email => 2,
            Self::Voice => 3,
            Self::WhatsApp => 4,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.byte() == byte)
    }
}

/// A phone number or a mail address in its one canonical form.
///
/// It is canonical before it becomes a limiter key, a name in the store or a recipient, so that two spellings of
/// one address are one address. It has no `Display` and a redacted `Debug`; couriers read it with
/// [`Contact::expose`].
///
/// ```
/// use verify_core::Contact;
///
/// let phone = Contact::phone("+44 7700 900-123")?;
/// assert_eq!(phone.expose(), "+447700900123");
/// assert_eq!(phone.hint(), "***-***-0123");
/// assert!(Contact::phone("07700 900123").is_err(), "a national number is ambiguous");
/// assert!(Contact::email("alice@example.com\r\nBcc: eve@example.com").is_err());
/// # Ok::<(), verify_core::InvalidContact>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    kind: Kind,
    text: Zeroizing<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Phone,
    Email,
}

impl Contact {
    /// A phone number in international form: `+` or `00`, then a calling code and a number as long as they are there
    /// (ITU-T E.164). Spaces, dashes, dots and round brackets between digits are dropped; so is the prefix that people
    /// dial at home, as the zero of `+44 (0)7700` and the 8 of `+7 8 495`, where it can be told from the number.
    ///
    /// # Errors
    /// When anything else is in it: no country code, an extension, letters, other scripts' digits, controls; and for
    /// calling codes that are no country's.
    pub fn phone(text: &str) -> Result<Self, InvalidContact> {
        let text = phone::canonical(text).ok_or(InvalidContact::Phone)?;
        Ok(Self { kind: Kind::Phone, text })
    }

    /// A number in the form of ITU-T E.164 and no more: `+`, then 7 to 15 digits of which the first is not zero. No plan is asked
    /// whether it can exist, and no spelling is folded: for contracts of others that name this form. For what people type use
    /// [`Contact::phone`].
    ///
    /// ```
    /// use verify_core::Contact;
    ///
    /// assert!(Contact::e164("+148485454545").is_ok(), "a digit too many for America, and of the form all the same");
    /// assert!(Contact::phone("+148485454545").is_err() && Contact::e164("+44 7700 900123").is_err());
    /// ```
    ///
    /// # Errors
    /// When it has another form.
    pub fn e164(text: &str) -> Result<Self, InvalidContact> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let fits = (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !fits {
            return Err(InvalidContact::Phone);
        }
        Ok(Self { kind: Kind::Phone, text: Zeroizing::new(text.to_owned()) })
    }

    /// A mail address with an ASCII domain of at least two labels; the domain is lowered, the local part stays as
    /// it was typed, since only its own server knows whether case, dots or tags matter. Budgets count it without its tag
    /// and in small letters, so that nobody gets more messages by writing an address otherwise.
    ///
    /// # Errors
    /// When it is quoted, longer than 254 octets, has a display name, an address literal, a non-ASCII character
    /// (write the domain in its `xn--` form), a control or white space.
    pub fn email(text: &str) -> Result<Self, InvalidContact> {
        let text = email::canonical(text).ok_or(InvalidContact::Email)?;
        Ok(Self { kind: Kind::Email, text })
    }

    /// The canonical address, for the courier. Keep it out of logs, errors and URLs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether a channel can reach this address.
    #[must_use]
    pub fn fits(&self, channel: Channel) -> bool {
        matches!(self.kind, Kind::Email) == matches!(channel, Channel::Email)
    }

    /// What may be shown to somebody who knows the address already: the last four digits of a number, or the first
    /// letter of a mail address and of its domain (OWASP ASVS 14.2.6).
    #[must_use]
    pub fn hint(&self) -> String {
        match self.kind {
            Kind::Phone => {
                let tail = self.text.len().saturating_sub(4);
                ["***-***-", self.text.get(tail..).unwrap_or_default()].concat()
            }
            Kind::Email => {
                let (local, domain) = self.text.split_once('@').unwrap_or_default();
                let top = domain.rsplit('.').next().unwrap_or_default();
                let first = |text: &str| text.chars().next().unwrap_or('*');
                format!("{}***@{}***.{top}", first(local), first(domain))
            }
        }
    }

    /// The country of a phone number, by calling code and number, since many share a code; `None` for mail and for numbers
    /// of no country.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        phone::country(&self.text).filter(|_| self.is_phone()).map(Country::of)
    }

    /// The range that a number is in: all but its last four digits.
    pub(crate) fn prefix(&self) -> Option<&str> {
        let range = self.text.len().checked_sub(4).and_then(|end| self.text.get(..end));
        range.filter(|_| self.is_phone())
    }

    /// What `read` makes of what budgets count it by: one name for all spellings that reach the same person.
    pub(crate) fn counted<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        match self.kind {
            Kind::Phone => read(&self.text),
            Kind::Email => read(&email::counted(&self.text)),
        }
    }

    /// Whether it is a number, and not a mail address.
    pub(crate) fn is_phone(&self) -> bool {
        self.kind == Kind::Phone
    }

    /// The country calling code of a phone number, for conversion metrics and nothing finer (ITU-T E.164, zones);
    /// zero for mail.
    pub(crate) fn calling_code(&self) -> u16 {
        if self.is_phone() { phone::calling_code(&self.text) } else { 0 }
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Phone => "Contact(phone, [redacted])",
            Kind::Email => "Contact(email, [redacted])",
        })
    }
}

/// The text is not an address that a code may be sent to. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidContact {
    /// Not an international phone number.
    #[error("write the phone number as + and 7 to 15 digits, country code first, without an extension")]
    Phone,
    /// Not a plain mail address.
    #[error("write the mail address as name@domain.example, in ASCII, without quotes or a display name")]
    Email,
}

#[cfg(test)]
mod tests;
