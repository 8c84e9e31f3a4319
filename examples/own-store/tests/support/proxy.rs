//! A link between the store and its server that loses replies, or falls silent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Listens on a loopback port and passes on what it is sent, until told otherwise.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    link: Arc<Link>,
}

#[derive(Debug, Default)]
struct Link {
    /// One reply in so many is swallowed, and the connection closed, after the server did its work. 0: none.
    loses: AtomicUsize,
    /// Nothing is passed on any more, either way.
    is_silent: AtomicBool,
    is_over: AtomicBool,
    replies: AtomicUsize,
}

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let link = Arc::new(Link::default());
        let serving = Arc::clone(&link);
        thread::spawn(move || {
            for store in listener.incoming().map_while(Result::ok) {
                if serving.is_over.load(Ordering::Relaxed) {
                    break;
                }
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) {
                    serving.join(&store, &server);
                }
            }
        });
        Self { port, link }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on, loses one reply in so many.
    pub(crate) fn lose_one_in(&self, replies: usize) {
        self.link.loses.store(replies, Ordering::Relaxed);
    }

    /// From now on, passes nothing on and accepts whoever comes.
    pub(crate) fn fall_silent(&self) {
        self.link.is_silent.store(true, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.is_over.store(true, Ordering::Relaxed);
        // Wakes the one who waits for connections.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
    }
}

impl Link {
    /// Passes on both ways, each on a thread of its own.
    fn join(self: &Arc<Self>, store: &TcpStream, server: &TcpStream) {
        for (from, to, replies) in [(store, server, false), (server, store, true)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            to.set_nodelay(true).ok();
            let link = Arc::clone(self);
            thread::spawn(move || link.pass_on(from, to, replies));
        }
    }

    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream, replies: bool) {
        let mut bytes = [0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if self.is_silent.load(Ordering::Relaxed) {
                continue;
            }
            if replies && self.loses_this() || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Both).ok();
        from.shutdown(Shutdown::Both).ok();
    }

    fn loses_this(&self) -> bool {
        let loses = self.loses.load(Ordering::Relaxed);
        loses != 0 && self.replies.fetch_add(1, Ordering::Relaxed).is_multiple_of(loses)
    }
}
