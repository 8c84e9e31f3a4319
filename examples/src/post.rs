//! Who delivers the bank's messages: the inbox, or real couriers.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use verify_core::{Channel, Contact, Countries, EngineBuilder, Inbox, Origin};
use verify_providers::{HttpClient, Smtp, TwilioReceipts, TwilioSms};

/// What the command line says of it. With neither `--smtp` nor `--twilio` the inbox shows everything.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Post {
    /// The origin that visitors see, of a proxy with TLS in front of the bank: real messages are sent for no other.
    pub origin: Option<Origin>,
    /// A mail server, as `smtps://user:password@host`.
    pub smtp: Option<String>,
    /// Whom mail is from. Default: `no-reply` at the origin's host.
    pub mail_from: Option<String>,
    /// Every customer's mail address. Default: one each at `example.com`, which nobody reads.
    pub mail_to: Option<Contact>,
    /// An account at Twilio, or at a server that speaks its API.
    pub twilio: Option<Twilio>,
    /// Every customer's phone. Default: one each of those that are kept for fiction.
    pub phone: Option<Contact>,
}

/// `URL,sid,token`, and perhaps a sender behind it.
#[derive(Clone)]
pub struct Twilio {
    url: String,
    account: String,
    token: String,
    sender: String,
}

impl FromStr for Twilio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(',').collect();
        let (url, account, token, sender) = match parts[..] {
            // Twilio's own number for tests.
            [url, account, token] => (url, account, token, "+15005550006"),
            [url, account, token, sender] => (url, account, token, sender),
            _ => {
                return Err(
                    "an account is URL,sid,token and perhaps a sender: https://api.twilio.com,AC..,..,+1..",
                );
            }
        };
        let own = str::to_owned;
        Ok(Self { url: own(url), account: own(account), token: own(token), sender: own(sender) })
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Where Twilio tells what became of its messages.
pub const RECEIPTS: &str = "/receipts/twilio";

impl Post {
    /// Whether messages really leave.
    #[must_use]
    pub const fn is_real(&self) -> bool {
        self.smtp.is_some() || self.twilio.is_some()
    }

    /// The channels that payments are approved over: text messages, since a phone is the payer's possession and a mailbox is
    /// nobody's. Where there are none, mail: a bank that is held to PSD2 does not start with it, and says so.
    #[must_use]
    pub fn approvals(&self) -> Vec<Channel> {
        let mut channels = self.channels();
        channels.truncate(1);
        channels
    }

    /// The channels that the bank's other codes go over.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        let sms = self.twilio.is_some() || !self.is_real();
        let email = self.smtp.is_some() || !self.is_real();
        [(Channel::Sms, sms), (Channel::Email, email)]
            .into_iter()
            .filter_map(|(channel, is_served)| is_served.then_some(channel))
            .collect()
    }

    /// The origin, if it is not the listening one.
    ///
    /// # Errors
    /// When messages really leave, and nobody said what visitors see.
    pub fn origin(&self, plain: Origin) -> Result<Origin, Box<dyn Error>> {
        match &self.origin {
            Some(origin) => Ok(origin.clone()),
            None if self.is_real() => {
                Err("real messages need the https origin that visitors see: --origin https://bank.example"
                    .into())
            }
            None => Ok(plain),
        }
    }

    /// Puts the couriers in, or the inbox.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn serve(&self, builder: EngineBuilder, origin: &Origin) -> Result<EngineBuilder, Box<dyn Error>> {
        if !self.is_real() {
            let builder = builder.inbox(Inbox::new());
            return Ok(if origin.is_secure() { builder } else { builder.danger_plain_http() });
        }
        let mut builder = builder;
        if let Some(url) = &self.smtp {
            let from = self.mail_from.clone();
            let from = from.unwrap_or_else(|| format!("Demo Bank <no-reply@{}>", origin.host()));
            builder = builder.courier(Channel::Email, Smtp::new(url, &from)?);
        }
        if let Some(twilio) = &self.twilio {
            let sms = TwilioSms::new(HttpClient::new()?, &twilio.account, &twilio.token, &twilio.sender)?;
            let sms = sms.base_url(&twilio.url)?.receipts_at(&format!("{origin}{RECEIPTS}"))?;
            let home = self.phone.as_ref().and_then(Contact::country);
            let countries = Countries::only(home.map_or(vec!["US", "CA"], |home| vec![home.code()]))?;
            builder = builder.courier(Channel::Sms, sms).countries(countries);
        }
        Ok(builder)
    }

    /// What Twilio tells afterwards.
    ///
    /// # Errors
    /// When there is no token, or the origin is not https.
    pub fn receipts(
        &self,
        engine: &verify_core::Engine,
        origin: &Origin,
    ) -> Result<Option<TwilioReceipts>, Box<dyn Error>> {
        let Some(twilio) = &self.twilio else { return Ok(None) };
        Ok(Some(TwilioReceipts::new(engine, &twilio.token, &format!("{origin}{RECEIPTS}"))?))
    }
}
