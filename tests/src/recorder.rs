//! A relay that stands between a client and a server and keeps what both of them said.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::http::{Request, Response};

/// One request and its answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The answer.
    pub response: Response,
}

/// A running relay. It ends with the process; nothing that it holds outlives that.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
}

impl Recorder {
    /// Starts a relay to this server.
    ///
    /// # Errors
    /// When there is no port for it.
    pub fn start(to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (address, seen) = (listener.local_addr()?, Arc::new(Mutex::new(Vec::new())));
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let into = Arc::clone(&into);
                // A client that breaks off is told so by its own test.
                std::thread::spawn(move || serve(client, to, &into));
            }
        });
        Ok(Self { address, seen })
    }

    /// Its address for a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Relays the requests of one connection, one after the other.
fn serve(client: TcpStream, to: SocketAddr, seen: &Mutex<Vec<Recorded>>) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut writer = client;
    while let Some((request, method, path)) = read(&mut reader)? {
        let response = request.send(to)?;
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(Recorded {
            method: method.clone(),
            path,
            response: response.clone(),
        });
        write(&mut writer, &response, method == "HEAD")?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<(Request, String, String)>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "no request");
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (method, path) = (words.next().ok_or_else(broken)?, words.next().ok_or_else(broken)?);
    let mut request = Request::new(method, path);
    let (mut length, mut in_chunks) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(broken)?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| broken())?,
            "transfer-encoding" => in_chunks = true,
            // Each relayed request has a connection of its own, and nothing is packed that has to be looked at.
            "connection" | "accept-encoding" => {}
            _ => request = request.header(name, value),
        }
    }
    let body = if in_chunks { read_chunks(reader)? } else { read_exactly(reader, length)? };
    Ok(Some((request.body(body), method.to_owned(), path.to_owned())))
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no chunk size"))?;
        body.extend(read_exactly(reader, size)?);
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn write(client: &mut TcpStream, response: &Response, head: bool) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {} -\r\n", response.status);
    for (name, value) in &response.headers {
        if !matches!(name.as_str(), "connection" | "transfer-encoding" | "content-length") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if response.status != 204 && !head {
        text.push_str(&format!("content-length: {}\r\n", response.body.len()));
    }
    text.push_str("\r\n");
    // In one piece: a second one would wait until the first is acknowledged.
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&response.body);
    client.write_all(&bytes)
}
