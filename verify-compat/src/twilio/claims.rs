//! Rate limits at work: which buckets a start counts against, and whether it is within them.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};

use crate::moment;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::limits::Bucket;
use crate::twilio::service::Service;

const REACHED: HeaderName = HeaderName::from_static("twilio-reached-rate-limit");

/// A bucket that a start counts against, for one value.
pub(crate) struct Claim {
    limit: String,
    bucket: Bucket,
    value: String,
}

impl Inner {
    /// What a start counts against. Names that are no rate limit of the service count nothing, and neither do limits
    /// without buckets.
    pub(crate) fn claims(service: &Service, counted: &[(String, String)]) -> Vec<Claim> {
        let mut claims = Vec::new();
        // All of the service's limits, of which there are few, rather than whatever names the form has.
        for limit in &service.limits {
            let Some((_, value)) = counted.iter().find(|(name, _)| *name == limit.unique_name) else {
                continue;
            };
            let claim = |bucket: &Bucket| Claim {
                limit: limit.unique_name.clone(),
                bucket: bucket.clone(),
                value: value.clone(),
            };
            claims.extend(limit.buckets.iter().map(claim));
        }
        claims
    }

    /// Looks whether one more start is within all buckets, or counts it in all of them.
    pub(crate) async fn within_limits(&self, claims: &[Claim], counts: bool) -> Result<(), Fault> {
        let ends = try_join_all(claims.iter().map(|claim| self.window(claim))).await?;
        let sums = claims.iter().zip(&ends).map(|(claim, end)| self.sum(claim, *end, u32::from(counts)));
        let sums: Vec<Result<u64, Fault>> = join_all(sums).await;
        let mut refused: Option<(u64, &str)> = None;
        for ((claim, end), sum) in claims.iter().zip(&ends).zip(sums) {
            let within = sum?.saturating_add(u64::from(!counts)) <= u64::from(claim.bucket.max);
            if !within && refused.is_none_or(|(latest, _)| *end > latest) {
                refused = Some((*end, &claim.limit));
            }
        }
        // The bucket that is full for longest: whoever waits so long is not refused for another one.
        let Some((end, limit)) = refused else { return Ok(()) };
        let fault = Fault::of(20_429).with(RETRY_AFTER, self.until(moment::at(end)));
        Err(match HeaderValue::try_from(limit) {
            Ok(limit) => fault.with(REACHED, limit),
            Err(_) => fault,
        })
    }

    /// When the present window of a bucket ends, in milliseconds since 1970. It begins with the first start in it, and ends
    /// when the store lets go of it: of several processes, whose clocks may be ahead, none throws away what others count in.
    async fn window(&self, claim: &Claim) -> Result<u64, Fault> {
        let Bucket { sid, interval, .. } = &claim.bucket;
        let parts: [&[u8]; 4] = [b"window", sid.as_bytes(), &interval.to_be_bytes(), claim.value.as_bytes()];
        let (name, now) = (self.book.notes.name(&parts), self.now());
        // Another start may begin it, or it may end, between the two steps.
        for _ in 0..3 {
            if let Some(end) = self.book.read::<u64>(&name).await? {
                return Ok(end);
            }
            let end = now.saturating_add(u64::from(*interval) * 1000);
            if self.book.insert(&name, &end, Duration::from_secs((*interval).into())).await? {
                return Ok(end);
            }
        }
        Err(Fault::unavailable(verify_core::StoreErrorKind::Unavailable))
    }

    async fn sum(&self, claim: &Claim, end: u64, n: u32) -> Result<u64, Fault> {
        let parts: [&[u8]; 4] =
            [b"starts", claim.bucket.sid.as_bytes(), claim.value.as_bytes(), &end.to_be_bytes()];
        let life = Duration::from_secs(u64::from(claim.bucket.interval) + 60);
        Ok(self.book.notes.add(&self.book.notes.name(&parts), n, life).await?)
    }
}
