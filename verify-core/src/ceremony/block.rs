//! Blocks: what follows when a user has used up the budget of consecutive failures (RTS 2018/389, 4(3)(b) and 4(4)).

use std::time::Duration;

use bytes::Bytes;

use crate::audit::EventKind;
use crate::budgets::PERMANENT;
use crate::ceremony::Ceremony;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::ticket::Ticket;

/// Blocks are counted within a day of the first.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whether the subject is blocked at this factor. Costs nothing where no blocks are configured.
pub(super) async fn stands(ceremony: &Ceremony<'_>) -> Result<bool, StoreError> {
    let Ceremony { core, facts, .. } = ceremony;
    if ceremony.budgets().block.is_none() {
        return Ok(false);
    }
    Ok(core.store.get(&facts.block()).await?.is_some())
}

/// Blocks the subject, longer or for good if it has come to that often enough.
pub(super) async fn begin(ceremony: &Ceremony<'_>, challenge: &Ticket) -> Result<(), Refusal> {
    let Ceremony { core, facts, .. } = ceremony;
    let Some(time) = ceremony.budgets().block else { return Ok(()) };
    let times = core.store.add(&facts.blocks(), 1, DAY).await?;
    let most = ceremony.budgets().permanent_after.map(u64::from);
    let permanent = most.is_some_and(|most| times >= most);
    let time = if permanent { PERMANENT } else { time };
    core.store.insert(&facts.block(), Bytes::new(), time).await?;
    // When it is over, the budget begins anew.
    core.store.add(&facts.era(), 1, PERMANENT).await?;
    ceremony.record_as(if permanent { EventKind::BlockedPermanently } else { EventKind::Blocked }, challenge);
    if most.is_some_and(|most| times + 1 == most) {
        ceremony.record_as(EventKind::AboutToBlockPermanently, challenge);
    }
    Ok(())
}
