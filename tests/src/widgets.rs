//! The scripts of the vendors' widgets, served over https as the vendors serve them: each host is this one server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What all vendors have in common, under the names that each of them has. The widget shows a frame from the vendor's own
/// host and a button; its tokens say what they are for.
const SCRIPT: &str = r#"
(() => {
  const me = new URL(document.currentScript.src);
  window.widgetsLoaded = (window.widgetsLoaded ?? []).concat(me.origin + me.pathname);
  let count = 0;
  const token = (action, cdata) =>
    ["visitor", location.hostname, action ?? "", cdata ?? "", `${Date.now()}-${count += 1}`].join("~");
  const render = (place, options) => {
    const frame = document.createElement("iframe");
    frame.src = `${me.origin}/recaptcha/frame`;
    frame.title = "The vendor's own";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "I am human";
    button.onclick = () => options.callback(token(options.action, options.cData));
    const refuse = document.createElement("button");
    refuse.type = "button";
    refuse.textContent = "I am a machine";
    refuse.onclick = () => options["error-callback"]();
    place.append(frame, button, refuse);
    return 1;
  };
  const api = { render, ready: (then) => then(), execute: async (key, { action }) => token(action) };
  window.turnstile = api;
  window.hcaptcha = api;
  window.grecaptcha = { ...api, enterprise: api };
})();
"#;

/// Serves the script at every path that ends in `.js`, and a page at every other one.
const SERVER: &str = r#"
const [key, cert, script] = process.argv.slice(1);
const { readFileSync } = require("node:fs");
const server = require("node:https").createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  const isScript = new URL(request.url, "https://vendor").pathname.endsWith(".js");
  response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html", "x-content-type-options": "nosniff" });
  response.end(isScript ? script : "<!doctype html><title>Widget</title><p>Solve me.");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"#;

/// A running server; it ends with the test.
#[derive(Debug)]
pub struct Widgets {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Widgets {
    /// Opens, with a certificate that nobody has signed.
    ///
    /// # Panics
    /// When `openssl` or `node` is not installed or does not start.
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "a test without its server has failed")]
    pub fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("widgets-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let (key, cert) = (folder.join("key.pem"), folder.join("cert.pem"));
        make_certificate(&key, &cert);
        let mut child = Command::new("node")
            .arg("-e")
            .arg(SERVER)
            .args([&key, &cert])
            .arg(SCRIPT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node does not start ({error}): apt-get install -y nodejs"));
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is piped");
        BufReader::new(out).read_line(&mut line).expect("it says where it is");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("no port: {line:?}"));
        Self { child, port, folder }
    }

    /// Its port on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

#[expect(clippy::expect_used, reason = "a test without its certificate has failed")]
fn make_certificate(key: &Path, cert: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=vendor.example"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(cert)
        .stderr(Stdio::null())
        .status()
        .expect("openssl is there: apt-get install -y openssl");
    assert!(made.success(), "openssl makes no certificate");
}

impl Drop for Widgets {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
