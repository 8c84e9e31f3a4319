//! A page as a browser without scripts reads it: its forms, and what pressing a button sends.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use verify_core::Reply;

use crate::bank::text_of;

/// A form of a page.
#[derive(Clone, Debug)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
    pub button: String,
}

impl Form {
    pub fn typing(mut self, code: &str) -> Self {
        for (_, value) in self.fields.iter_mut().filter(|(name, _)| name == "challenge-answer") {
            code.clone_into(value);
        }
        self
    }

    pub fn body(&self) -> String {
        let encode = |text: &str| -> String {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._".contains(&byte);
            text.bytes()
                .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
                .collect()
        };
        let pairs = self.fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// All forms of a page, in order.
pub fn forms(page: &Reply) -> Vec<Form> {
    let html = text_of(page);
    let sections = html.split("<form ").skip(1).map(|section| section.split("</form>").next().unwrap());
    sections
        .map(|section| Form {
            action: attribute(section, "action").expect("a form goes somewhere"),
            fields: section
                .split("<input ")
                .skip(1)
                .map(|input| input.split('>').next().unwrap())
                .map(|input| {
                    (attribute(input, "name").unwrap(), attribute(input, "value").unwrap_or_default())
                })
                .collect(),
            button: section
                .split("<button")
                .nth(1)
                .and_then(|button| button.split(['>', '<']).nth(1))
                .unwrap_or_default()
                .to_owned(),
        })
        .collect()
}

/// The form with that button.
pub fn form(page: &Reply, button: &str) -> Form {
    let found = forms(page).into_iter().find(|form| form.button == button);
    found.unwrap_or_else(|| panic!("no button {button:?} on {}", text_of(page)))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = format!(" {tag}");
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    let known = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    Some(known.iter().fold(value.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain)))
}
