//! A raw HTTP/1.1 client over one socket: what goes out and what comes back, byte for byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A request as it will be written.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// `GET`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST` with a JSON body.
    #[must_use]
    pub fn json(target: &str, body: &Value) -> Self {
        Self::new("POST", target).header("content-type", "application/json").body(body.to_string())
    }

    /// `POST` with a form body that is encoded already.
    #[must_use]
    pub fn form(target: &str, body: &str) -> Self {
        Self::new("POST", target).header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The customer who asks.
    #[must_use]
    pub fn user(self, name: &str) -> Self {
        self.header("demo-user", name)
    }

    /// As a browser that navigates from a page of the same site.
    #[must_use]
    pub fn browser(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "same-origin")
    }

    /// Replaces the body; its length goes into `Content-Length` unless a header says otherwise.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The request target.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Sends the body in chunks of at most this many bytes, so that its length is not announced.
    #[must_use]
    pub fn in_chunks_of(mut self, size: usize) -> Self {
        let mut coded = Vec::new();
        for chunk in self.body.chunks(size.max(1)) {
            coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            coded.extend_from_slice(chunk);
            coded.extend_from_slice(b"\r\n");
        }
        coded.extend_from_slice(b"0\r\n\r\n");
        self.body = coded;
        self.header("transfer-encoding", "chunked")
    }

    /// What goes over the wire to a server at this address.
    #[must_use]
    pub fn wire(&self, host: SocketAddr) -> Vec<u8> {
        self.bytes(host)
    }

    fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !has("host") {
            text.push_str(&format!("host: localhost:{}\r\n", host.port()));
        }
        if !has("content-length")
            && !has("transfer-encoding")
            && (!self.body.is_empty() || self.method == "POST")
        {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        text.push_str("connection: close\r\n");
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it over a connection of its own and reads the whole answer.
    ///
    /// # Errors
    /// When the connection fails or the answer is not HTTP.
    pub fn send(&self, to: SocketAddr) -> io::Result<Response> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(&self.bytes(to))?;
        Response::read(&mut BufReader::new(stream), self.method == "HEAD")
    }
}

/// Writes these bytes to a server, whatever they are, and reads what comes back: every answer until the server closes
/// the connection, up to `most`. A server may refuse before it has read everything, so a failed write is no failure.
///
/// # Errors
/// When there is no connection, or something other than HTTP comes back. No answer at all is an empty list.
pub fn exchange(to: SocketAddr, bytes: &[u8], most: usize) -> io::Result<Vec<Response>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let _ = stream.write_all(bytes);
    let head = bytes.starts_with(b"HEAD ");
    let mut reader = BufReader::new(stream);
    let mut answers = Vec::new();
    while answers.len() < most {
        match reader.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(_) => answers.push(Response::read(&mut reader, head)?),
        }
    }
    Ok(answers)
}

/// An answer as it was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, with chunks put together.
    pub body: Vec<u8>,
}

impl Response {
    fn read(reader: &mut impl BufRead, head: bool) -> io::Result<Self> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status =
            line.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(|| broken("no status"))?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self { status, headers, body: Vec::new() };
        if head || status == 204 || status == 304 {
            return Ok(answer);
        }
        if answer.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size)?;
                let size = u64::from_str_radix(size.trim(), 16).map_err(|_| broken("no chunk size"))?;
                reader.take(size).read_to_end(&mut answer.body)?;
                reader.read_line(&mut String::new())?;
                if size == 0 {
                    return Ok(answer);
                }
            }
        }
        match answer.header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => reader.take(length).read_to_end(&mut answer.body)?,
            None => reader.read_to_end(&mut answer.body)?,
        };
        Ok(answer)
    }

    /// The first value of a header field, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}
