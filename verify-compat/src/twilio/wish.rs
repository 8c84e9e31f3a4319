//! What a start asks for, read and checked.

use serde_json::Value;
use verify_core::{Code, Contact};

use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::form::Form;
use crate::twilio::service::{Service, is_name};
use crate::twilio::verification::{Channel, Record};
use crate::twilio::wording::Wording;
use crate::twilio::{Settings, sid, text};

/// A start, as far as its form tells.
pub(crate) struct Wish {
    pub(crate) to: String,
    pub(crate) contact: Contact,
    /// Nothing for `auto`.
    pub(crate) channel: Option<Channel>,
    /// Amount and payee, byte for byte, where the service takes them.
    pub(crate) pair: Option<(String, String)>,
    pub(crate) code: Option<Code>,
    /// What rate limits count, by their names.
    pub(crate) counted: Vec<(String, String)>,
    name: Option<String>,
    locale: Option<String>,
    app_hash: Option<String>,
    extension: Option<String>,
}

/// The longest amount and the longest payee, in characters of the message that shows them: what is approved is read as a
/// whole, or not sent. The original publishes no numbers. No amount needs more than the first; the second is the longest name
/// of a payee in ISO 20022 (`Max140Text`).
const LONGEST_AMOUNT: usize = 40;
const LONGEST_PAYEE: usize = 140;

impl Wish {
    pub(crate) fn read(call: &Call, service: &Service, settings: &Settings) -> Result<Self, Fault> {
        let form = &call.form;
        let (to, channel) = (form.require("To")?, form.require("Channel")?);
        let channel = match channel {
            "auto" => None,
            // Silent network authentication takes a carrier, which nobody has in their own process.
            "sna" if service.options.psd2_enabled => return Err(Fault::of(60_329)),
            "sna" => return Err(Fault::of(60_223)),
            name => Some(Channel::from_name(name).ok_or_else(|| Fault::invalid("Channel"))?),
        };
        let contact = contact(to, channel)?;
        let pair = pair(form, service)?;
        if pair.is_some() && channel == Some(Channel::Call) && !settings.psd2_over_voice {
            return Err(Fault::of(60_214));
        }
        let code = match form.get("CustomCode")? {
            None => None,
            Some(_) if !service.options.custom_code_enabled => return Err(Fault::of(60_204)),
            Some(code) => Some(Code::chosen(code).map_err(|_| Fault::invalid("CustomCode"))?),
        };
        let name = form.get("CustomFriendlyName")?;
        if name.is_some_and(|name| !is_name(name)) {
            return Err(Fault::invalid("CustomFriendlyName"));
        }
        if form.get("CustomMessage")?.is_some() {
            return Err(Fault::of(60_243));
        }
        match form.get("TemplateSid")? {
            None => {}
            Some(template) if !sid::is("HJ", template) => return Err(Fault::invalid("TemplateSid")),
            Some(_) => return Err(Fault::of(60_228)),
        }
        let app_hash = form.get("AppHash")?;
        if app_hash.is_some() && channel != Some(Channel::Sms) {
            return Err(Fault::of(60_602));
        }
        let extension = form.get("SendDigits")?;
        checked(form)?;
        Ok(Self {
            to: to.to_owned(),
            contact,
            channel,
            pair,
            code,
            counted: counted(form)?,
            name: name.map(str::to_owned),
            locale: locale(form)?,
            app_hash: fits(app_hash, "AppHash", |hash| {
                hash.len() == 11 && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
            })?,
            extension: fits(extension, "SendDigits", |digits| {
                (1..=32).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit() || b"*#wW,".contains(&b))
            })?,
        })
    }

    pub(crate) fn is_for_a_transaction(&self) -> bool {
        self.pair.is_some()
    }

    pub(crate) fn is_mail(&self) -> bool {
        self.contact.fits(verify_core::Channel::Email)
    }

    /// What a code is bound to.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        self.pair.as_ref().map(|(amount, payee)| Record::pair(amount, payee))
    }

    pub(crate) fn wording(&self, service: &Service) -> Wording {
        let options = &service.options;
        let name = self.name.as_ref().unwrap_or(&options.friendly_name);
        Wording {
            name: name.clone(),
            spoken_name: self.name.as_ref().or(options.tts_name.as_ref()).unwrap_or(name).clone(),
            pair: self.pair.clone(),
            warns: options.do_not_share_warning_enabled,
            waits_for_key: options.dtmf_input_required,
            extension: self.extension.clone(),
            locale: self.locale.clone(),
            app_hash: self.app_hash.clone(),
        }
    }
}

/// A number in E.164, with its plus and without anything else, or for mail an address.
pub(crate) fn contact(to: &str, channel: Option<Channel>) -> Result<Contact, Fault> {
    let contact = match channel {
        Some(Channel::Email) => Contact::email(to).ok(),
        Some(_) => strict_phone(to),
        None => any_contact(to),
    };
    contact.ok_or_else(|| Fault::invalid("To"))
}

/// Whatever may stand in `To`: a number or an address.
pub(crate) fn any_contact(to: &str) -> Option<Contact> {
    strict_phone(to).or_else(|| Contact::email(to).ok())
}

pub(crate) fn strict_phone(to: &str) -> Option<Contact> {
    Contact::phone(to).ok().filter(|contact| contact.expose() == to)
}

/// Amount and payee where the service takes them: both, and neither empty. Elsewhere they are ignored, as the original does.
pub(crate) fn pair(form: &Form, service: &Service) -> Result<Option<(String, String)>, Fault> {
    if !service.options.psd2_enabled {
        return Ok(None);
    }
    let (Some(amount), Some(payee)) = (form.get("Amount")?, form.get("Payee")?) else {
        return Err(Fault::of(60_206));
    };
    if amount.is_empty() || payee.is_empty() {
        return Err(Fault::of(60_206));
    }
    for (name, text, longest) in [("Amount", amount, LONGEST_AMOUNT), ("Payee", payee, LONGEST_PAYEE)] {
        // Bytes that no message shows are bound as well, and kept: they too have an end.
        if text.len() > 8 * longest || !(1..=longest).contains(&text::line(text).chars().count()) {
            return Err(Fault::invalid(name));
        }
    }
    Ok(Some((amount.to_owned(), payee.to_owned())))
}

/// `RateLimits` is an object whose values are texts, or numbers as clients without types write them.
fn counted(form: &Form) -> Result<Vec<(String, String)>, Fault> {
    let Some(text) = form.get("RateLimits")? else { return Ok(Vec::new()) };
    let fault = || Fault::invalid("RateLimits");
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return Err(fault()) };
    let members = members.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
        _ => Err(fault()),
    });
    members.collect()
}

/// Parameters that are taken and have no effect here, so far as their form is documented.
fn checked(form: &Form) -> Result<(), Fault> {
    if !matches!(form.get("RiskCheck")?, None | Some("enable" | "disable")) {
        return Err(Fault::invalid("RiskCheck"));
    }
    form.flag("EnableSnaClientToken")?;
    if form.get("DeviceIp")?.is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_err()) {
        return Err(Fault::invalid("DeviceIp"));
    }
    for name in ["ChannelConfiguration", "TemplateCustomSubstitutions"] {
        if form.get(name)?.is_some_and(|text| !matches!(serde_json::from_str(text), Ok(Value::Object(_)))) {
            return Err(Fault::invalid(name));
        }
    }
    if let Some(text) = form.get("Tags")? {
        let Ok(Value::Object(tags)) = serde_json::from_str(text) else { return Err(Fault::invalid("Tags")) };
        let fits = |text: &str| text.chars().count() <= 128;
        let all = tags.iter().all(|(name, value)| fits(name) && value.as_str().is_some_and(fits));
        if tags.len() > 10 || !all {
            return Err(Fault::invalid("Tags"));
        }
    }
    Ok(())
}

/// A language, with a region or not: `de`, `pt-BR`. Messages are in English; calls get it for their voice.
fn locale(form: &Form) -> Result<Option<String>, Fault> {
    fits(form.get("Locale")?, "Locale", |text| {
        let mut parts = text.split(['-', '_']);
        let language = parts.next().unwrap_or_default();
        let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (2..=3).contains(&language.len())
            && language.bytes().all(|byte| byte.is_ascii_alphabetic())
            && parts.clone().count() <= 2
            && parts.all(|part| (2..=4).contains(&part.len()) && letters(part))
    })
}

fn fits(text: Option<&str>, name: &str, holds: impl Fn(&str) -> bool) -> Result<Option<String>, Fault> {
    match text {
        Some(text) if !holds(text) => Err(Fault::invalid(name)),
        text => Ok(text.map(str::to_owned)),
    }
}
