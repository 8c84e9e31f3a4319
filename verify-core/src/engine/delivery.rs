//! Who brings codes and PINs to people, and which of them go together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code_service::CodeService;
use crate::contact::Channel;
use crate::courier::Courier;
use crate::engine::ConfigError;
use crate::pin_service::PinService;

/// Everybody whom a builder was given.
pub(super) struct Delivery {
    pub(super) couriers: BTreeMap<Channel, Arc<dyn Courier>>,
    pub(super) code_services: BTreeMap<Channel, Arc<dyn CodeService>>,
    pub(super) pin_service: Option<Arc<dyn PinService>>,
}

impl Delivery {
    /// The inbox in the place of whoever is missing.
    #[cfg(feature = "danger-development")]
    pub(super) fn or_inbox(mut self, inbox: Option<&crate::courier::Inbox>) -> Self {
        let Some(inbox) = inbox else { return self };
        tracing::warn!(target: "verify", "DEVELOPMENT INBOX: messages are shown to whoever opens the inbox page, and delivered to nobody");
        for channel in Channel::ALL {
            if !self.code_services.contains_key(&channel) && !self.couriers.contains_key(&channel) {
                self.couriers.insert(channel, Arc::new(inbox.clone()));
                // Where everything is somebody else's already, calls are not the inbox's either.
                self.pin_service.get_or_insert_with(|| Arc::new(inbox.clone()));
            }
        }
        self
    }

    /// What asks the developer goes neither with what reaches people, nor does that with plain http; and who pays for messages
    /// to phones says where they may go.
    pub(super) fn check(&self, plain_http: bool, names_countries: bool) -> Result<(), ConfigError> {
        let Self { couriers, code_services, pin_service } = self;
        if let Some(channel) = code_services.keys().find(|channel| couriers.contains_key(channel)) {
            return Err(ConfigError::CourierAndService { channel: *channel });
        }
        let kinds = couriers.values().map(|courier| courier.is_development());
        let kinds = kinds.chain(code_services.values().map(|_| false));
        let kinds: Vec<bool> =
            kinds.chain(pin_service.iter().map(|service| service.is_development())).collect();
        let (development, real) = (kinds.contains(&true), kinds.contains(&false));
        if development && real {
            return Err(ConfigError::DevelopmentCourierBesideReal);
        }
        if let Some(channel) = self.paid().next().filter(|_| !names_countries) {
            return Err(ConfigError::NoCountries { channel });
        }
        if plain_http && real {
            return Err(ConfigError::PlainHttpBesideReal);
        }
        Ok(())
    }

    /// Whether messages to phones are paid for.
    pub(super) fn pays_for_phones(&self) -> bool {
        self.paid().next().is_some()
    }

    /// The channels to phones that have a real courier. A service that places calls is one: they are paid by the minute.
    fn paid(&self) -> impl Iterator<Item = Channel> + '_ {
        let calls = self.pin_service.iter().filter(|service| !service.is_development());
        let paid = self
            .couriers
            .iter()
            .filter(|(channel, courier)| channel.is_phones() && !courier.is_development());
        paid.map(|(channel, _)| *channel).chain(calls.map(|_| Channel::Voice))
    }
}
