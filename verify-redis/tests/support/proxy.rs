//! A link between a store and its server that loses replies, goes silent, or counts.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

/// Listens on a loopback port and passes on what it is sent, until told otherwise.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    link: Arc<Link>,
    departures: Mutex<mpsc::Receiver<()>>,
}

#[derive(Debug)]
struct Link {
    server: AtomicU16,
    /// One reply in so many is swallowed, and the connection closed, after the server did its work. 0: none.
    loses: AtomicUsize,
    /// Nothing is passed on any more, either way.
    silent: AtomicBool,
    over: AtomicBool,
    replies: AtomicUsize,
    turns: AtomicUsize,
    lost: AtomicUsize,
    /// Whether the last to speak was the store.
    asked: AtomicBool,
    /// Told when the store has closed its side of a connection.
    departed: mpsc::Sender<()>,
}

impl Proxy {
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (departed, departures) = mpsc::channel();
        let link = Arc::new(Link {
            server: AtomicU16::new(server),
            loses: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
            over: AtomicBool::new(false),
            replies: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
            departed,
        });
        let serving = Arc::clone(&link);
        thread::spawn(move || {
            for store in listener.incoming().map_while(Result::ok) {
                if serving.over.load(Ordering::Relaxed) {
                    break;
                }
                serving.connect(store);
            }
        });
        Self { port, link, departures: Mutex::new(departures) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on, new connections lead to this server.
    pub fn lead_to(&self, server: u16) {
        self.link.server.store(server, Ordering::Relaxed);
    }

    /// From now on, loses one reply in so many.
    pub fn lose_one_in(&self, replies: usize) {
        self.link.loses.store(replies, Ordering::Relaxed);
    }

    /// From now on, passes nothing on and accepts whoever comes.
    pub fn fall_silent(&self) {
        self.link.silent.store(true, Ordering::Relaxed);
    }

    /// From now on, new connections are passed on; the old ones stay silent, as after a router forgot them.
    pub fn speak_to_the_next(&self) {
        self.link.silent.store(false, Ordering::Relaxed);
    }

    /// Requests that waited for a reply before the next one was made.
    pub fn turns(&self) -> usize {
        self.link.turns.load(Ordering::Relaxed)
    }

    /// Waits until the store has closed its side of a connection; says whether it did.
    pub fn departed(&self, patience: Duration) -> bool {
        self.departures.lock().unwrap().recv_timeout(patience).is_ok()
    }

    pub fn lost(&self) -> usize {
        self.link.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.over.store(true, Ordering::Relaxed);
        // Wakes the one who waits for connections.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

impl Link {
    fn connect(self: &Arc<Self>, store: TcpStream) {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server.load(Ordering::Relaxed)))
        else {
            return;
        };
        store.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        // A connection that was silenced once stays so.
        let silenced = Arc::new(AtomicBool::new(false));
        let ends = (store.try_clone().unwrap(), server.try_clone().unwrap());
        let (this, heard) = (Arc::clone(self), Arc::clone(&silenced));
        thread::spawn(move || this.requests(ends.0, ends.1, &heard));
        let this = Arc::clone(self);
        thread::spawn(move || this.replies(server, store, &silenced));
    }

    fn is_silent(&self, silenced: &AtomicBool) -> bool {
        if self.silent.load(Ordering::Relaxed) {
            silenced.store(true, Ordering::Relaxed);
        }
        silenced.load(Ordering::Relaxed)
    }

    fn requests(&self, mut store: TcpStream, mut server: TcpStream, silenced: &AtomicBool) {
        let mut bytes = [0; 64 * 1024];
        loop {
            let Ok(count @ 1..) = store.read(&mut bytes) else {
                self.departed.send(()).ok();
                break;
            };
            if self.is_silent(silenced) {
                continue;
            }
            if !self.asked.swap(true, Ordering::Relaxed) {
                self.turns.fetch_add(1, Ordering::Relaxed);
            }
            if server.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        server.shutdown(Shutdown::Both).ok();
    }

    fn replies(&self, mut server: TcpStream, mut store: TcpStream, silenced: &AtomicBool) {
        let mut bytes = [0; 64 * 1024];
        while let Ok(count @ 1..) = server.read(&mut bytes) {
            if self.is_silent(silenced) {
                continue;
            }
            self.asked.store(false, Ordering::Relaxed);
            let loses = self.loses.load(Ordering::Relaxed);
            let number = self.replies.fetch_add(1, Ordering::Relaxed);
            if loses != 0 && number.is_multiple_of(loses) {
                self.lost.fetch_add(1, Ordering::Relaxed);
                break;
            }
            if store.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // Only this way: that the store closes its own side is what the others wait for.
        store.shutdown(Shutdown::Write).ok();
        server.shutdown(Shutdown::Both).ok();
    }
}
