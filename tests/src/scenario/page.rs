//! Reading a page as a browser without scripts does: its forms, and what pressing a button sends.

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// Where it goes.
    pub action: String,
    /// Names and values of its inputs, in order, decoded.
    pub fields: Vec<(String, String)>,
    /// Names, values and texts of its buttons.
    pub buttons: Vec<(String, String, String)>,
}

impl Form {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Types into a field.
    #[must_use]
    pub fn typing(mut self, name: &str, value: &str) -> Self {
        for field in self.fields.iter_mut().filter(|(known, _)| known == name) {
            value.clone_into(&mut field.1);
        }
        self
    }

    /// The body that pressing its first button sends.
    #[must_use]
    pub fn body(&self) -> String {
        let pressed = self.buttons.first().filter(|(name, ..)| !name.is_empty());
        let pressed = pressed.map(|(name, value, _)| (name.clone(), value.clone()));
        let pairs = self.fields.iter().cloned().chain(pressed);
        pairs
            .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// All forms of a page, in order.
#[must_use]
pub fn forms(page: &str) -> Vec<Form> {
    let sections = page.split("<form ").skip(1).filter_map(|section| section.split_once("</form>"));
    sections
        .map(|(section, _)| {
            let (head, inside) = section.split_once('>').unwrap_or((section, ""));
            let inputs = inside.split("<input ").skip(1).filter_map(|input| input.split('>').next());
            let fields = inputs
                .filter_map(|tag| {
                    Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
                })
                .collect();
            let buttons = inside
                .split("<button")
                .skip(1)
                .filter_map(|button| button.split_once('>'))
                .map(|(tag, rest)| {
                    let part = |name| attribute(tag, name).unwrap_or_default();
                    (part("name"), part("value"), unescape(rest.split('<').next().unwrap_or_default()))
                })
                .collect();
            Form { action: attribute(head, "action").unwrap_or_default(), fields, buttons }
        })
        .collect()
}

/// The decoded value of an attribute anywhere on a page.
#[must_use]
pub fn text_of(page: &str, name: &str) -> Option<String> {
    attribute(page, name)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = [" ", "\n"].iter().find_map(|gap| {
        format!(" {tag}")
            .split_once(&format!("{gap}{name}=\""))
            .map(|(before, rest)| (before.to_owned(), rest.to_owned()))
    })?;
    rest.split_once('"').map(|(value, _)| unescape(value))
}

fn unescape(text: &str) -> String {
    let known = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    known.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// As a browser encodes a form's text.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_sent_as_a_browser_does() {
        let page = "<form class=\"a\" method=\"post\" action=\"/x?a=1&#38;b=2\">\n<input type=\"hidden\" name=\"p\" \
                    value=\"A &#38; &#60;b&#62; &#34;q&#34; é\">\n<input id=\"c\" name=\"code\" type=\"text\">\
                    <button name=\"do\" value=\"send\">Go</button></form><form action=\"/y\"><button>No</button></form>";
        let all = forms(page);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].action, "/x?a=1&b=2");
        assert_eq!(all[0].field("p"), Some("A & <b> \"q\" é"));
        assert_eq!(
            all[0].clone().typing("code", "1 2").body(),
            "p=A+%26+%3Cb%3E+%22q%22+%C3%A9&code=1+2&do=send"
        );
        assert_eq!((all[1].body().as_str(), all[1].buttons[0].2.as_str()), ("", "No"));
    }
}
