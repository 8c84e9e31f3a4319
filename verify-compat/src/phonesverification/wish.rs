//! What is asked for, once it makes sense.

use verify_core::Contact;
use zeroize::Zeroizing;

use crate::phonesverification::Settings;
use crate::phonesverification::accounts::{Account, Accounts};
use crate::phonesverification::callback::Target;
use crate::phonesverification::envelope::Answer;
use crate::phonesverification::parameters::Parameters;

/// A call that may be placed.
pub(crate) struct Wish {
    pub(crate) to: Contact,
    pub(crate) pin: Zeroizing<String>,
    pub(crate) brand: Option<String>,
    pub(crate) price: f64,
    pub(crate) callback: Option<Target>,
}

const MOST_DIGITS: usize = 8;
const LONGEST_BRAND: usize = 20;

impl Wish {
    /// What is missing comes before who asks, and that before what makes no sense.
    pub(crate) fn read(given: &Parameters, accounts: &Accounts, settings: &Settings) -> Result<Self, Answer> {
        let need = |name: &str| given.get(name).ok_or_else(Answer::missing);
        let (key, secret, number, pin) = (need("apikey")?, need("apisecret")?, need("number")?, need("pin")?);
        let account: &Account = accounts.find(key, secret).ok_or_else(Answer::stranger)?;
        let own = given.get("callbackurl");
        let kind = given.get("callbackurltype");
        let callback = match own {
            Some(url) => Some(Target::parse(url, kind, settings)?),
            None if kind.is_some_and(|kind| !Target::is_scheme(kind)) => {
                return Err(Answer::invalid("callbackurltype"));
            }
            None => account.callback.clone(),
        };
        Ok(Self {
            to: phone(number).ok_or_else(|| Answer::invalid("number"))?,
            pin: read_pin(pin, settings).ok_or_else(|| Answer::invalid("pin"))?,
            brand: given.get("brand").map(read_brand).transpose()?,
            price: account.price,
            callback,
        })
    }
}

/// A number with its country's code, with or without the plus and the marks that people write. Which numbers there are is the
/// carrier's to say: the sample of the original is none of any plan.
fn phone(text: &str) -> Option<Contact> {
    let kept: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    Contact::e164(&format!("+{}", kept.strip_prefix('+').unwrap_or(&kept))).ok()
}

fn read_pin(text: &str, settings: &Settings) -> Option<Zeroizing<String>> {
    let fits = (usize::from(settings.pin_min)..=MOST_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| Zeroizing::new(text.to_owned()))
}

fn read_brand(text: &str) -> Result<String, Answer> {
    if text.chars().count() > LONGEST_BRAND || text.chars().any(char::is_control) {
        return Err(Answer::invalid("brand"));
    }
    Ok(text.to_owned())
}
