//! A courier that keeps what it was given, and does what a test tells it to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use verify_core::{
    Channel, Courier, CourierError, CourierErrorKind, Delivery, EngineBuilder, MissingContacts,
};

use crate::bank::Bank;

/// A message as it left.
#[derive(Clone)]
pub struct Parcel {
    pub id: String,
    pub channel: Channel,
    pub to: String,
    pub text: String,
    pub subject: Option<String>,
    pub code: String,
    pub sent_at: SystemTime,
    pub expires_at: SystemTime,
    pub receipt: String,
    /// How it prints.
    pub debug: String,
}

/// What becomes of the next messages.
#[derive(Clone, Copy, Default)]
pub enum Mood {
    #[default]
    Delivers,
    Fails(CourierErrorKind),
    /// Never answers.
    Hangs,
}

type During = Box<dyn Fn(&Parcel) + Send + Sync>;

/// Clones are one courier.
#[derive(Clone, Default)]
pub struct Post {
    parcels: Arc<Mutex<Vec<Parcel>>>,
    mood: Arc<Mutex<Mood>>,
    during: Arc<Mutex<Option<During>>>,
    refuses: Arc<Mutex<Vec<Channel>>>,
}

impl Post {
    pub fn mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Runs while a message is being delivered.
    pub fn during(&self, run: impl Fn(&Parcel) + Send + Sync + 'static) {
        *self.during.lock().unwrap() = Some(Box::new(run));
    }

    /// Will never deliver over these channels.
    pub fn refuses(&self, channels: impl IntoIterator<Item = Channel>) {
        *self.refuses.lock().unwrap() = channels.into_iter().collect();
    }

    pub fn parcels(&self) -> Vec<Parcel> {
        self.parcels.lock().unwrap().clone()
    }

    pub fn last(&self) -> Parcel {
        self.parcels().pop().expect("something was handed over")
    }

    pub fn len(&self) -> usize {
        self.parcels.lock().unwrap().len()
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}

#[async_trait]
impl Courier for Post {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let parcel = Parcel {
            id: delivery.id(),
            channel: delivery.channel(),
            to: delivery.to().expose().to_owned(),
            text: delivery.message().text().to_owned(),
            subject: delivery.message().subject().map(str::to_owned),
            code: delivery.code().expose().to_owned(),
            sent_at: delivery.sent_at(),
            expires_at: delivery.expires_at(),
            receipt: delivery.receipt().to_owned(),
            debug: format!("{delivery:?} {:?} {:?} {:?}", delivery.message(), delivery.code(), delivery.to()),
        };
        assert_eq!(delivery.id(), parcel.id, "one message has one id, however often it is asked");
        self.parcels.lock().unwrap().push(parcel.clone());
        if let Some(during) = &*self.during.lock().unwrap() {
            during(&parcel);
        }
        if self.refuses.lock().unwrap().contains(&delivery.channel()) {
            return Err(CourierError::new(CourierErrorKind::Refused));
        }
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Delivers => Ok(()),
            Mood::Fails(kind) => Err(CourierError::new(kind)),
            Mood::Hangs => std::future::pending().await,
        }
    }

    fn is_development(&self) -> bool {
        true
    }
}

/// Answers wait for the courier and tell what it said.
pub fn posted(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> (Bank, Post) {
    let post = Post::default();
    let bank = Bank::with(|builder| {
        let builder = builder.missing_contacts(MissingContacts::Tell);
        let builder = [Channel::Sms, Channel::Email, Channel::Voice]
            .into_iter()
            .fold(builder, |builder, channel| builder.courier(channel, post.clone()));
        change(builder)
    });
    (bank, post)
}
