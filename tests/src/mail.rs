//! A real mail server as a child process, and certificates for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::sdk::{Sdk, run};

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    port: u16,
    told: Arc<(Mutex<Vec<Value>>, Condvar)>,
    folder: Folder,
}

/// A folder of one's own, removed in the end.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl MailServer {
    /// Starts it with TLS from the first byte (`implicit`), with STARTTLS (`starttls`) or without either (`none`). It knows
    /// the user `bank` with the password `hunter:2`.
    ///
    /// # Panics
    /// When Python, the server or OpenSSL is missing or does not start.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its server has failed")]
    pub fn start(mode: &str) -> Self {
        let folder = Folder(folder());
        certificates(&folder.0);
        let mut child = Sdk::mail()
            .script("mail.py")
            .args([folder.0.join("server.pem"), folder.0.join("server.key")])
            .arg(mode)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("the server says where it is");
        let port = first.trim().parse().expect("a port");
        let told: Arc<(Mutex<Vec<Value>>, Condvar)> = Arc::default();
        let list = Arc::clone(&told);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line) {
                    list.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                    list.1.notify_all();
                }
            }
        });
        Self { child, port, told, folder }
    }

    /// Its address, with the scheme and the credentials that are given.
    #[must_use]
    pub fn url(&self, before: &str) -> String {
        format!("{before}localhost:{}", self.port)
    }

    /// The authority that has signed its certificate, in PEM.
    ///
    /// # Panics
    /// When it is not there any more.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its certificates has failed")]
    pub fn authority(&self) -> Vec<u8> {
        std::fs::read(self.folder.0.join("ca.pem")).expect("it was made")
    }

    /// What has happened of this kind: `connect`, `rcpt`, `cut`, `mail`.
    #[must_use]
    pub fn told(&self, kind: &str) -> Vec<Value> {
        self.waited(0, |event| event.get("event").is_some_and(|found| found == kind))
    }

    /// The events that are meant, once there are so many. What the server tells comes over a pipe; where nothing more comes, what
    /// there is.
    #[must_use]
    pub fn waited(&self, count: usize, is_meant: impl Fn(&Value) -> bool) -> Vec<Value> {
        let (told, came) = &*self.told;
        let too_few = |told: &mut Vec<Value>| told.iter().filter(|event| is_meant(event)).count() < count;
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = came.wait_timeout_while(told, Duration::from_secs(20), too_few);
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|event| is_meant(event)).cloned().collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::expect_used, reason = "a test without a folder has failed")]
fn folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("verify-mail-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}

/// An authority, and a certificate for `localhost` that it has signed.
#[expect(clippy::expect_used, reason = "a test without its certificates has failed")]
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(folder);
        run(&mut command, "apt-get install openssl");
    };
    std::fs::write(folder.join("names.txt"), "subjectAltName=DNS:localhost").expect("a file");
    openssl("ecparam -name prime256v1 -out ec.txt");
    openssl("req -x509 -newkey ec:ec.txt -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem");
    openssl("req -newkey ec:ec.txt -nodes -subj /CN=server -keyout server.key -out server.csr");
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names.txt -out server.pem",
    );
}
