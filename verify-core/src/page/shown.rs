//! A transaction on a page.

use crate::binding::Bound;
use crate::engine::Core;

/// A transaction, for the payer to check: from the sealed ticket, and from nowhere else (RTS 2018/389, 5(2)).
pub(super) struct Shown {
    pub(super) total: String,
    pub(super) up_to: bool,
    pub(super) is_batch: bool,
    pub(super) lines: Vec<Line>,
    pub(super) fields: Vec<(String, String)>,
}

pub(super) struct Line {
    pub(super) amount: String,
    pub(super) name: String,
    pub(super) account: String,
}

impl Shown {
    pub(super) fn of(core: &Core, bound: &Bound) -> Self {
        let transaction = &bound.transaction;
        let lines = transaction.lines().map(|(amount, payee)| Line {
            amount: core.amounts.format(amount),
            name: payee.name().to_owned(),
            account: payee.account().display(),
        });
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            total: core.amounts.format(&transaction.total()),
            up_to: transaction.is_up_to(),
            is_batch: transaction.is_batch(),
            lines: lines.collect(),
            fields: transaction.fields().map(own).collect(),
        }
    }
}
