//! Rate limits and their buckets over the wire.

use http::Method;
use verify_core::Reply;

use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::limits::{Bucket, LONGEST_INTERVAL, MOST_BUCKETS, MOST_LIMITS, RateLimit, is_unique_name};
use crate::twilio::listing::Page;
use crate::twilio::service::Service;
use crate::twilio::{reply, text};

impl Inner {
    pub(crate) async fn create_limit(&self, call: &Call, service: &Service) -> Result<Reply, Fault> {
        let name = call.form.require("UniqueName")?;
        if !is_unique_name(name) {
            return Err(Fault::of(60_209));
        }
        let description = description(call)?.unwrap_or_default();
        let limit = RateLimit::new(name, &description, self.now())?;
        self.change(call, service, |service| {
            if service.limits.len() >= MOST_LIMITS {
                return Err(Fault::of(60_207));
            }
            if service.limits.iter().any(|known| known.unique_name == name) {
                return Err(Fault::of(60_208));
            }
            service.limits.push(limit.clone());
            Ok(())
        })
        .await?;
        Ok(reply::created(&limit.json(call, service)))
    }

    pub(crate) fn list_limits(call: &Call, service: &Service) -> Result<Reply, Fault> {
        let page = Page::of(call)?;
        let limits: Vec<_> = service.limits.iter().map(|limit| limit.json(call, service)).collect();
        Ok(page.of_all(call, "rate_limits", &limits))
    }

    pub(crate) async fn one_limit(&self, call: &Call, service: &Service, sid: &str) -> Result<Reply, Fault> {
        match call.method {
            Method::DELETE => {
                self.change(call, service, |service| {
                    limit_of(call, service, sid)?;
                    service.limits.retain(|limit| limit.sid != sid);
                    Ok(())
                })
                .await?;
                Ok(reply::gone())
            }
            Method::POST => {
                let (description, now) = (description(call)?, self.now());
                let changed = self.change(call, service, |service| {
                    let limit = limit_of(call, service, sid)?;
                    if let Some(description) = &description {
                        limit.description.clone_from(description);
                    }
                    limit.updated = now;
                    Ok(())
                });
                let mut changed = changed.await?;
                Ok(reply::ok(&limit_of(call, &mut changed, sid)?.json(call, service)))
            }
            _ => Ok(reply::ok(&limit(call, service, sid)?.json(call, service))),
        }
    }

    pub(crate) async fn create_bucket(
        &self,
        call: &Call,
        service: &Service,
        limit_sid: &str,
    ) -> Result<Reply, Fault> {
        let known = limit(call, service, limit_sid)?;
        let max = call.form.number("Max", 1..=u32::MAX)?.ok_or_else(|| Fault::missing("Max"))?;
        let interval = call.form.number("Interval", 1..=LONGEST_INTERVAL)?;
        let interval = interval.ok_or_else(|| Fault::missing("Interval"))?;
        let bucket = Bucket::new(max, interval, self.now())?;
        self.change(call, service, |service| {
            let limit = limit_of(call, service, limit_sid)?;
            if limit.buckets.iter().any(|known| known.interval == interval) {
                return Err(Fault::of(60_211));
            }
            if limit.buckets.len() >= MOST_BUCKETS {
                return Err(Fault::of(60_210));
            }
            limit.buckets.push(bucket.clone());
            Ok(())
        })
        .await?;
        Ok(reply::created(&bucket.json(call, service, known)))
    }

    pub(crate) fn list_buckets(call: &Call, service: &Service, limit_sid: &str) -> Result<Reply, Fault> {
        let page = Page::of(call)?;
        let limit = limit(call, service, limit_sid)?;
        let buckets: Vec<_> = limit.buckets.iter().map(|bucket| bucket.json(call, service, limit)).collect();
        Ok(page.of_all(call, "buckets", &buckets))
    }

    pub(crate) async fn one_bucket(
        &self,
        call: &Call,
        service: &Service,
        limit_sid: &str,
        sid: &str,
    ) -> Result<Reply, Fault> {
        let known = limit(call, service, limit_sid)?;
        let show = |limit: &RateLimit| match limit.buckets.iter().find(|bucket| bucket.sid == sid) {
            Some(bucket) => Ok(bucket.json(call, service, known)),
            None => Err(call.not_found()),
        };
        match call.method {
            Method::DELETE => {
                self.change(call, service, |service| {
                    let limit = limit_of(call, service, limit_sid)?;
                    let before = limit.buckets.len();
                    limit.buckets.retain(|bucket| bucket.sid != sid);
                    if limit.buckets.len() == before { Err(call.not_found()) } else { Ok(()) }
                })
                .await?;
                Ok(reply::gone())
            }
            Method::POST => {
                show(known)?;
                let max = call.form.number("Max", 1..=u32::MAX)?;
                let interval = call.form.number("Interval", 1..=LONGEST_INTERVAL)?;
                let now = self.now();
                let changed = self.change(call, service, |service| {
                    let buckets = &mut limit_of(call, service, limit_sid)?.buckets;
                    let clashes = |other: &Bucket| other.sid != sid && Some(other.interval) == interval;
                    if buckets.iter().any(clashes) {
                        return Err(Fault::of(60_211));
                    }
                    let bucket = buckets.iter_mut().find(|bucket| bucket.sid == sid);
                    let bucket = bucket.ok_or_else(|| call.not_found())?;
                    bucket.max = max.unwrap_or(bucket.max);
                    bucket.interval = interval.unwrap_or(bucket.interval);
                    bucket.updated = now;
                    Ok(())
                });
                let mut changed = changed.await?;
                Ok(reply::ok(&show(limit_of(call, &mut changed, limit_sid)?)?))
            }
            _ => Ok(reply::ok(&show(known)?)),
        }
    }

    async fn change(
        &self,
        call: &Call,
        service: &Service,
        change: impl Fn(&mut Service) -> Result<(), Fault>,
    ) -> Result<Service, Fault> {
        let changed = self.catalog.change(&service.account, service.sid(), change).await?;
        changed.ok_or_else(|| call.not_found())
    }
}

fn limit<'s>(call: &Call, service: &'s Service, sid: &str) -> Result<&'s RateLimit, Fault> {
    service.limits.iter().find(|limit| limit.sid == sid).ok_or_else(|| call.not_found())
}

fn limit_of<'s>(call: &Call, service: &'s mut Service, sid: &str) -> Result<&'s mut RateLimit, Fault> {
    service.limits.iter_mut().find(|limit| limit.sid == sid).ok_or_else(|| call.not_found())
}

fn description(call: &Call) -> Result<Option<String>, Fault> {
    match call.form.get("Description")? {
        Some(words) if words.chars().count() > 256 || !text::is_one_line(words) => {
            Err(Fault::invalid("Description"))
        }
        words => Ok(words.map(str::to_owned)),
    }
}
