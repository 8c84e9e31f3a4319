//! Links, which begin with what the configuration says and with nothing that came in a request.

use http::Uri;
use serde_json::{Value, json};

use crate::worldpay::ConfigError;

/// Where the resources are, behind what the configuration says.
pub(super) const FIVE: &str = "/verifications/accounts";
pub(super) const SIX: &str = "/cardVerifications";
pub(super) const RELATIONS: &str = "/rels/verifications/accounts";

/// Makes links.
#[derive(Debug)]
pub(super) struct Links {
    base: String,
}

impl Links {
    pub(super) fn new(public_url: Option<&str>) -> Result<Self, ConfigError> {
        let base = public_url.unwrap_or_default().trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| ConfigError::PublicUrl)?;
        let is_absolute = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if !is_absolute || uri.query().is_some() || base.contains('#') {
            return Err(ConfigError::PublicUrl);
        }
        Ok(Self { base: base.to_owned() })
    }

    /// The root resource. The original marks every link as templated, also those without a variable.
    pub(super) fn root(&self) -> Value {
        let link = |path: &str| json!({ "href": format!("{}{FIVE}/{path}", self.base), "templated": true });
        json!({
            "_links": {
                "resourceTree": { "href": format!("{}{RELATIONS}/resourceTree", self.base) },
                "verifications:oneTime": link("intelligent/oneTime"),
                "verifications:cardOnFile": link("intelligent/cardOnFile"),
                "verifications:dynamicOneTime": link("dynamic/oneTime"),
                "verifications:dynamicCardOnFile": link("dynamic/cardOnFile"),
                "verifications:verification": link("{resource}"),
                "curies": self.curies(),
            }
        })
    }

    pub(super) fn of_five(&self, link: &str) -> Value {
        let href = format!("{}{FIVE}/{link}", self.base);
        json!({ "verifications:verification": { "href": href }, "curies": self.curies() })
    }

    pub(super) fn of_six(&self, link: &str) -> Value {
        json!({ "self": { "href": format!("{}{SIX}/{link}", self.base) } })
    }

    fn curies(&self) -> Value {
        let href = format!("{}{RELATIONS}/{{rel}}", self.base);
        json!([{ "name": "verifications", "href": href, "templated": true }])
    }

    /// What a relation means, for people who follow its name.
    pub(super) fn relation(&self, name: &str) -> Option<String> {
        let about = match name {
            "resourceTree" => "Every relation of this API.",
            "oneTime" => "POST: verify a card for one payment; the amount is not yours to choose.",
            "cardOnFile" => "POST: verify a card that is to be kept; the amount is not yours to choose.",
            "dynamicOneTime" => "POST: verify a card for one payment, with an amount.",
            "dynamicCardOnFile" => "POST: verify a card that is to be kept, with an amount.",
            "verification" => "GET: an outcome as it was. Its link comes with the answer to the POST.",
            _ => return None,
        };
        let names = ["oneTime", "cardOnFile", "dynamicOneTime", "dynamicCardOnFile", "verification"];
        let all = names.iter().map(|name| json!(format!("{}{RELATIONS}/{name}", self.base)));
        let all: Value = if name == "resourceTree" { all.collect() } else { Value::Null };
        let mut body = json!({ "relation": name, "about": about });
        if let (Value::Object(members), Value::Array(all)) = (&mut body, all) {
            members.insert("relations".to_owned(), all.into());
        }
        Some(body.to_string())
    }
}
