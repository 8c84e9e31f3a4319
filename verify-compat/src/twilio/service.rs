//! A service: its options, checked, and as the wire shows them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::moment;
use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::form::Form;
use crate::twilio::limits::{Bucket, RateLimit};
use crate::twilio::{ServiceConfig, Settings, sid, text};

/// A service as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Service {
    pub(crate) account: String,
    /// Whether the configuration declares it, or did at the last start: what it declares no more goes.
    pub(crate) declared: bool,
    pub(crate) options: ServiceConfig,
    pub(crate) limits: Vec<RateLimit>,
    /// In milliseconds since 1970.
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

/// The longest name, in characters: the original's documentation says 30, its description 32.
const LONGEST_NAME: usize = 30;

impl Service {
    pub(crate) fn sid(&self) -> &str {
        &self.options.sid
    }

    /// As the configuration declares it, given what is known by its id. What is known of another account's is forgotten.
    pub(crate) fn declared(
        account: &str,
        declared: &ServiceConfig,
        known: Option<Self>,
        now: u64,
    ) -> Result<Self, Fault> {
        let options = ServiceConfig { rate_limits: Vec::new(), ..declared.clone() };
        let known = known.filter(|known| known.account == account);
        let mut service = match known {
            Some(known) => {
                let updated = if known.options == options { known.updated } else { now };
                Self { declared: true, options, updated, ..known }
            }
            None => Self {
                account: account.to_owned(),
                declared: true,
                options,
                limits: Vec::new(),
                created: now,
                updated: now,
            },
        };
        for declared in &declared.rate_limits {
            let known = service.limits.iter().position(|limit| limit.unique_name == declared.unique_name);
            let mut limit = match known {
                Some(at) => service.limits.remove(at),
                None => RateLimit::new(&declared.unique_name, &declared.description, now)?,
            };
            limit.description.clone_from(&declared.description);
            for declared in &declared.buckets {
                match limit.buckets.iter_mut().find(|bucket| bucket.interval == declared.interval) {
                    Some(known) if known.max == declared.max => {}
                    Some(known) => (known.max, known.updated) = (declared.max, now),
                    None => limit.buckets.push(Bucket::new(declared.max, declared.interval, now)?),
                }
            }
            service.limits.push(limit);
        }
        service.limits.sort_by(|a, b| (a.created, &a.sid).cmp(&(b.created, &b.sid)));
        Ok(service)
    }

    /// How long a verification lives, in seconds.
    pub(crate) fn ttl(&self, settings: &Settings) -> u32 {
        self.options.ttl_seconds.unwrap_or(settings.ttl_seconds)
    }

    pub(crate) fn sends_fresh_codes(&self, settings: &Settings) -> bool {
        self.options.fresh_code.unwrap_or(settings.fresh_code)
    }

    pub(crate) fn json(&self, call: &Call) -> Value {
        let options = &self.options;
        let url = call.url(&format!("Services/{}", options.sid));
        let issuer = options.totp.issuer.as_deref().unwrap_or(&options.friendly_name);
        json!({
            "sid": options.sid,
            "account_sid": self.account,
            "friendly_name": options.friendly_name,
            "code_length": options.code_length,
            "lookup_enabled": options.lookup_enabled,
            "psd2_enabled": options.psd2_enabled,
            "skip_sms_to_landlines": options.skip_sms_to_landlines,
            "dtmf_input_required": options.dtmf_input_required,
            "tts_name": options.tts_name,
            "do_not_share_warning_enabled": options.do_not_share_warning_enabled,
            "custom_code_enabled": options.custom_code_enabled,
            "push": options.push,
            "totp": {
                "issuer": issuer,
                "time_step": options.totp.time_step,
                "code_length": options.totp.code_length,
                "skew": options.totp.skew,
            },
            "whatsapp": options.whatsapp,
            "passkeys": options.passkeys,
            "default_template_sid": options.default_template_sid,
            "verify_event_subscription_enabled": options.verify_event_subscription_enabled,
            "date_created": moment::text(self.created),
            "date_updated": moment::text(self.updated),
            "url": url,
            "links": {
                "verification_checks": format!("{url}/VerificationCheck"),
                "verifications": format!("{url}/Verifications"),
                "rate_limits": format!("{url}/RateLimits"),
                "messaging_configurations": format!("{url}/MessagingConfigurations"),
                "entities": format!("{url}/Entities"),
                "webhooks": format!("{url}/Webhooks"),
                "access_tokens": format!("{url}/AccessTokens"),
            },
        })
    }
}

impl ServiceConfig {
    /// Changes what the form names and nothing else.
    pub(crate) fn apply(&mut self, form: &Form) -> Result<(), Fault> {
        let set = |place: &mut String, name| -> Result<(), Fault> {
            if let Some(text) = form.get(name)? {
                text.clone_into(place);
            }
            Ok(())
        };
        let optional = |place: &mut Option<String>, name| -> Result<(), Fault> {
            if let Some(text) = form.get(name)? {
                *place = (!text.is_empty()).then(|| text.to_owned());
            }
            Ok(())
        };
        let flag = |place: &mut bool, name| -> Result<(), Fault> {
            *place = form.flag(name)?.unwrap_or(*place);
            Ok(())
        };
        let byte = |place: &mut u8, name| -> Result<(), Fault> {
            if let Some(number) = form.number(name, 0..=255)? {
                *place = u8::try_from(number).map_err(|_| Fault::invalid(name))?;
            }
            Ok(())
        };
        set(&mut self.friendly_name, "FriendlyName")?;
        byte(&mut self.code_length, "CodeLength")?;
        flag(&mut self.lookup_enabled, "LookupEnabled")?;
        flag(&mut self.psd2_enabled, "Psd2Enabled")?;
        flag(&mut self.skip_sms_to_landlines, "SkipSmsToLandlines")?;
        flag(&mut self.dtmf_input_required, "DtmfInputRequired")?;
        optional(&mut self.tts_name, "TtsName")?;
        flag(&mut self.do_not_share_warning_enabled, "DoNotShareWarningEnabled")?;
        flag(&mut self.custom_code_enabled, "CustomCodeEnabled")?;
        flag(&mut self.push.include_date, "Push.IncludeDate")?;
        optional(&mut self.push.apn_credential_sid, "Push.ApnCredentialSid")?;
        optional(&mut self.push.fcm_credential_sid, "Push.FcmCredentialSid")?;
        optional(&mut self.totp.issuer, "Totp.Issuer")?;
        byte(&mut self.totp.time_step, "Totp.TimeStep")?;
        byte(&mut self.totp.code_length, "Totp.CodeLength")?;
        byte(&mut self.totp.skew, "Totp.Skew")?;
        optional(&mut self.default_template_sid, "DefaultTemplateSid")?;
        optional(&mut self.whatsapp.msg_service_sid, "Whatsapp.MsgServiceSid")?;
        optional(&mut self.whatsapp.from, "Whatsapp.From")?;
        let passkeys = &mut self.passkeys;
        optional(&mut passkeys.relying_party.id, "Passkeys.RelyingParty.Id")?;
        optional(&mut passkeys.relying_party.name, "Passkeys.RelyingParty.Name")?;
        optional(&mut passkeys.authenticator_attachment, "Passkeys.AuthenticatorAttachment")?;
        optional(&mut passkeys.discoverable_credentials, "Passkeys.DiscoverableCredentials")?;
        optional(&mut passkeys.user_verification, "Passkeys.UserVerification")?;
        // One text with commas, or the parameter several times: clients differ.
        let origins = form.all("Passkeys.RelyingParty.Origins").flat_map(|text| text.split(','));
        let origins: Vec<String> = origins.map(|origin| origin.trim().to_owned()).collect();
        if !origins.is_empty() {
            passkeys.relying_party.origins = Some(origins);
        }
        flag(&mut self.verify_event_subscription_enabled, "VerifyEventSubscriptionEnabled")?;
        match self.fault() {
            Some(parameter) => Err(Fault::invalid(parameter)),
            None => Ok(()),
        }
    }

    /// The parameter that makes no sense, if one does not.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let id = |prefix, id: &Option<String>| id.as_deref().is_none_or(|id| sid::is(prefix, id));
        let short = |text: &Option<String>| {
            text.as_deref().is_none_or(|text| text.len() <= 256 && text::is_one_line(text))
        };
        let word =
            |word: &Option<String>, known: &[&str]| word.as_deref().is_none_or(|word| known.contains(&word));
        let passkeys = &self.passkeys;
        let wishes = ["required", "preferred", "discouraged"];
        let origins = passkeys.relying_party.origins.as_deref().unwrap_or_default();
        let checks = [
            ("FriendlyName", is_name(&self.friendly_name)),
            ("CodeLength", (4..=10).contains(&self.code_length)),
            ("TtsName", self.tts_name.as_deref().is_none_or(is_name)),
            ("SkipSmsToLandlines", !self.skip_sms_to_landlines || self.lookup_enabled),
            ("Push.ApnCredentialSid", id("CR", &self.push.apn_credential_sid)),
            ("Push.FcmCredentialSid", id("CR", &self.push.fcm_credential_sid)),
            ("Totp.Issuer", short(&self.totp.issuer)),
            ("Totp.TimeStep", (20..=60).contains(&self.totp.time_step)),
            ("Totp.CodeLength", (3..=8).contains(&self.totp.code_length)),
            ("Totp.Skew", self.totp.skew <= 2),
            ("DefaultTemplateSid", id("HJ", &self.default_template_sid)),
            ("Whatsapp.MsgServiceSid", id("MG", &self.whatsapp.msg_service_sid)),
            ("Whatsapp.From", short(&self.whatsapp.from)),
            ("Passkeys.RelyingParty.Id", short(&passkeys.relying_party.id)),
            ("Passkeys.RelyingParty.Name", short(&passkeys.relying_party.name)),
            (
                "Passkeys.RelyingParty.Origins",
                origins.len() <= 20 && origins.iter().all(|origin| short(&Some(origin.clone()))),
            ),
            (
                "Passkeys.AuthenticatorAttachment",
                word(&passkeys.authenticator_attachment, &["platform", "cross-platform", "any"]),
            ),
            ("Passkeys.DiscoverableCredentials", word(&passkeys.discoverable_credentials, &wishes)),
            ("Passkeys.UserVerification", word(&passkeys.user_verification, &wishes)),
            ("TtlSeconds", self.ttl_seconds.is_none_or(|ttl| (120..=86_400).contains(&ttl))),
        ];
        checks.into_iter().find(|(_, holds)| !holds).map(|(parameter, _)| parameter)
    }
}

/// A name in messages: 1 to 30 characters on one line, of which at most four are digits of any script, so that no name passes
/// for a code or a number.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.chars().count())
        && name.chars().filter(|c| c.is_numeric()).count() <= 4
        && !name.trim().is_empty()
        && text::is_one_line(name)
}
