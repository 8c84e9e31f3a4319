//! What messages say.

use std::time::Duration;

use verify_core::{Channel, Code, Message};

use crate::twilio::text;

/// What a message is made of, beside its code.
#[derive(Clone)]
pub(crate) struct Wording {
    /// Who sends it.
    pub(crate) name: String,
    /// How a call says who it is.
    pub(crate) spoken_name: String,
    /// What the code approves, where it approves one transaction.
    pub(crate) pair: Option<(String, String)>,
    pub(crate) warns: bool,
    pub(crate) waits_for_key: bool,
    /// What is dialled before a call speaks.
    pub(crate) extension: Option<String>,
    pub(crate) locale: Option<String>,
    /// The hash of an Android application, which reads the message that ends with it.
    pub(crate) app_hash: Option<String>,
}

/// The original's words.
const WARNING: &str = "Don't share this code with anyone; our employees will never ask for the code.";

impl Wording {
    pub(crate) fn message(&self, channel: Channel, code: &Code, life: Duration) -> Message {
        let minutes = life.as_secs().div_ceil(60);
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        let digits = code.expose();
        // As a whole: what is cut off is what somebody would hide there.
        let pair = self.pair.as_ref().map(|(amount, payee)| (text::line(amount), text::line(payee)));
        let message = match channel {
            Channel::Voice => {
                let spoken = digits.chars().map(String::from).collect::<Vec<_>>().join(", ");
                let name = &self.spoken_name;
                let what = match &pair {
                    Some((amount, payee)) => format!("You are about to pay {amount} to {payee}. "),
                    None => String::new(),
                };
                let said = format!("{what}Your {name} verification code is: {spoken}. Again: {spoken}.");
                let call = Message::new(said);
                let call = match self.waits_for_key {
                    true => call
                        .after_key(format!("This is {name}. To hear your verification code, press any key.")),
                    false => call,
                };
                match &self.extension {
                    Some(digits) => call.after_dialling(digits),
                    None => call,
                }
            }
            _ => {
                let name = &self.name;
                let mut words = match &pair {
                    Some((amount, payee)) => {
                        format!(
                            "{digits} is your {name} code to pay {amount} to {payee}. Valid {minutes} {unit}."
                        )
                    }
                    None => format!("Your {name} verification code is: {digits}."),
                };
                if channel == Channel::Sms {
                    if self.warns {
                        words.push_str(&format!(" {WARNING}"));
                    }
                    if let Some(hash) = &self.app_hash {
                        words.push_str(&format!("\n\n{hash}"));
                    }
                }
                match channel {
                    Channel::Email => {
                        Message::new(words).with_subject(format!("Your {name} verification code"))
                    }
                    _ => Message::new(words),
                }
            }
        };
        match &self.locale {
            Some(locale) => message.in_language(locale),
            None => message,
        }
    }
}
