//! A page with ALTCHA's own widget, as an application would have it that does not use the engine's page.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use askama::Template;

use crate::site::Answer;

/// All that the page needs: its scripts, style, workers and images from this origin, and requests and forms to it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Says which worker solves what, since the external build of the widget leaves that to the page.
const SCRIPT: &str = include_str!("widget.js");

/// The files of the unmodified npm package, in memory.
#[derive(Clone, Debug, Default)]
pub struct Widget {
    files: Arc<BTreeMap<&'static str, String>>,
}

#[derive(Template)]
#[template(path = "widget.html")]
struct Page<'a> {
    title: &'a str,
    policy: &'a str,
    /// A code is typed into the widget as well.
    is_typed: bool,
}

impl Widget {
    /// Reads the files from the package's folder `dist`.
    ///
    /// # Errors
    /// When one is not there.
    pub fn load(dist: Option<&Path>) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        if let Some(dist) = dist {
            for (name, folder) in [
                ("altcha.min.js", "external"),
                ("altcha.css", "external"),
                ("pbkdf2.js", "workers"),
                ("sha.js", "workers"),
            ] {
                files.insert(name, std::fs::read_to_string(dist.join(folder).join(name))?);
            }
            files.insert("widget.js", SCRIPT.to_owned());
        }
        Ok(Self { files: Arc::new(files) })
    }

    /// `GET /widget/…`: a file, or the page in front of the feed or the safe.
    #[must_use]
    pub fn answer(&self, name: &str) -> Answer {
        if let Some(body) = self.files.get(name) {
            let content_type =
                if name.ends_with(".css") { "text/css" } else { "text/javascript; charset=utf-8" };
            return Answer { status: 200, content_type, allow: None, policy: None, body: body.clone() };
        }
        let (title, is_typed) = match name {
            _ if self.files.is_empty() => return Answer::refused(404, "start with --altcha-widget"),
            "feed" => ("Feed by widget", false),
            "safe" => ("Safe by widget", true),
            _ => return Answer::refused(404, "there is no such file"),
        };
        Answer { policy: Some(POLICY), ..Answer::page(200, &Page { title, policy: name, is_typed }) }
    }
}
