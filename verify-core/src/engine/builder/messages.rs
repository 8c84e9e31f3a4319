//! Settings of messages: who delivers, whom to, where to, and in which words.

use std::sync::Arc;

use crate::code_service::CodeService;
use crate::contact::{Channel, Countries, NumberPlan};
use crate::courier::{Contacts, Courier, MessageTemplate};
use crate::engine::{EngineBuilder, MissingContacts, NotMe};
use crate::subject::Subject;
use crate::transaction::AmountFormat;

impl EngineBuilder {
    /// Who delivers over that channel. None by default: a policy that needs one does not start.
    pub fn courier(mut self, channel: Channel, courier: impl Courier) -> Self {
        self.couriers.insert(channel, Arc::new(courier));
        self
    }

    /// Who makes, delivers and checks the codes of these channels, instead of the engine and a courier. The channels of
    /// one factor are all of one service, or of none. The service's own texts are used, and its own number of digits: say
    /// the same with [`CodeFactor::digits`](crate::CodeFactor::digits). Default: none.
    pub fn code_service(
        mut self,
        channels: impl IntoIterator<Item = Channel>,
        service: impl CodeService,
    ) -> Self {
        let service: Arc<dyn CodeService> = Arc::new(service);
        self.code_services.extend(channels.into_iter().map(|channel| (channel, Arc::clone(&service))));
        self
    }

    /// Whom to deliver to: a closure, or an implementation of [`Contacts`].
    pub fn contacts(mut self, contacts: impl Contacts) -> Self {
        self.contacts = Some(Arc::new(contacts));
        self
    }

    /// What a send answers where [`EngineBuilder::contacts`] knows no address. Default: [`MissingContacts::Hide`].
    pub fn missing_contacts(mut self, missing: MissingContacts) -> Self {
        self.missing_contacts = missing;
        self
    }

    /// Which countries messages to phones go to, so that nobody makes you pay for numbers that they earn by (OWASP
    /// API4:2023). A number elsewhere is refused before anything is spent: as one that the channel does not reach where
    /// answers [tell](MissingContacts::Tell), else as if there were none. No default: an engine with a real courier for SMS,
    /// calls or WhatsApp does not start without. Without a real one, as beside an inbox, and for a [code
    /// service](Self::code_service), which has permissions of its own, every country counts unless this says otherwise.
    ///
    /// ```
    /// use verify_core::{ConfigError, Channel, Countries, Engine, KeyRing, Origin};
    /// # use verify_core::{Courier, CourierError, Delivery};
    /// # #[derive(Debug)] struct Sms;
    /// # #[async_trait::async_trait] impl Courier for Sms {
    /// #     async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> { Ok(()) }
    /// #     fn is_development(&self) -> bool { false }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
    /// let builder = || -> Result<_, Box<dyn std::error::Error>> {
    ///     Ok(Engine::builder(keys.clone(), Origin::parse("https://bank.example")?).courier(Channel::Sms, Sms))
    /// };
    /// assert!(matches!(builder()?.build(), Err(ConfigError::NoCountries { channel: Channel::Sms })));
    /// builder()?.countries(Countries::only(["DE", "AT"])?).build()?;
    /// # Ok(()) }
    /// ```
    pub fn countries(mut self, countries: Countries) -> Self {
        self.countries = Some(countries);
        self
    }

    /// Who knows which numbers are premium, free or no phone at all; they are refused as those of other countries are.
    /// Default: what is known without a library; see [`NumberPlan`].
    pub fn number_plan(mut self, plan: impl NumberPlan) -> Self {
        self.number_plan = Some(Arc::new(plan));
        self
    }

    /// The text of messages on that channel that approve a transaction, in your own words and language. In braces may
    /// stand `site`, `code`, `amount`, `payee`, `account` and `minutes`; without `{code}`, `{amount}` and `{payee}` the
    /// engine does not start. An SMS gets the origin-bound line behind it. Default: a text in English.
    pub fn approval_text(self, channel: Channel, text: impl Into<String>) -> Self {
        self.message(MessageTemplate::approval(channel, text))
    }

    /// A message in your own words and language, for all policies or one; see [`MessageTemplate`]. Default: texts in English.
    pub fn message(mut self, template: MessageTemplate) -> Self {
        self.templates.push(template);
        self
    }

    /// What a subject reads, as a BCP 47 tag, for whichever [messages](Self::message) have a language. It is asked when the message is
    /// written, which is after the request was answered wherever answers must not tell who has an address. Default: nobody said.
    pub fn language(
        mut self,
        language: impl Fn(&Subject<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.language = Some(Box::new(language));
        self
    }

    /// Of how many parts a text message may be, each of which is paid for: a policy whose message can come to more, with the
    /// longest amount and payee, does not start. Default: 2. That is for letters of the default alphabet
    /// ([`SmsEncoding::Gsm7`](crate::SmsEncoding)); a payee in others makes the same text up to 2.3 times as many parts.
    pub fn sms_parts(mut self, parts: usize) -> Self {
        self.sms_parts = parts;
        self
    }

    /// What follows when a reader says that a message is none of theirs. Default: [`NotMe::Void`].
    pub fn not_me(mut self, what: NotMe) -> Self {
        self.not_me = what;
        self
    }

    /// How amounts are written for people. Default: [`AmountFormat::International`].
    pub fn amounts(mut self, format: AmountFormat) -> Self {
        self.amounts = format;
        self
    }

    /// How many messages may be on their way to couriers at once, in this process. Beyond it a send is answered with 503
    /// before anything is spent. Default: 1000, a second's worth for a courier that takes one.
    pub fn delivery_queue(mut self, messages: usize) -> Self {
        self.queue = messages;
        self
    }

    /// Catches the messages of all channels that have no courier and shows them under the endpoints, at `inbox`.
    #[cfg(feature = "danger-development")]
    pub fn inbox(mut self, inbox: crate::courier::Inbox) -> Self {
        self.inbox = Some(inbox);
        self
    }
}
