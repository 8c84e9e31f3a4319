//! The ledger: what was transferred, in memory.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A transfer as a customer asks for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    amount: String,
    currency: String,
    payee: Payee,
}

/// Several of them at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    pub(crate) payments: Vec<Order>,
}

/// Who gets the money.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payee {
    name: String,
    iban: String,
}

/// The same as a form has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderForm {
    amount: String,
    currency: String,
    payee_name: String,
    payee_iban: String,
}

impl From<OrderForm> for Order {
    fn from(form: OrderForm) -> Self {
        let payee = Payee { name: form.payee_name, iban: form.payee_iban };
        Self { amount: form.amount, currency: form.currency, payee }
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: usize,
    pub(crate) amount: String,
    pub(crate) currency: String,
    pub(crate) payee: Payee,
}

impl Entry {
    pub(crate) fn payee_name(&self) -> &str {
        &self.payee.name
    }

    pub(crate) fn payee_iban(&self) -> &str {
        &self.payee.iban
    }
}

/// What was transferred. Clones are one ledger.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Ledger {
    /// Enters a transfer and returns its number, counted from one.
    pub(crate) fn enter(&self, order: Order) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let id = entries.len() + 1;
        let Order { amount, currency, payee } = order;
        entries.push(Entry { id, amount, currency, payee });
        id
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
