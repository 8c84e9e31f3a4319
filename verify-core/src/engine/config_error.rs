//! What can be wrong with the settings of an engine.

use crate::contact::Channel;
use crate::limit::LimitError;

/// A setting that does not make sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A plain-http origin without the development switch.
    #[error(
        "the origin `{origin}` is not https: cookies and codes would travel in the clear; `danger_plain_http` allows it in development"
    )]
    PlainHttp {
        /// The origin that was given.
        origin: String,
    },
    /// The plain-http switch together with a courier that delivers for real.
    #[error("plain http is for development, and a real courier is configured: take one of them out")]
    PlainHttpBesideReal,
    /// An inbox together with a courier that delivers for real.
    #[error(
        "a development courier shows codes to whoever looks, and a real courier is configured beside it: take one of them out"
    )]
    DevelopmentCourierBesideReal,
    /// Two who would both send the codes of one channel.
    #[error(
        "the codes of {channel:?} are a code service's, and a courier is configured for it too: take one of them out"
    )]
    CourierAndService {
        /// The channel.
        channel: Channel,
    },
    /// A real courier to phones, and no word on where its messages may go.
    #[error(
        "messages over {channel:?} cost money, and no country is allowed: `.countries(Countries::only([\"DE\", ..])?)`, or `Countries::any()` if you must"
    )]
    NoCountries {
        /// The channel.
        channel: Channel,
    },
    /// The site's name.
    #[error("the site's name is 1 to 40 printable characters on one line")]
    Site,
    /// The mount path.
    #[error("the mount path starts with one slash and has letters, digits, `-_.~` and single slashes only")]
    Mount,
    /// The cap on clearances.
    #[error("a clearance lives more than nothing and at most 30 days")]
    ClearanceLife,
    /// The block status.
    #[error(
        "a blocked request cannot answer {status}: use 400 to 499, `BlockStatus::StepUp` for 401, and never 428"
    )]
    Status {
        /// The status that was given.
        status: u16,
    },
    /// A text for messages.
    #[error("a text for messages over {channel:?} cannot be used: {what}")]
    Text {
        /// The channel that it is for.
        channel: Channel,
        /// What is wrong with it.
        what: String,
    },
    /// Blocks that are to become permanent, where none begin.
    #[error("`Budgets::permanently_after` counts blocks, and there are none without `Budgets::block_for`")]
    NoBlocks,
    /// A budget that would count nothing, or with which nobody could answer.
    #[error("a budget makes no sense: {what}")]
    Budget {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The deadline.
    #[error("a request waits for more than nothing and at most 60 seconds: {given:?} is no deadline")]
    Deadline {
        /// The time that was given.
        given: std::time::Duration,
    },
    /// The queue of messages.
    #[error("a queue of no messages sends none: `delivery_queue` is 1 at least")]
    Queue,
    /// A request limit.
    #[error("a request limit makes no sense: {0}")]
    Limit(#[from] LimitError),
}
