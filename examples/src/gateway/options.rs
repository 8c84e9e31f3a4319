//! The command line of the gateway.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lexopt::prelude::{Long, ValueExt};

use crate::options::MEMORY;

/// What the command line says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Where to listen. Default: 127.0.0.1:3900; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The configuration. Default: the development configuration that is built in.
    pub config: Option<PathBuf>,
    /// The folder of what outlives the process. Default: `gateway-data` beside the configuration file, or in the working
    /// directory.
    pub data: Option<PathBuf>,
    /// Which framework serves. Default: axum.
    pub framework: Framework,
    /// Where facts are kept: `memory` (the default), or the URL of a Redis or Valkey, single or a cluster.
    pub store: String,
    /// Whether others than this machine may read the inbox: it shows every code to whoever asks. Default: no.
    pub danger_open_inbox: bool,
}

/// Which framework serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framework {
    /// axum, through `verify-tower`.
    Axum,
    /// actix-web, through `verify-actix`.
    Actix,
}

impl Options {
    /// Reads the arguments of the process.
    ///
    /// # Errors
    /// When an argument is unknown or not understood.
    pub fn from_args() -> Result<Self, lexopt::Error> {
        Self::parse(std::env::args_os().skip(1))
    }

    /// The folder of what outlives the process.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        let beside = self.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        self.data.clone().unwrap_or_else(|| beside.join("gateway-data"))
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut options = Self {
            listen: ([127, 0, 0, 1], 3900).into(),
            config: None,
            data: None,
            framework: Framework::Axum,
            store: MEMORY.to_owned(),
            danger_open_inbox: false,
        };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => options.listen = parser.value()?.parse()?,
                Long("config") => options.config = Some(parser.value()?.into()),
                Long("data") => options.data = Some(parser.value()?.into()),
                Long("framework") => {
                    options.framework = match parser.value()?.string()?.as_str() {
                        "axum" => Framework::Axum,
                        "actix" => Framework::Actix,
                        _ => return Err("--framework is axum or actix".into()),
                    };
                }
                Long("store") => options.store = parser.value()?.string()?,
                Long("danger-open-inbox") => options.danger_open_inbox = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, lexopt::Error> {
        Options::parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_command_line_is_read_and_refused() {
        let options = parse("").unwrap();
        assert_eq!((options.listen.port(), options.framework), (3900, Framework::Axum));
        assert_eq!(parse("--framework actix").unwrap().framework, Framework::Actix);
        assert!(!options.danger_open_inbox && parse("--danger-open-inbox").unwrap().danger_open_inbox);
        assert!(parse("--framework rocket").is_err() && parse("--port 1").is_err());
    }

    #[test]
    fn durable_resources_lie_beside_the_configuration_unless_a_folder_is_named() {
        assert_eq!(parse("").unwrap().data(), Path::new("gateway-data"));
        assert_eq!(parse("--config etc/g.toml").unwrap().data(), Path::new("etc/gateway-data"));
        assert_eq!(parse("--config etc/g.toml --data var").unwrap().data(), Path::new("var"));
    }
}
