//! Mail addresses: one plain form, and one name for all that reach the same mailbox.

use zeroize::Zeroizing;

/// The one form of an address: the local part as it was typed, the domain in small letters.
pub(super) fn canonical(text: &str) -> Option<Zeroizing<String>> {
    let (local, domain) = text.rsplit_once('@')?;
    let local_fits = (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&b))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = domain.split('.').count();
    let top_is_name = domain.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
    if !local_fits || text.len() > 254 || labels < 2 || !top_is_name || !domain.split('.').all(label_fits) {
        return None;
    }
    Some(Zeroizing::new(format!("{local}@{}", domain.to_ascii_lowercase())))
}

/// What budgets count an address by: without the tag behind a plus, and in small letters. Hardly a mailbox tells the
/// spellings apart, so one person could else have as many budgets as there are tags; and where one does, two people share
/// a budget, which costs them nothing but patience. Dots stay: they are somebody else in most places.
pub(super) fn counted(canonical: &str) -> Zeroizing<String> {
    let (local, domain) = canonical.split_once('@').unwrap_or((canonical, ""));
    let bare = local.split_once('+').map_or(local, |(bare, _)| bare);
    let bare = if bare.is_empty() { local } else { bare };
    Zeroizing::new(format!("{}@{domain}", bare.to_ascii_lowercase()))
}
