//! A client of HTTP/1.1 that is as lean as can be: it writes a request that was prepared, and reads one answer by its length.
//! One that did more would be what is measured.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept alive.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer<'c> {
    /// Its status.
    pub status: u16,
    /// Its status line and fields.
    pub head: &'c str,
    /// Its body.
    pub body: &'c [u8],
}

impl Connection {
    /// Opens one.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Sends a request and waits for its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        let (head, status) = loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server ended the connection");
            if let Some((head, body, status)) = lengths(&self.buffer)
                && self.buffer.len() >= head + body
            {
                assert_eq!(self.buffer.len(), head + body, "one answer for one request");
                break (head, status);
            }
        };
        let (head, body) = self.buffer.split_at(head);
        Answer { status, head: std::str::from_utf8(head).unwrap(), body }
    }
}

impl Answer<'_> {
    /// The cookies that it sets, as a client sends them back.
    pub fn cookies(&self) -> String {
        let set = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next().unwrap().to_owned())
        };
        self.head.lines().filter_map(set).collect::<Vec<_>>().join("; ")
    }
}

/// The bytes of the head, those of the body and the status, once the head is there.
fn lengths(buffer: &[u8]) -> Option<(usize, usize, u16)> {
    let end = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let mut lines = buffer[..end].split(|byte| *byte == b'\n');
    let status = std::str::from_utf8(&lines.next()?[9..12]).unwrap().parse().unwrap();
    let length = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        name.eq_ignore_ascii_case(b"content-length:")
            .then(|| std::str::from_utf8(value.trim_ascii()).unwrap())
    });
    let length = length.expect("an answer says how long it is").parse().unwrap();
    Some((end + 4, length, status))
}

/// A request in bytes.
pub fn request(method: &str, path: &str, fields: &[(String, String)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}
