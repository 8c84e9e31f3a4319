//! Where a code goes: a channel, and an address that is canonical from the moment it exists.

use std::fmt;

use zeroize::Zeroizing;

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
    /// A phone number in international form: `+`, then 7 to 15 digits of which the first is not zero (ITU-T
    /// E.164). Spaces, dashes, dots and round brackets between digits are dropped.
    ///
    /// # Errors
    /// When anything else is in it: no country code, an extension, letters, other scripts' digits, controls.
    pub fn phone(text: &str) -> Result<Self, InvalidContact> {
        if text.len() > 32 {
            return Err(InvalidContact::Phone);
        }
        let kept: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let kept = Zeroizing::new(kept);
        let digits = kept.strip_prefix('+').ok_or(InvalidContact::Phone)?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if !fits { Err(InvalidContact::Phone) } else { Ok(Self { kind: Kind::Phone, text: kept }) }
    }

    /// A mail address with an ASCII domain of at least two labels; the domain is lowered, the local part stays as
    /// it was typed (only its own server knows whether case, dots or tags matter).
    ///
    /// # Errors
    /// When it is quoted, longer than 254 octets, has a display name, an address literal, a non-ASCII character
    /// (write the domain in its `xn--` form), a control or white space.
    pub fn email(text: &str) -> Result<Self, InvalidContact> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidContact::Email)?;
        let local_fits = (1..=64).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let labels = domain.split('.').count();
        let top_is_name =
            domain.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
        if !local_fits || text.len() > 254 || labels < 2 || !top_is_name || !domain.split('.').all(label_fits)
        {
            return Err(InvalidContact::Email);
        }
        let text = Zeroizing::new(format!("{local}@{}", domain.to_ascii_lowercase()));
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
                format!("***-***-{}", self.text.get(tail..).unwrap_or_default())
            }
            Kind::Email => {
                let (local, domain) = self.text.split_once('@').unwrap_or_default();
                let top = domain.rsplit('.').next().unwrap_or_default();
                let first = |text: &str| text.chars().next().unwrap_or('*');
                format!("{}***@{}***.{top}", first(local), first(domain))
            }
        }
    }

    /// The country calling code of a phone number, for conversion metrics and nothing finer (ITU-T E.164, zones);
    /// zero for mail.
    pub(crate) fn calling_code(&self) -> u16 {
        let Some(digits) = self.text.strip_prefix('+') else { return 0 };
        let take = |n: usize| digits.get(..n).and_then(|code| code.parse::<u16>().ok()).unwrap_or(0);
        match take(2) {
            10..=19 => 1,
            70..=79 => 7,
            two @ (20
            | 27
            | 30..=34
            | 36
            | 39..=41
            | 43..=49
            | 51..=58
            | 60..=66
            | 81
            | 82
            | 84
            | 86
            | 90..=95
            | 98) => two,
            _ => take(3),
        }
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
mod tests {
    use super::*;

    #[test]
    fn r55_spellings_of_one_address_are_one_address() {
        let phone = |text| Contact::phone(text).unwrap();
        assert!(phone("+447700900123") == phone("+44 (7700) 900.123"));
        let mail = |text| Contact::email(text).unwrap();
        assert!(mail("a@EXAMPLE.com") == mail("a@example.COM"));
        assert!(mail("A@example.com") != mail("a@example.com"));
    }

    #[test]
    fn r64_hostile_addresses_are_refused() {
        for bad in [
            "",
            "+",
            "447700900123",
            "+0447700900",
            "+44770090012x",
            "+44 7700 900123;ext=5",
            "+1-800-FLOWERS",
            "+447700900123\n",
            "+44\u{202e}7700900123",
            "+４４7700900123",
            "+1234567890123456",
            "tel:+447700900123",
        ] {
            assert_eq!(Contact::phone(bad), Err(InvalidContact::Phone), "{bad:?}");
        }
        for bad in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b",
            "a@localhost",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "A <a@example.com>",
            "\"a b\"@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a\0@example.com",
            "a..b@example.com",
            "a@exämple.com",
            "a@-x.com",
            "a@example.com.",
            "a@b@example.com",
            "\u{202e}a@example.com",
        ] {
            assert_eq!(Contact::email(bad), Err(InvalidContact::Email), "{bad:?}");
        }
    }

    #[test]
    fn r60_an_address_does_not_print() {
        let text = format!(
            "{:?} {:?}",
            Contact::phone("+447700900123").unwrap(),
            Contact::email("alice@example.com").unwrap()
        );
        assert!(!text.contains("7700") && !text.contains("alice"), "{text}");
    }

    #[test]
    fn hints_show_little() {
        assert_eq!(Contact::email("alice@example.com").unwrap().hint(), "a***@e***.com");
        assert_eq!(Contact::phone("+12025550123").unwrap().hint(), "***-***-0123");
    }

    #[test]
    fn r76_calling_codes() {
        for (number, code) in
            [("+12025550123", 1), ("+447700900123", 44), ("+420601123456", 420), ("+79161234567", 7)]
        {
            assert_eq!(Contact::phone(number).unwrap().calling_code(), code);
        }
    }
}
