//! What a page shows of a captcha, and what the page has to allow for it.

use std::time::Duration;

/// A vendor's widget: its keys, its script, and what of our challenge it carries and signs.
///
/// ```
/// use verify_core::{Widget, WidgetApi, WidgetSigns, WidgetSources};
///
/// let widget = Widget::new("doorman", "Doorman", "front-door", "https://doorman.example/api.js")
///     .api(WidgetApi::Render("doorman"))
///     .signs(WidgetSigns::ActionAndBinding)
///     .sources(WidgetSources::default().scripts(["https://doorman.example"]).frames(["https://doorman.example"]));
/// assert_eq!((widget.kind(), widget.site_key()), ("doorman", "front-door"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Widget {
    pub(crate) kind: &'static str,
    pub(crate) vendor: &'static str,
    pub(crate) site_key: String,
    pub(crate) script: String,
    pub(crate) api: WidgetApi,
    pub(crate) signs: WidgetSigns,
    pub(crate) sources: WidgetSources,
    pub(crate) longest_token: usize,
    pub(crate) token_lives: Duration,
    pub(crate) terms: String,
    pub(crate) is_test: bool,
}

/// How a page's script gets a token out of a vendor's script: by the global object of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WidgetApi {
    /// `name.render(element, { sitekey, callback, … })` shows something to solve.
    Render(&'static str),
    /// `name.execute(sitekey, { action })` promises a token and shows nothing.
    Execute(&'static str),
}

/// What of our challenge the vendor takes into the token and gives back unaltered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WidgetSigns {
    /// Nothing: only the engine's own ticket ties a token to a challenge. The default.
    #[default]
    Nothing,
    /// The action.
    Action,
    /// The action and the binding.
    ActionAndBinding,
}

/// What a page's Content-Security-Policy has to allow beyond the page's own, and only while the widget is on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct WidgetSources {
    pub(crate) scripts: Vec<&'static str>,
    pub(crate) frames: Vec<&'static str>,
    pub(crate) styles: Vec<&'static str>,
    pub(crate) connections: Vec<&'static str>,
}

impl WidgetSources {
    /// For `script-src`.
    pub fn scripts(mut self, sources: impl IntoIterator<Item = &'static str>) -> Self {
        self.scripts.extend(sources);
        self
    }

    /// For `frame-src`.
    pub fn frames(mut self, sources: impl IntoIterator<Item = &'static str>) -> Self {
        self.frames.extend(sources);
        self
    }

    /// For `style-src`.
    pub fn styles(mut self, sources: impl IntoIterator<Item = &'static str>) -> Self {
        self.styles.extend(sources);
        self
    }

    /// For `connect-src`.
    pub fn connections(mut self, sources: impl IntoIterator<Item = &'static str>) -> Self {
        self.connections.extend(sources);
        self
    }
}

impl Widget {
    /// A widget of this kind (the `type` of its challenges on the wire: lower-case letters, digits and underscores), of a
    /// vendor whose name people know, with our public key there and the address of its script.
    pub fn new(
        kind: &'static str,
        vendor: &'static str,
        site_key: impl Into<String>,
        script: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            vendor,
            site_key: site_key.into(),
            script: script.into(),
            api: WidgetApi::Render(kind),
            signs: WidgetSigns::Nothing,
            sources: WidgetSources::default(),
            longest_token: 4096,
            token_lives: Duration::from_secs(120),
            terms: String::new(),
            is_test: false,
        }
    }

    /// How its script is called. Default: [`WidgetApi::Render`] of an object with the kind's name.
    pub fn api(mut self, api: WidgetApi) -> Self {
        self.api = api;
        self
    }

    /// What the vendor signs. Default: nothing.
    pub fn signs(mut self, signs: WidgetSigns) -> Self {
        self.signs = signs;
        self
    }

    /// What the page has to allow. Default: nothing, so that it does not load.
    pub fn sources(mut self, sources: WidgetSources) -> Self {
        self.sources = sources;
        self
    }

    /// The longest token in bytes; longer ones are refused before anybody is called. Default: 4096.
    pub fn longest_token(mut self, bytes: usize) -> Self {
        self.longest_token = bytes;
        self
    }

    /// How long a token is good for: so long the engine remembers that it was used. Default: two minutes.
    pub fn token_lives(mut self, life: Duration) -> Self {
        self.token_lives = life;
        self
    }

    /// What is asked of an answer beyond being good, such as a score. Other words end the proofs of before. Default: none.
    pub fn terms(mut self, terms: impl Into<String>) -> Self {
        self.terms = terms.into();
        self
    }

    /// Says that the keys are a vendor's public test keys, whose tokens are all the same and so cannot count once: only
    /// their tickets do.
    pub fn with_test_keys(mut self) -> Self {
        self.is_test = true;
        self
    }

    /// The `type` of its challenges on the wire.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Our public key at the vendor.
    #[must_use]
    pub fn site_key(&self) -> &str {
        &self.site_key
    }

    /// What of our challenge the vendor signs.
    #[must_use]
    pub fn signed(&self) -> WidgetSigns {
        self.signs
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(1..=32).contains(&self.kind.len())
            || !self.kind.bytes().all(word)
            || matches!(self.kind, "code" | "proof_of_work")
        {
            return Some(
                "a captcha's kind is 1 to 32 lower-case letters, digits or underscores, and a word of its own",
            );
        }
        let sources = &self.sources;
        let all = [&sources.scripts, &sources.frames, &sources.styles, &sources.connections];
        let plain = |source: &&str| source.bytes().all(|b| b.is_ascii_graphic() && !b"'\";,".contains(&b));
        if !all.into_iter().flatten().all(plain) || !self.script.starts_with("https://") {
            return Some("a captcha's sources are addresses, and its script comes over https");
        }
        None
    }
}
