//! Rate limits and their buckets over the wire.

use http::Method;
use verify_core::Reply;

use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::limits::{Bucket, LONGEST_INTERVAL, MOST_BUCKETS, MOST_LIMITS, RateLimit, is_unique_name};
use crate::twilio::listing::Page;
use crate::twilio::service::Service;
use crate::twilio::{reply, sid, text};

impl Inner {
    pub(crate) async fn create_limit(&self, call: &Call, service: &Service) -> Result<Reply, Fault> {
        let name = call.form.require("UniqueName")?;
        if !is_unique_name(name) {
            return Err(Fault::of(60_209));
        }
        let description = description(call)?.unwrap_or_default();
        let _change = self.catalog.change().await;
        if self.catalog.limits(service.sid()).await?.len() >= MOST_LIMITS {
            return Err(Fault::of(60_207));
        }
        let now = self.now();
        let limit = RateLimit {
            sid: sid::random("RK")?,
            account: service.account.clone(),
            service: service.sid().to_owned(),
            unique_name: name.to_owned(),
            description,
            created: now,
            updated: now,
        };
        if !self.catalog.add_limit(&limit).await? {
            return Err(Fault::of(60_208));
        }
        Ok(reply::created(&limit.json(call)))
    }

    pub(crate) async fn list_limits(&self, call: &Call, service: &Service) -> Result<Reply, Fault> {
        let page = Page::of(call)?;
        let limits = self.catalog.limits(service.sid()).await?;
        Ok(page.of_all(call, "rate_limits", &limits.iter().map(|limit| limit.json(call)).collect::<Vec<_>>()))
    }

    pub(crate) async fn one_limit(&self, call: &Call, service: &Service, sid: &str) -> Result<Reply, Fault> {
        let _change = match call.method {
            Method::GET => None,
            _ => Some(self.catalog.change().await),
        };
        let mut limit = self.limit(call, service, sid).await?;
        match call.method {
            Method::DELETE => {
                self.catalog.remove_limit(&limit).await?;
                return Ok(reply::gone());
            }
            Method::POST => {
                if let Some(description) = description(call)? {
                    limit.description = description;
                }
                limit.updated = self.now();
                self.catalog.put_limit(&limit).await?;
            }
            _ => {}
        }
        Ok(reply::ok(&limit.json(call)))
    }

    pub(crate) async fn create_bucket(
        &self,
        call: &Call,
        service: &Service,
        limit: &str,
    ) -> Result<Reply, Fault> {
        let limit = self.limit(call, service, limit).await?;
        let max = call.form.number("Max", 1..=u32::MAX)?.ok_or_else(|| Fault::missing("Max"))?;
        let interval = call.form.number("Interval", 1..=LONGEST_INTERVAL)?;
        let interval = interval.ok_or_else(|| Fault::missing("Interval"))?;
        let _change = self.catalog.change().await;
        let known = self.catalog.buckets(&limit.sid).await?;
        if known.iter().any(|bucket| bucket.interval == interval) {
            return Err(Fault::of(60_211));
        }
        if known.len() >= MOST_BUCKETS {
            return Err(Fault::of(60_210));
        }
        let now = self.now();
        let bucket = Bucket {
            sid: sid::random("BL")?,
            account: limit.account.clone(),
            service: limit.service.clone(),
            limit: limit.sid.clone(),
            max,
            interval,
            created: now,
            updated: now,
        };
        self.catalog.put_bucket(&bucket).await?;
        Ok(reply::created(&bucket.json(call)))
    }

    pub(crate) async fn list_buckets(
        &self,
        call: &Call,
        service: &Service,
        limit: &str,
    ) -> Result<Reply, Fault> {
        let page = Page::of(call)?;
        let limit = self.limit(call, service, limit).await?;
        let buckets = self.catalog.buckets(&limit.sid).await?;
        Ok(page.of_all(call, "buckets", &buckets.iter().map(|bucket| bucket.json(call)).collect::<Vec<_>>()))
    }

    pub(crate) async fn one_bucket(
        &self,
        call: &Call,
        service: &Service,
        limit: &str,
        sid: &str,
    ) -> Result<Reply, Fault> {
        let _change = match call.method {
            Method::GET => None,
            _ => Some(self.catalog.change().await),
        };
        let limit = self.limit(call, service, limit).await?;
        let found = if sid::is("BL", sid) { self.catalog.bucket(&limit.sid, sid).await? } else { None };
        let mut bucket = found.ok_or_else(|| call.not_found())?;
        match call.method {
            Method::DELETE => {
                self.catalog.remove_bucket(&bucket).await?;
                return Ok(reply::gone());
            }
            Method::POST => {
                let max = call.form.number("Max", 1..=u32::MAX)?;
                let interval = call.form.number("Interval", 1..=LONGEST_INTERVAL)?;
                let others = self.catalog.buckets(&limit.sid).await?;
                let clashes = |other: &Bucket| other.sid != bucket.sid && Some(other.interval) == interval;
                if others.iter().any(clashes) {
                    return Err(Fault::of(60_211));
                }
                bucket.max = max.unwrap_or(bucket.max);
                bucket.interval = interval.unwrap_or(bucket.interval);
                bucket.updated = self.now();
                self.catalog.put_bucket(&bucket).await?;
            }
            _ => {}
        }
        Ok(reply::ok(&bucket.json(call)))
    }

    async fn limit(&self, call: &Call, service: &Service, sid: &str) -> Result<RateLimit, Fault> {
        let found = if sid::is("RK", sid) { self.catalog.limit(service.sid(), sid).await? } else { None };
        found.ok_or_else(|| call.not_found())
    }
}

fn description(call: &Call) -> Result<Option<String>, Fault> {
    match call.form.get("Description")? {
        Some(words) if words.chars().count() > 256 || !text::is_one_line(words) => {
            Err(Fault::invalid("Description"))
        }
        words => Ok(words.map(str::to_owned)),
    }
}
