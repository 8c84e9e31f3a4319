//! What a page may do: its own, and exactly what the captchas on it need.

use askama::Template;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

use crate::captcha::WidgetSources;
use crate::decision::Reply;
use crate::page::Frame;
use crate::reply::{self, Look};

/// Renders, and says what the page may do: its own style and script, its own worker, and its own forms.
pub(super) fn render(frame: &Frame<'_>, page: &impl Template, status: StatusCode, look: Look) -> Reply {
    let body = page.render().unwrap_or_else(|error| {
        tracing::error!(target: "verify", "a page could not be rendered: {error}");
        String::new()
    });
    let policy = content_policy(&frame.nonce, &frame.sources);
    let mut reply =
        reply::plain(status, HeaderValue::from_static("text/html; charset=utf-8"), body.into(), look);
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, &policy);
    // `no-referrer` would make browsers send `Origin: null` with our own forms. A vendor has to see on which host it stands.
    let third_party = !frame.sources.is_empty();
    let referrer = if third_party { "strict-origin-when-cross-origin" } else { "same-origin" };
    set(header::REFERRER_POLICY, referrer);
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "otp-credentials=(self)");
    set(HeaderName::from_static("x-robots-tag"), "noindex");
    reply
}

/// The page's own style and script, worker and forms; and what each captcha on it names, directive by directive.
fn content_policy(nonce: &str, widgets: &[WidgetSources]) -> String {
    let add = |of: fn(&WidgetSources) -> &[&'static str]| {
        let mut all: Vec<&str> = Vec::new();
        for source in widgets.iter().flat_map(of).copied() {
            if !all.contains(&source) {
                all.push(source);
            }
        }
        all.iter().fold(String::new(), |text, source| text + " " + source)
    };
    let (scripts, styles) = (add(|widget| &widget.scripts), add(|widget| &widget.styles));
    let (frames, connections) = (add(|widget| &widget.frames), add(|widget| &widget.connections));
    let frames = if frames.is_empty() { frames } else { format!(" frame-src{frames};") };
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'{scripts}; style-src 'nonce-{nonce}'{styles}; \
         worker-src 'self'; img-src 'self' data:; connect-src 'self'{connections};{frames} form-action 'self'; \
         base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_21_a_page_allows_what_its_captchas_name_and_nothing_more() {
        let none = content_policy("n", &[]);
        assert!(!none.contains("http") && !none.contains("frame-src"), "{none}");
        let one = WidgetSources::default().scripts(["https://a.example"]).frames(["https://a.example"]);
        let other = WidgetSources::default().scripts(["https://a.example", "https://b.example"]);
        let both = content_policy("n", &[one, other]);
        assert!(
            both.contains("script-src 'nonce-n' 'strict-dynamic' https://a.example https://b.example;"),
            "{both}"
        );
        assert!(both.contains("connect-src 'self'; frame-src https://a.example; form-action"), "{both}");
        assert_eq!(both.matches("https:").count(), 3, "{both}");
    }
}
