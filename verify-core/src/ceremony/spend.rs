//! What a message costs: the waits of its subject and of its address, and the budgets per address and source.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, try_join, try_join_all};

use crate::budgets::Quota;
use crate::ceremony::Ceremony;
use crate::ceremony::cooldown::Cooldown;
use crate::contact::Contact;
use crate::engine::Core;
use crate::facts;
use crate::refusal::Refusal;
use crate::store::Key;

/// The right to send one message, with what has to be given back if it never leaves.
#[derive(Debug)]
pub(super) struct Reserved {
    pub(super) resend_at: u64,
    subject_wait: Option<Key>,
    address_wait: Option<Key>,
}

impl Reserved {
    /// Ends the waits: nobody has to wait for a message that never left.
    pub(super) async fn release(&self, core: &Arc<Core>) -> Result<(), Refusal> {
        let take = |name: Option<Key>| async move {
            match name {
                Some(name) => core.store.take(&name).await.map(|_| ()),
                None => Ok(()),
            }
        };
        try_join(take(self.subject_wait), take(self.address_wait)).await?;
        Ok(())
    }
}

/// Reserves, or says who has to wait and how long; nothing if another request of this subject was faster.
pub(super) async fn reserve(
    ceremony: &Ceremony<'_>,
    contact: Option<&Contact>,
    mark: &Cooldown,
) -> Result<Option<Reserved>, Refusal> {
    let Ceremony { core, facts, now, .. } = ceremony;
    let mut reserved = Reserved { resend_at: mark.resend_at, subject_wait: None, address_wait: None };
    let wait = ceremony.until(mark.resend_at);
    if mark.resend_at > *now {
        let name = facts.cooldown();
        if !core.store.insert(&name, mark.write(), wait).await? {
            return Ok(None);
        }
        reserved.subject_wait = Some(name);
    }
    match pay(ceremony, contact, wait, &mut reserved).await {
        Ok(()) => Ok(Some(reserved)),
        Err(refusal) => {
            reserved.release(core).await?;
            Err(refusal)
        }
    }
}

async fn pay(
    ceremony: &Ceremony<'_>,
    contact: Option<&Contact>,
    wait: Duration,
    reserved: &mut Reserved,
) -> Result<(), Refusal> {
    let Ceremony { core, facts, now, .. } = ceremony;
    let destination = facts.destination(contact);
    let facts_key = core.keys.facts();
    let per_destination = ceremony.budgets().per_destination.iter();
    let per_source = ceremony.budgets().per_source.iter();
    let spending = ceremony.spending();
    let total = |whose: &[u8], quota: &Quota| facts::spending(facts_key, b"total", whose, *quota);
    let quotas: Vec<(Key, Quota)> = per_destination
        .map(|quota| (facts::destination_quota(facts_key, &destination, *quota), *quota))
        .chain(per_source.map(|quota| (facts::source_quota(facts_key, &ceremony.source, *quota), *quota)))
        .chain(spending.per_subject.iter().map(|quota| {
            (facts::spending(facts_key, b"subject", facts.identity().as_slice(), *quota), *quota)
        }))
        .chain(spending.in_total.iter().map(|quota| (total(&[], quota), *quota)))
        .collect();
    // Look first: what one budget refuses must not use up another. A look leaves nothing behind, so it need not wait for the
    // wait; but the wait that was begun has to be known even if the look fails, or nobody would end it.
    let waits = async {
        if reserved.resend_at > *now { wait_for(ceremony, &destination, wait).await } else { Ok(None) }
    };
    let (begun, looked) = join(waits, count(core, &quotas, 0)).await;
    reserved.address_wait = begun?;
    let counts = looked?;
    refuse_if(&quotas, |index, quota| {
        counts.get(index).is_some_and(|count| *count >= u64::from(quota.count))
    })?;
    // What goes to nobody uses up nothing of what all share, and is refused with all, so that nobody can tell.
    let whose = if contact.is_some() { &[] } else { facts.identity().as_slice() };
    let mut counted = quotas;
    for ((name, _), quota) in counted.iter_mut().rev().zip(spending.in_total.iter().rev()) {
        *name = total(whose, quota);
    }
    // Count then: of those that looked at the same time, not all get through.
    let counts = count(core, &counted, 1).await?;
    refuse_if(&counted, |index, quota| counts.get(index).is_some_and(|count| *count > u64::from(quota.count)))
}

/// Begins the wait of an address, or says that another subject's is running.
async fn wait_for(
    ceremony: &Ceremony<'_>,
    destination: &[u8; 16],
    wait: Duration,
) -> Result<Option<Key>, Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let name = facts.destination_cooldown(destination);
    // 96 bits tell users apart, and a store keeps one such entry for each address that was written to.
    let mine = facts.identity().first_chunk::<12>().map_or(&[][..], |mine| mine.as_slice());
    if core.store.insert(&name, mine.to_vec().into(), wait).await? {
        return Ok(Some(name));
    }
    match core.store.get(&name).await? {
        // One's own waits are counted for the subject already; another subject's keep it from being flooded.
        Some(other) if other.as_ref() != mine => Err(Refusal::RateLimited(wait)),
        _ => Ok(None),
    }
}

async fn count(core: &Arc<Core>, quotas: &[(Key, Quota)], n: u32) -> Result<Vec<u64>, Refusal> {
    let steps = quotas.iter().map(|(name, quota)| core.store.add(name, n, quota.window));
    Ok(try_join_all(steps).await?)
}

/// The longest window of those that are used up: whoever waits so long is not refused for it again.
fn refuse_if(quotas: &[(Key, Quota)], used_up: impl Fn(usize, &Quota) -> bool) -> Result<(), Refusal> {
    let spent = quotas.iter().enumerate().filter(|(index, (_, quota))| used_up(*index, quota));
    match spent.map(|(_, (_, quota))| quota.window).max() {
        Some(window) => Err(Refusal::RateLimited(window)),
        None => Ok(()),
    }
}
