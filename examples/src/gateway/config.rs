//! The gateway's configuration file: a table for each API, which is served if its table is there.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The configuration that is built in: for development, and it says so at start-up.
const DEVELOPMENT: &str = include_str!("../../gateway.toml");

/// What the configuration file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Catches every message and shows it at `/inbox`: for development. Default: no.
    #[serde(default)]
    pub inbox: bool,
}

impl Config {
    /// Reads a file, or the development configuration where none is named.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that is not known.
    pub fn read(path: Option<&Path>) -> Result<Self, GatewayError> {
        let Some(path) = path else { return Self::parse(DEVELOPMENT) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| GatewayError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, GatewayError> {
        // The parser's report quotes the line, and a line may hold a secret.
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            GatewayError::Config { line: before.lines().count().max(1), what: error.message().to_owned() }
        })
    }
}

/// Why a gateway does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The configuration file cannot be read.
    #[error("the configuration {} cannot be read: name another one with --config", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration says something that makes no sense.
    #[error("the configuration does not make sense near line {line}: {what}")]
    Config {
        /// Where.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The configuration has no API in it.
    #[error("the configuration serves nothing: give it the table of an API, as `[twilio]`")]
    Nothing,
    /// An engine was not built.
    #[error(transparent)]
    Engine(#[from] verify_core::ConfigError),
    /// A key was not made.
    #[error(transparent)]
    Keys(#[from] verify_core::KeyError),
    /// The address is no origin.
    #[error(transparent)]
    Origin(#[from] verify_core::InvalidOrigin),
}
