//! The application's own messages: by policy, channel and language.

use crate::contact::Channel;
use crate::courier::template::{Name, Template, Values};

/// A message in the application's own words, for [`EngineBuilder::message`](crate::EngineBuilder::message).
///
/// In braces may stand `site`, `origin`, `code`, `purpose`, `minutes`, `not_me` (a link that voids the challenge) and `link` (one that stands for the code, where its factor has
/// [links](crate::CodeFactor::link)), and in
/// the text of an approval `amount`, `payee` and `account`. What stands there is put in once and never read again, and it
/// is checked when the engine is built.
///
/// Of those that fit a message, one for its policy goes before one for its language, and that before one for all. A language
/// fits whoever reads it or a variety of it: `de` does for `de-AT`.
///
/// ```
/// use verify_core::{Channel, Engine, KeyRing, MessageTemplate, Origin};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
/// let german = MessageTemplate::code(Channel::Email, "{code} ist Ihr Code für {site}. Nicht Sie? {not_me}")
///     .in_language("de")
///     .with_subject("Ihr Code")
///     .with_html("<p><b>{code}</b> ist Ihr Code für {site}.</p><p><a href=\"{not_me}\">Nicht Sie?</a></p>");
/// let builder = |template| -> Result<_, Box<dyn std::error::Error>> {
///     Ok(Engine::builder(keys.clone(), Origin::parse("https://bank.example")?).message(template))
/// };
/// assert!(builder(german)?.build().is_ok());
///
/// let hollow = MessageTemplate::approval(Channel::Sms, "{code} pays {amount}");
/// assert!(builder(hollow)?.build().is_err(), "to whom?");
/// let watching = MessageTemplate::code(Channel::Email, "{code}").with_html("{code}<img src=\"https://spy.example\">");
/// assert!(builder(watching)?.build().is_err(), "nobody learns who opens it");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MessageTemplate {
    is_approval: bool,
    channel: Channel,
    policy: Option<String>,
    language: Option<String>,
    text: String,
    subject: Option<String>,
    html: Option<String>,
    tells_code: bool,
}

impl MessageTemplate {
    /// The text of a code that lets somebody in; it needs `{code}`. An SMS gets the origin-bound line behind it.
    pub fn code(channel: Channel, text: impl Into<String>) -> Self {
        Self::new(false, channel, text.into())
    }

    /// The text of a code that approves a transaction; it needs `{code}`, `{amount}` and `{payee}` (RTS 2018/389,
    /// 5(1)(a)). An SMS gets the origin-bound line behind it.
    pub fn approval(channel: Channel, text: impl Into<String>) -> Self {
        Self::new(true, channel, text.into())
    }

    const fn new(is_approval: bool, channel: Channel, text: String) -> Self {
        Self {
            is_approval,
            channel,
            policy: None,
            language: None,
            text,
            subject: None,
            html: None,
            tells_code: false,
        }
    }

    /// For this policy only, by its name. Default: for all.
    pub fn for_policy(mut self, name: impl Into<String>) -> Self {
        self.policy = Some(name.into());
        self
    }

    /// For readers of this language only (BCP 47); see [`EngineBuilder::language`](crate::EngineBuilder::language). Default:
    /// for all.
    pub fn in_language(mut self, tag: impl Into<String>) -> Self {
        self.language = Some(tag.into());
        self
    }

    /// The subject line of a mail, without the code, which lock screens would show (NIST SP 800-63B-4, 3.1.3.1). Default: the
    /// engine's, in English.
    pub fn with_subject(mut self, line: impl Into<String>) -> Self {
        self.subject = Some(line.into());
        self
    }

    /// Lets `{code}` stand in the subject line, for those who weigh convenience against whoever sees a locked screen.
    pub fn with_code_in_subject(mut self) -> Self {
        self.tells_code = true;
        self
    }

    /// The same as HTML, for mail. Nothing is loaded from anywhere, and links go to `{origin}` or `{not_me}`; whatever else
    /// would tell somebody that the mail was opened is refused when the engine is built. Default: text only.
    pub fn with_html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// For which channel.
    pub(crate) const fn channel(&self) -> Channel {
        self.channel
    }
}

/// A template that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    is_approval: bool,
    channel: Channel,
    policy: Option<String>,
    language: Option<String>,
    body: Template,
    subject: Option<Template>,
    html: Option<Template>,
}

impl Text {
    pub(crate) fn check(template: &MessageTemplate) -> Result<Self, String> {
        let names: &[Name] = if template.is_approval { &Name::APPROVAL } else { &Name::CODE };
        let needed: &[Name] =
            if template.is_approval { &[Name::Code, Name::Amount, Name::Payee] } else { &[Name::Code] };
        let body = Template::parse(&template.text, names)?.needs(needed)?;
        // A line that begins like the origin-bound one would be taken for it.
        if template.channel == Channel::Sms && template.text.contains('@') {
            return Err("a text message is without `@`, which its last line has".to_owned());
        }
        if (template.subject.is_some() || template.html.is_some()) && template.channel != Channel::Email {
            return Err("only a mail has a subject line and HTML".to_owned());
        }
        let subject = template.subject.as_deref().map(|line| {
            let subject = Template::parse(line, names)?;
            if line.trim().is_empty() || line.contains('\n') {
                return Err("a subject is one line".to_owned());
            }
            if subject.has(Name::Code) && !template.tells_code {
                return Err(
                    "lock screens show the subject: `with_code_in_subject` allows `{code}` there".to_owned()
                );
            }
            Ok(subject)
        });
        let html = template.html.as_deref().map(|html| {
            if let Some(what) = remote(html) {
                return Err(format!(
                    "the HTML has `{what}`, and nothing in a mail is loaded or linked from elsewhere"
                ));
            }
            Template::parse(html, names)?.needs(needed)
        });
        Ok(Self {
            is_approval: template.is_approval,
            channel: template.channel,
            policy: template.policy.clone(),
            language: template.language.clone(),
            body,
            subject: subject.transpose()?,
            html: html.transpose()?,
        })
    }

    pub(crate) fn body(&self, values: &Values<'_>) -> String {
        self.body.fill(values)
    }

    pub(crate) fn subject(&self, values: &Values<'_>) -> Option<String> {
        self.subject.as_ref().map(|subject| subject.fill(values))
    }

    pub(crate) fn html(&self, values: &Values<'_>) -> Option<String> {
        self.html.as_ref().map(|html| html.fill_html(values))
    }

    /// The language it is written in, where that was said.
    pub(crate) fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// Whether it may be the text of such a message, whoever reads it.
    pub(crate) fn may_serve(&self, policy: &str, channel: Channel, is_approval: bool) -> bool {
        let fits = self.is_approval == is_approval && self.channel == channel;
        fits && self.policy.as_deref().is_none_or(|name| name == policy)
    }

    /// How well it fits; nothing if it does not.
    fn rank(&self, wish: &Wish<'_>) -> Option<u8> {
        let policy = self.policy.as_deref().map(|name| name == wish.policy);
        let language = self.language.as_deref().map(|tag| reads(wish.language, tag));
        let fits = self.is_approval == wish.is_approval && self.channel == wish.channel;
        if !fits || policy == Some(false) || language == Some(false) {
            return None;
        }
        Some(2 * u8::from(policy.is_some()) + u8::from(language.is_some()))
    }
}

/// What a message is for.
pub(crate) struct Wish<'a> {
    pub(crate) is_approval: bool,
    pub(crate) channel: Channel,
    pub(crate) policy: &'a str,
    pub(crate) language: Option<&'a str>,
}

/// The best of those that fit; of equal ones the one that was named last.
pub(crate) fn find<'t>(texts: &'t [Text], wish: &Wish<'_>) -> Option<&'t Text> {
    let ranked = texts.iter().filter_map(|text| Some((text.rank(wish)?, text)));
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, text)| text)
}

/// Whether a reader of one language reads another (RFC 4647, 3.3.1, basic filtering).
fn reads(reader: Option<&str>, written: &str) -> bool {
    let Some(reader) = reader else { return false };
    let head = reader.get(..written.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(written))
        && matches!(reader.as_bytes().get(written.len()), None | Some(b'-'))
}

/// What of an HTML text would call somebody, or lead there.
fn remote(html: &str) -> Option<String> {
    const CALLS: [&str; 17] = [
        "<script",
        "<img",
        "<image",
        "<link",
        "<iframe",
        "<object",
        "<embed",
        "<video",
        "<audio",
        "<base",
        "<form",
        "<meta",
        "<svg",
        "src",
        "url(",
        "@import",
        "background=",
    ];
    let lower = html.to_ascii_lowercase();
    if let Some(call) = CALLS.iter().find(|call| lower.contains(**call)) {
        return Some((*call).to_owned());
    }
    let links = lower.split("href").skip(1).map(|behind| behind.trim_start());
    let bad = links.filter(|behind| {
        let value = behind.strip_prefix('=').map_or("", str::trim_start).trim_start_matches(['"', '\'']);
        !["{origin}", "{not_me}", "{link}"].iter().any(|known| value.starts_with(known))
    });
    bad.map(|_| "href".to_owned()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p20_nothing_is_loaded_from_elsewhere() {
        for good in
            ["<p>{code}</p>", "<a href=\"{not_me}\">x</a>{code}", "<a href='{origin}/help'>{code}</a>"]
        {
            assert_eq!(remote(good), None, "{good}");
        }
        for bad in [
            "<IMG SRC=x>",
            "<a href=\"https://evil.example\">",
            "<a HREF = 'javascript:x'>",
            "<a href={code}>",
            "<td style=\"background:URL(x)\">",
            "<style>@import 'x'</style>",
            "<a href>",
        ] {
            assert!(remote(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn the_best_text_is_found() {
        let text = |name: &str, policy: Option<&str>, language: Option<&str>| {
            let mut template = MessageTemplate::code(Channel::Sms, format!("{name} {{code}}"));
            template.policy = policy.map(str::to_owned);
            template.language = language.map(str::to_owned);
            Text::check(&template).unwrap()
        };
        let texts = [
            text("vault", Some("vault"), None),
            text("all", None, None),
            text("german", None, Some("de")),
            text("swiss", Some("vault"), Some("de-CH")),
        ];
        let find = |policy, language| {
            let wish = Wish { is_approval: false, channel: Channel::Sms, policy, language };
            let found = find(&texts, &wish).unwrap();
            texts.iter().position(|text| std::ptr::eq(text, found)).unwrap()
        };
        assert_eq!(find("feed", None), 1);
        assert_eq!(find("feed", Some("de-AT")), 2);
        assert_eq!(find("feed", Some("den")), 1);
        assert_eq!(find("vault", Some("fr")), 0);
        assert_eq!(find("vault", Some("de")), 0);
        assert_eq!(find("vault", Some("DE-ch")), 3);
    }

    #[test]
    fn p18_p20_what_a_text_may_not_have() {
        let check = |template: &MessageTemplate| Text::check(template).map(drop);
        let mail = || MessageTemplate::code(Channel::Email, "{code}, or write to help@bank.example");
        assert!(check(&mail().with_subject("Your code at {site}")).is_ok());
        assert!(check(&mail().with_subject("{code} is your code")).is_err());
        assert!(check(&mail().with_subject("{code} is your code").with_code_in_subject()).is_ok());
        assert!(check(&mail().with_subject("one\ntwo")).is_err());
        assert!(check(&mail().with_html("<p>no code</p>")).is_err());
        assert!(check(&MessageTemplate::code(Channel::Sms, "{code} @evil.example #000000")).is_err());
        assert!(check(&MessageTemplate::code(Channel::Sms, "{code}").with_subject("x")).is_err());
    }
}
