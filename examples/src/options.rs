//! The command line of both banks.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use lexopt::prelude::{Long, ValueExt};
use verify_core::{Contact, KeyRing, MemoryStore, Preset, Store};
use verify_redis::RedisStore;

use crate::captcha::Captcha;
use crate::post::Post;

/// What the command line says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where to listen. Default: 127.0.0.1:3000; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The host that visitors type, which stands in messages and is compared with `Origin`. Default: localhost.
    pub host: String,
    /// Where facts are kept: `memory` (the default), or the URL of a Redis or Valkey, single or a cluster.
    pub store: String,
    /// What guards the feed: `altcha` (the default), `turnstile`, `hcaptcha` or `recaptcha`.
    pub captcha: Captcha,
    /// The folder `dist` of the unmodified npm package `altcha`, to be served with a page that uses its widget. Default:
    /// none; the pages of the engine need no widget.
    pub altcha_widget: Option<PathBuf>,
    /// Who delivers. Default: nobody; the inbox shows messages.
    pub post: Post,
    /// The ALTCHA format that proofs of work are asked in. Default: the second.
    pub work: Work,
    /// What payments are held to: `psd2` (the default), or `none`, which leaves every failure and limit as the engine has it by
    /// itself and as docs/protocol.md shows it.
    pub preset: Option<Preset>,
    /// Whether others than this machine may read the inbox: it shows every code to whoever asks. Default: no.
    pub danger_open_inbox: bool,
}

/// An ALTCHA format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// `v1`.
    First,
    /// `v2`.
    #[default]
    Second,
}

impl FromStr for Work {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "v1" => Ok(Self::First),
            "v2" => Ok(Self::Second),
            _ => Err("a proof of work is v1 or v2"),
        }
    }
}

impl Options {
    /// Reads the arguments of the process.
    ///
    /// # Errors
    /// When an argument is unknown or not understood.
    pub fn from_args() -> Result<Self, lexopt::Error> {
        Self::parse(std::env::args_os().skip(1))
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            listen: ([127, 0, 0, 1], 3000).into(),
            host: "localhost".to_owned(),
            store: MEMORY.to_owned(),
            captcha: Captcha::default(),
            altcha_widget: None,
            work: Work::default(),
            post: Post::default(),
            preset: Some(Preset::psd2()),
            danger_open_inbox: false,
        };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => options.listen = parser.value()?.parse()?,
                Long("host") => options.host = parser.value()?.string()?,
                Long("store") => options.store = parser.value()?.string()?,
                Long("captcha") => options.captcha = parser.value()?.parse()?,
                Long("altcha-widget") => options.altcha_widget = Some(parser.value()?.into()),
                Long("origin") => options.post.origin = Some(parser.value()?.parse()?),
                Long("smtp") => options.post.smtp = Some(parser.value()?.string()?),
                Long("mail-from") => options.post.mail_from = Some(parser.value()?.string()?),
                Long("mail-to") => options.post.mail_to = Some(parser.value()?.parse_with(Contact::email)?),
                Long("twilio") => options.post.twilio = Some(parser.value()?.parse()?),
                Long("phone") => options.post.phone = Some(parser.value()?.parse_with(Contact::phone)?),
                Long("work") => options.work = parser.value()?.parse()?,
                Long("preset") => {
                    options.preset = match parser.value()?.string()?.as_str() {
                        "psd2" => Some(Preset::psd2()),
                        "none" => None,
                        _ => return Err("--preset is psd2 or none".into()),
                    };
                }
                Long("danger-open-inbox") => options.danger_open_inbox = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(options)
    }
}

/// The store of one process.
pub(crate) const MEMORY: &str = "memory";

/// Opens the store. A program that cannot reach its store does not open.
///
/// # Errors
/// When the URL makes no sense, or nothing answers there, or what answers is not fit to be a store.
pub async fn open_store(store: &str) -> Result<Arc<dyn Store>, verify_redis::ConnectError> {
    if store == MEMORY {
        return Ok(Arc::new(MemoryStore::default()));
    }
    Ok(Arc::new(RedisStore::connect(store).await?))
}

/// Keys from `CHALLENGE_KEYS`, or a throw-away one, which says so in the log.
///
/// # Errors
/// When the variable is set and makes no sense.
pub fn keys() -> Result<KeyRing, verify_core::KeyError> {
    match std::env::var_os("CHALLENGE_KEYS") {
        Some(_) => KeyRing::from_env("CHALLENGE_KEYS"),
        None => KeyRing::throw_away(),
    }
}

/// Writes the log to standard error; `RUST_LOG` takes `target=level` pairs and defaults to `info`.
pub fn start_log() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read_and_refused() {
        let parse = |text: &str| Options::parse(text.split_whitespace().map(OsString::from));
        assert_eq!(parse("").unwrap().listen.port(), 3000);
        let options = parse("--listen 127.0.0.1:0 --host bank.test --store redis://127.0.0.1:1").unwrap();
        assert_eq!((options.listen.port(), options.host.as_str()), (0, "bank.test"));
        assert_eq!(options.store, "redis://127.0.0.1:1");
        assert_eq!(options.captcha, Captcha::Altcha);
        assert_eq!(parse("--captcha hcaptcha").unwrap().captcha, Captcha::Hcaptcha);
        assert!(parse("--captcha guess").is_err());
        let options = parse("--altcha-widget dist --work v1").unwrap();
        assert_eq!((options.altcha_widget, options.work), (Some("dist".into()), Work::First));
        assert!(parse("--work v3").is_err());
        assert_eq!(parse("").unwrap().preset, Some(Preset::psd2()));
        assert_eq!(parse("--preset psd2").unwrap().preset, Some(Preset::psd2()));
        assert_eq!(parse("--preset none").unwrap().preset, None);
        assert!(parse("--preset nist").is_err());
        assert!(!parse("").unwrap().danger_open_inbox);
        assert!(parse("--danger-open-inbox").unwrap().danger_open_inbox);
        let account = format!("AC{}", "a".repeat(32));
        let post = parse(&format!("--smtp smtp://localhost --twilio http://127.0.0.1:1,{account},secret"))
            .unwrap()
            .post;
        assert!(post.is_real() && post.twilio.is_some());
        assert!(parse("--twilio AC1").is_err() && parse("--phone 0123").is_err());
        assert!(parse("--listen nowhere").is_err() && parse("--colour").is_err());
    }
}
