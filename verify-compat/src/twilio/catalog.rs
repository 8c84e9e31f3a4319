//! Everything that is configured, in its resources: services with their limits and buckets, and the safe list.
//!
//! A service is one value, and every change of it replaces the very value that was read. So two processes lose no change of
//! each other's, none brings back what the other one deletes, and whoever dies in between has changed all or nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::lock::Mutex;
use serde::de::DeserializeOwned;
use verify_core::StoreErrorKind;

use crate::resources::Resources;
use crate::twilio::ServiceConfig;
use crate::twilio::fault::Fault;
use crate::twilio::service::Service;

/// How often a change begins anew, because another process was faster. Each time one of them was done, so this many is a
/// crowd of administrators.
const TRIES: usize = 100;

/// All services: by their ids alone, so that none has two accounts.
const SERVICES: &str = "services/";

/// What is configured.
pub(crate) struct Catalog {
    resources: Arc<dyn Resources>,
    /// What the configuration declares, until it was written.
    declared: Vec<(String, ServiceConfig)>,
    is_seeded: AtomicBool,
    /// Who changes something in this process, one after the other: only other processes are in the way then.
    writing: Mutex<()>,
}

impl Catalog {
    pub(crate) fn new(resources: Arc<dyn Resources>, declared: Vec<(String, ServiceConfig)>) -> Self {
        Self { resources, declared, is_seeded: AtomicBool::new(false), writing: Mutex::new(()) }
    }

    /// Writes what the configuration declares, before anything is read: whatever was changed over the API since the last
    /// start is what the configuration says again, and what it does not declare any more goes. Services that were made over
    /// the API stay, and so do limits that it does not name, unless their service is another account's now.
    pub(crate) async fn seed(&self, now: u64) -> Result<(), Fault> {
        if self.is_seeded.load(Ordering::Acquire) {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        if self.is_seeded.load(Ordering::Acquire) {
            return Ok(());
        }
        for (account, options) in &self.declared {
            let declare = |known: Option<Service>| Service::declared(account, options, known, now).map(Some);
            self.replace(&options.sid, declare).await?;
        }
        for known in self.list::<Service>(SERVICES).await? {
            let is_declared = self.declared.iter().any(|(_, options)| options.sid == known.sid());
            if known.declared && !is_declared {
                self.resources.remove(&name_of(known.sid())).await?;
            }
        }
        self.is_seeded.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) async fn service(&self, account: &str, sid: &str) -> Result<Option<Service>, Fault> {
        let found: Option<Service> = self.get(&name_of(sid)).await?;
        Ok(found.filter(|service| service.account == account))
    }

    pub(crate) async fn services(&self, account: &str) -> Result<Vec<Service>, Fault> {
        let mut services: Vec<Service> = self.list(SERVICES).await?;
        services.retain(|service| service.account == account);
        services.sort_by(|a, b| (a.created, a.sid()).cmp(&(b.created, b.sid())));
        Ok(services)
    }

    pub(crate) async fn add_service(&self, service: &Service) -> Result<(), Fault> {
        self.resources.insert(&name_of(service.sid()), bytes_of(service)?).await?;
        Ok(())
    }

    /// Changes a service as a whole, or not at all where the change finds a fault; nothing if there is none of that account.
    /// The change may be made several times, each time of the service as it is then.
    pub(crate) async fn change(
        &self,
        account: &str,
        sid: &str,
        change: impl Fn(&mut Service) -> Result<(), Fault>,
    ) -> Result<Option<Service>, Fault> {
        let _writing = self.writing.lock().await;
        self.replace(sid, |known| {
            let Some(mut service) = known.filter(|service| service.account == account) else {
                return Ok(None);
            };
            change(&mut service)?;
            Ok(Some(service))
        })
        .await
    }

    pub(crate) async fn remove_service(&self, service: &Service) -> Result<(), Fault> {
        Ok(self.resources.remove(&name_of(service.sid())).await?)
    }

    /// Puts what is made of a service in its place, unless nothing is; and anew if somebody else has put something there.
    async fn replace(
        &self,
        sid: &str,
        make: impl Fn(Option<Service>) -> Result<Option<Service>, Fault>,
    ) -> Result<Option<Service>, Fault> {
        let name = name_of(sid);
        for _ in 0..TRIES {
            let held = self.resources.get(&name).await?;
            let known = held.as_deref().map(serde_json::from_slice).transpose()?;
            let Some(service) = make(known)? else { return Ok(None) };
            let bytes = bytes_of(&service)?;
            let is_done = match held {
                Some(held) if held == bytes => true,
                Some(held) => self.resources.replace(&name, &held, bytes).await?,
                None => self.resources.insert(&name, bytes).await?,
            };
            if is_done {
                return Ok(Some(service));
            }
        }
        Err(Fault::unavailable(StoreErrorKind::Unavailable))
    }

    /// The id of a number on the safe list, by the keyed name of the number.
    pub(crate) async fn safe(&self, account: &str, number: &str) -> Result<Option<String>, Fault> {
        self.get(&format!("safe/{account}/{number}")).await
    }

    /// Puts a number on the safe list; false if it is there.
    pub(crate) async fn add_safe(&self, account: &str, number: &str, sid: &str) -> Result<bool, Fault> {
        let sid = serde_json::to_vec(sid)?;
        Ok(self.resources.insert(&format!("safe/{account}/{number}"), sid.into()).await?)
    }

    pub(crate) async fn remove_safe(&self, account: &str, number: &str) -> Result<(), Fault> {
        Ok(self.resources.remove(&format!("safe/{account}/{number}")).await?)
    }

    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let value = self.resources.get(name).await?;
        Ok(value.map(|value| serde_json::from_slice(&value)).transpose()?)
    }

    async fn list<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, Fault> {
        let values = self.resources.list(prefix).await?;
        let read: Result<_, _> = values.iter().map(|(_, value)| serde_json::from_slice(value)).collect();
        Ok(read?)
    }
}

/// No such name is the beginning of another: ids have one length.
fn name_of(sid: &str) -> String {
    format!("{SERVICES}{sid}")
}

fn bytes_of(service: &Service) -> Result<Bytes, Fault> {
    Ok(serde_json::to_vec(service)?.into())
}
