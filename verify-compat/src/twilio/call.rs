//! One request, taken apart.

use http::header::HOST;
use http::{Method, request::Parts};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::twilio::fault::Fault;
use crate::twilio::form::Form;

/// A request of an account.
pub(crate) struct Call {
    pub(crate) account: String,
    pub(crate) method: Method,
    /// The segments of the path behind its version, decoded.
    pub(crate) path: Vec<String>,
    /// The path from its version on, as it came: the texts of errors name it.
    pub(crate) shown: String,
    /// What absolute URLs begin with, up to the version.
    pub(crate) base: String,
    /// What came after the question mark.
    pub(crate) query: Form,
    /// What came in the body.
    pub(crate) form: Form,
}

/// What has to be encoded in one segment of a path, or in a value of a query.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'/')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

const VERSION: &str = "/v2";

impl Call {
    /// Takes a request apart. Whatever stands before the version in the path is where the API is mounted.
    pub(crate) fn new(
        account: &str,
        parts: &Parts,
        body: &[u8],
        public_url: Option<&str>,
    ) -> Result<Self, Fault> {
        let path = parts.uri.path();
        let (mount, rest) = path
            .match_indices(VERSION)
            .map(|(at, _)| path.split_at(at))
            .find(|(_, rest)| {
                rest.get(VERSION.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .ok_or_else(|| Fault::not_found(path))?;
        let segments = rest.get(VERSION.len()..).unwrap_or_default().split('/').skip(1);
        let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8().map(Into::into));
        let decoded: Result<_, _> = decoded.collect();
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            account: account.to_owned(),
            method: parts.method.clone(),
            path: decoded.map_err(|_| Fault::not_found(rest))?,
            shown: rest.to_owned(),
            base: format!("{}{mount}", origin(parts, public_url)),
            query: Form::parse(query.as_bytes())?,
            form: Form::parse(body)?,
        })
    }

    /// The fault for whatever is not there.
    pub(crate) fn not_found(&self) -> Fault {
        Fault::not_found(&self.shown)
    }

    /// The absolute URL of a path behind the version.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{VERSION}/{path}", self.base)
    }
}

/// A text as one segment of a path, or one value of a query.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What the client calls this server, since clients fetch the URLs in answers as they stand.
fn origin(parts: &Parts, public_url: Option<&str>) -> String {
    if let Some(url) = public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let named = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(http::uri::Authority::as_str).or(named).unwrap_or("localhost");
    let clean = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
    let host = if clean { host } else { "localhost" };
    format!("{}://{host}", parts.uri.scheme_str().unwrap_or("http"))
}
