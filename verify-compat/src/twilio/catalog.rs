//! Everything that is configured, in its resources: services, limits, buckets and the safe list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::lock::{Mutex, MutexGuard};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::resources::Resources;
use crate::twilio::fault::Fault;
use crate::twilio::limits::{Bucket, RateLimit};
use crate::twilio::service::Service;
use crate::twilio::{BucketConfig, ServiceConfig, sid};

/// What is configured.
pub(crate) struct Catalog {
    resources: Arc<dyn Resources>,
    /// What the configuration declares, until it was written.
    declared: Vec<(String, ServiceConfig)>,
    is_seeded: AtomicBool,
    /// Who changes something, one after the other: reading, changing and writing is three steps.
    writing: Mutex<()>,
}

impl Catalog {
    pub(crate) fn new(resources: Arc<dyn Resources>, declared: Vec<(String, ServiceConfig)>) -> Self {
        let is_seeded = AtomicBool::new(declared.is_empty());
        Self { resources, declared, is_seeded, writing: Mutex::new(()) }
    }

    /// The right to change something.
    pub(crate) async fn change(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Writes what the configuration declares, before anything is read: whatever was changed over the API since the last
    /// start is what the configuration says again. Limits that it does not name stay.
    pub(crate) async fn seed(&self, now: u64) -> Result<(), Fault> {
        if self.is_seeded.load(Ordering::Acquire) {
            return Ok(());
        }
        let _writing = self.change().await;
        if self.is_seeded.load(Ordering::Acquire) {
            return Ok(());
        }
        for (account, options) in &self.declared {
            let known = self.service(account, &options.sid).await?;
            let (created, updated) = match &known {
                Some(known) if known.options == without_limits(options) => (known.created, known.updated),
                Some(known) => (known.created, now),
                None => (now, now),
            };
            let service =
                Service { account: account.clone(), options: without_limits(options), created, updated };
            self.put(&service_name(account, &options.sid), &service).await?;
            for declared in &options.rate_limits {
                let name = &declared.unique_name;
                let limit = match self.limit_named(&options.sid, name).await? {
                    Some(limit) => limit,
                    None => RateLimit {
                        sid: sid::random("RK")?,
                        account: account.clone(),
                        service: options.sid.clone(),
                        unique_name: name.clone(),
                        description: declared.description.clone(),
                        created: now,
                        updated: now,
                    },
                };
                self.add_limit(&limit).await?;
                self.seed_buckets(&limit, &declared.buckets, now).await?;
            }
        }
        self.is_seeded.store(true, Ordering::Release);
        Ok(())
    }

    async fn seed_buckets(
        &self,
        limit: &RateLimit,
        declared: &[BucketConfig],
        now: u64,
    ) -> Result<(), Fault> {
        let known = self.buckets(&limit.sid).await?;
        for bucket in declared {
            let same = known.iter().find(|known| known.interval == bucket.interval);
            let bucket = Bucket {
                sid: same.map_or_else(|| sid::random("BL"), |same| Ok(same.sid.clone()))?,
                account: limit.account.clone(),
                service: limit.service.clone(),
                limit: limit.sid.clone(),
                max: bucket.max,
                interval: bucket.interval,
                created: same.map_or(now, |same| same.created),
                updated: now,
            };
            self.put_bucket(&bucket).await?;
        }
        Ok(())
    }

    pub(crate) async fn service(&self, account: &str, sid: &str) -> Result<Option<Service>, Fault> {
        self.get(&service_name(account, sid)).await
    }

    pub(crate) async fn services(&self, account: &str) -> Result<Vec<Service>, Fault> {
        let mut services: Vec<Service> = self.list(&format!("service/{account}/")).await?;
        services.sort_by(|a, b| (a.created, a.sid()).cmp(&(b.created, b.sid())));
        Ok(services)
    }

    pub(crate) async fn put_service(&self, service: &Service) -> Result<(), Fault> {
        self.put(&service_name(&service.account, service.sid()), service).await
    }

    pub(crate) async fn remove_service(&self, service: &Service) -> Result<(), Fault> {
        for limit in self.limits(service.sid()).await? {
            self.remove_limit(&limit).await?;
        }
        Ok(self.resources.remove(&service_name(&service.account, service.sid())).await?)
    }

    pub(crate) async fn limit(&self, service: &str, sid: &str) -> Result<Option<RateLimit>, Fault> {
        self.get(&format!("limit/{service}/{sid}")).await
    }

    pub(crate) async fn limit_named(&self, service: &str, name: &str) -> Result<Option<RateLimit>, Fault> {
        let sid: Option<String> = self.get(&limit_mark(service, name)).await?;
        match sid {
            Some(sid) => self.limit(service, &sid).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn limits(&self, service: &str) -> Result<Vec<RateLimit>, Fault> {
        let mut limits: Vec<RateLimit> = self.list(&format!("limit/{service}/")).await?;
        limits.sort_by(|a, b| (a.created, &a.sid).cmp(&(b.created, &b.sid)));
        Ok(limits)
    }

    /// Adds a limit, or writes it again; false if its name is another's.
    pub(crate) async fn add_limit(&self, limit: &RateLimit) -> Result<bool, Fault> {
        let mark = limit_mark(&limit.service, &limit.unique_name);
        let sid = serde_json::to_vec(&limit.sid)?;
        if !self.resources.insert(&mark, sid.into()).await? {
            let known: Option<String> = self.get(&mark).await?;
            if known.as_ref() != Some(&limit.sid) {
                return Ok(false);
            }
        }
        self.put_limit(limit).await?;
        Ok(true)
    }

    pub(crate) async fn put_limit(&self, limit: &RateLimit) -> Result<(), Fault> {
        self.put(&format!("limit/{}/{}", limit.service, limit.sid), limit).await
    }

    pub(crate) async fn remove_limit(&self, limit: &RateLimit) -> Result<(), Fault> {
        self.resources.remove(&format!("bucket/{}/", limit.sid)).await?;
        self.resources.remove(&format!("limit/{}/{}", limit.service, limit.sid)).await?;
        Ok(self.resources.remove(&limit_mark(&limit.service, &limit.unique_name)).await?)
    }

    pub(crate) async fn bucket(&self, limit: &str, sid: &str) -> Result<Option<Bucket>, Fault> {
        self.get(&format!("bucket/{limit}/{sid}")).await
    }

    pub(crate) async fn buckets(&self, limit: &str) -> Result<Vec<Bucket>, Fault> {
        let mut buckets: Vec<Bucket> = self.list(&format!("bucket/{limit}/")).await?;
        buckets.sort_by(|a, b| (a.created, &a.sid).cmp(&(b.created, &b.sid)));
        Ok(buckets)
    }

    pub(crate) async fn put_bucket(&self, bucket: &Bucket) -> Result<(), Fault> {
        self.put(&format!("bucket/{}/{}", bucket.limit, bucket.sid), bucket).await
    }

    pub(crate) async fn remove_bucket(&self, bucket: &Bucket) -> Result<(), Fault> {
        Ok(self.resources.remove(&format!("bucket/{}/{}", bucket.limit, bucket.sid)).await?)
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

    async fn put(&self, name: &str, value: &impl Serialize) -> Result<(), Fault> {
        Ok(self.resources.put(name, serde_json::to_vec(value)?.into()).await?)
    }
}

fn service_name(account: &str, sid: &str) -> String {
    format!("service/{account}/{sid}")
}

/// That a name is taken. The slash behind it ends the name: `remove` takes everything that begins so.
fn limit_mark(service: &str, name: &str) -> String {
    format!("limit-name/{service}/{name}/")
}

fn without_limits(options: &ServiceConfig) -> ServiceConfig {
    ServiceConfig { rate_limits: Vec::new(), ..options.clone() }
}
