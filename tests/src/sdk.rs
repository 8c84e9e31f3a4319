//! Official SDKs, unmodified, installed by their own package managers into a folder below the target folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::programs;

/// The scripts and the lists of packages, a folder for each purpose.
const FOLDERS: &str = env!("CARGO_MANIFEST_DIR");

/// A language with its packages installed.
#[derive(Clone, Debug)]
pub struct Sdk {
    program: PathBuf,
    modules: PathBuf,
    scripts: PathBuf,
}

impl Sdk {
    /// Python with the packages of `requirements.txt`, in an environment of its own.
    ///
    /// # Panics
    /// When Python is missing or the packages do not come.
    #[must_use]
    pub fn python() -> Self {
        Self::environment("python", "requirements.txt")
    }

    /// Python with a mail server, the packages of `mail.txt`.
    ///
    /// # Panics
    /// As [`Sdk::python`].
    #[must_use]
    pub fn mail() -> Self {
        Self::environment("mail", "mail.txt")
    }

    fn environment(name: &str, list: &str) -> Self {
        let scripts = Path::new(FOLDERS).join("sdk");
        let folder = installed(name, &scripts, &[list], |folder| {
            let venv = "apt-get install python3 python3-venv";
            run(Command::new("python3").args(["-m", "venv"]).arg(folder), venv);
            let pip = "pip did not get the packages: try again when the network is there";
            let list = scripts.join(list);
            let mut install = Command::new(folder.join("bin/python"));
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            // The list is whole, so nothing else may come along.
            run(install.args(["--no-deps", "-r"]).arg(list), pip);
        });
        Self { program: folder.join("bin/python"), modules: PathBuf::new(), scripts }
    }

    /// Node.js with the packages of `package-lock.json`.
    ///
    /// # Panics
    /// When Node.js or npm is missing or the packages do not come.
    #[must_use]
    pub fn node() -> Self {
        Self::node_with("sdk", "node")
    }

    /// Node.js with clients of hypermedia APIs, which know no API in particular.
    ///
    /// # Panics
    /// As [`Sdk::node`].
    #[must_use]
    pub fn hal() -> Self {
        Self::node_with("hal", "hal")
    }

    fn node_with(scripts: &str, name: &str) -> Self {
        let scripts = Path::new(FOLDERS).join(scripts);
        let lists = ["package.json", "package-lock.json"];
        let folder = installed(name, &scripts, &lists, |folder| {
            for list in lists {
                copy(&scripts.join(list), &folder.join(list));
            }
            let mut install = Command::new("npm");
            install
                .args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
                .current_dir(folder);
            run(&mut install, "apt-get install nodejs npm");
        });
        Self { program: PathBuf::from("node"), modules: folder.join("node_modules"), scripts }
    }

    /// A command that runs a script of the folder. Nothing in the environment says where the SDK is to call.
    #[must_use]
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.scripts.join(name)).env("NODE_PATH", &self.modules);
        for name in ["TWILIO_EDGE", "TWILIO_REGION", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"] {
            command.env_remove(name);
        }
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command
    }

    /// A program that came with the packages.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.program.with_file_name(name))
    }
}

/// Installs once for these lists; several tests may ask at the same time, and one does it.
#[expect(clippy::expect_used, reason = "a test without its SDK has failed")]
fn installed(name: &str, scripts: &Path, lists: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let all = programs().join("sdk");
    let (folder, stamp) = (all.join(name), all.join(format!("{name}.stamp")));
    fs::create_dir_all(&all).expect("the target folder can be written");
    let lock = File::create(all.join(format!("{name}.lock"))).expect("the target folder can be written");
    lock.lock().expect("a file can be locked");
    let wanted: String =
        lists.iter().map(|list| fs::read_to_string(scripts.join(list)).unwrap_or_default()).collect();
    if fs::read_to_string(&stamp).unwrap_or_default() != wanted {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target folder can be written");
        install(&folder);
        fs::write(&stamp, wanted).expect("the target folder can be written");
    }
    folder
}

#[expect(clippy::panic, reason = "a test without its SDK has failed")]
fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Runs a command to its end.
///
/// # Panics
/// When it is missing or fails; `cure` is what helps against a missing one.
#[expect(clippy::panic, reason = "a test without its program has failed")]
pub fn run(command: &mut Command, cure: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => panic!("{:?} is missing: {cure}", command.get_program()),
        _ => panic!("{:?} does not start: {error}", command.get_program()),
    });
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed ({cure}):\n{out}\n{err}");
    output
}
