//! A server that is not Redis, or not quite.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// Gives each connection to a closure, on a thread of its own, and returns the port. Ends with the process.
pub fn serve(connection: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = connection.clone();
            thread::spawn(move || connection(stream));
        }
    });
    port
}

/// Speaks the protocol of Redis: the closure gets each command in capitals, and gives the raw reply.
pub fn redis(reply: impl Fn(&[String]) -> String + Clone + Send + 'static) -> u16 {
    serve(move |stream| {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(command) = command(&mut reader) {
            if writer.write_all(reply(&command).as_bytes()).is_err() {
                break;
            }
        }
    })
}

/// A server that says this of itself, and gives every other command the same raw reply.
pub fn with_info(info: &'static str, other: &'static str) -> u16 {
    redis(move |command| match command[0].as_str() {
        "HELLO" => "%0\r\n".to_owned(),
        "INFO" => bulk(info),
        _ => other.to_owned(),
    })
}

/// A text, as a reply.
pub fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn command(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let count = number(reader, '*')?;
    (0..count)
        .map(|_| {
            let mut word = vec![0; number(reader, '$')? + 2];
            reader.read_exact(&mut word).ok()?;
            word.truncate(word.len() - 2);
            Some(String::from_utf8_lossy(&word).to_ascii_uppercase())
        })
        .collect()
}

fn number(reader: &mut impl BufRead, mark: char) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}
