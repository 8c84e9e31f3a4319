//! Couriers and contacts that fail.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::fmt::Debug;

use async_trait::async_trait;
use verify_core::{
    Channel, Contact, Contacts, ContactsError, Courier, CourierError, CourierErrorKind, Delivery, Subject,
};

/// Couriers and contacts that fail, and say so with what must not be repeated.
#[derive(Clone, Debug)]
pub struct Broken(pub CourierErrorKind);

pub const LEAK: &str = "hunter2-of-the-sms-service";

#[async_trait]
impl Courier for Broken {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let said = format!("{LEAK}: {} to {}", delivery.code().expose(), delivery.to().expose());
        Err(CourierError::new(self.0).with_source(said))
    }

    fn is_development(&self) -> bool {
        true
    }
}

#[async_trait]
impl Contacts for Broken {
    async fn contact(&self, subject: &Subject<'_>, _: Channel) -> Result<Option<Contact>, ContactsError> {
        Err(ContactsError::new(format!("{LEAK}: {}", subject.id())))
    }
}
