//! ALTCHA's own packages, from the registries of npm and PyPI: the other side of the wire, unmodified.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where the manifests are, with exact versions, and what drives the packages.
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/altcha");

/// Which of them does a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// npm's `altcha-lib`.
    JavaScript,
    /// PyPI's `altcha`.
    Python,
}

/// Both of them.
pub const PEERS: [Peer; 2] = [Peer::JavaScript, Peer::Python];

impl Peer {
    /// Hands over a list of jobs, and returns the list of their results.
    ///
    /// # Panics
    /// When the packages cannot be installed, or a job fails.
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "a test without its peer has failed")]
    pub fn ask(self, jobs: &[Value]) -> Vec<Value> {
        let packages = packages();
        let mut command = match self {
            Self::JavaScript => Command::new("node"),
            Self::Python => Command::new("python3"),
        };
        let script = match self {
            Self::JavaScript => "peer.cjs",
            Self::Python => "peer.py",
        };
        let mut child = command
            .arg(Path::new(MANIFESTS).join(script))
            .env("PYTHONPATH", packages.join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("apt-get install -y nodejs python3 ({error})"));
        let input = Value::from(jobs.to_vec()).to_string();
        let mut pipe = child.stdin.take().expect("its input is piped");
        let writing = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{self:?} failed: {}", output.status);
        writing.join().expect("the writer ends").expect("it reads its jobs");
        let results: Vec<Value> = serde_json::from_slice(&output.stdout).expect("it prints a list");
        assert_eq!(results.len(), jobs.len());
        results
    }
}

/// The folder of the widget's package: `dist/external/altcha.min.js`, its style and its workers.
///
/// # Panics
/// When the packages cannot be installed.
#[must_use]
pub fn widget() -> PathBuf {
    packages().join("node_modules/altcha/dist")
}

/// Installs the packages beside the test's own program, once for each set of versions, and returns the folder. The first
/// test that comes does it, others wait.
#[expect(clippy::expect_used, reason = "a test without its peer has failed")]
fn packages() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap_or_default();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let folder = folder.join("altcha-packages");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let lock = File::create(folder.join("lock")).expect("the target folder can be written");
    lock.lock().expect("the folder can be locked");
    let wanted: String = ["package.json", "package-lock.json", ".npmrc", "requirements.txt"]
        .map(|name| {
            let text = fs::read_to_string(Path::new(MANIFESTS).join(name)).expect("the manifests are there");
            fs::write(folder.join(name), &text).expect("the target folder can be written");
            text
        })
        .concat();
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    run(&folder, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm");
    let _ = fs::remove_dir_all(folder.join("python"));
    let pip =
        ["-m", "pip", "install", "--quiet", "--no-deps", "--target", "python", "-r", "requirements.txt"];
    run(&folder, "python3", &pip, "python3-pip");
    fs::write(stamp, wanted).expect("the target folder can be written");
    folder
}

#[expect(clippy::panic, reason = "a test without its peer has failed")]
fn run(folder: &Path, program: &str, arguments: &[&str], package: &str) {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap_or_else(|error| panic!("apt-get install -y {package} ({error})"));
    assert!(status.success(), "{program} {}: {status}", arguments.join(" "));
}
