//! A real Cyrus IMAP server for a test; tests/programs/cyrus_server.py does the work, and the benches use it too.

use super::{Guard, Mode, program};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running server. It ends, with everything it started, when this is dropped.
pub struct Cyrus {
    guard: Guard,
    pub port: String,
    pub user: String,
    pub password: String,
}

impl Cyrus {
    /// Starts a server that knows nothing of tcptune.
    pub fn start() -> Self {
        Self::launch(None, &[])
    }

    /// Starts one with the library in `master` and every `imapd`.
    pub fn start_preloaded(library: &Path, environment: &[&str]) -> Self {
        Self::launch(Some(library), environment)
    }

    fn launch(library: Option<&Path>, environment: &[&str]) -> Self {
        let mut command = Command::new("python3");
        Mode::Plain.prepare(&mut command);
        command.arg(program("cyrus_server.py"));
        if let Some(library) = library {
            command.arg("--preload").arg(library);
        }
        for pair in environment {
            command.arg("--env").arg(pair);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut guard = Guard::spawn(&mut command);
        let line = guard.first_line(Duration::from_secs(30));
        let words: Vec<&str> = line.split(' ').collect();
        let &["ready", port, user, password] = words.as_slice() else {
            panic!("cyrus_server.py printed {line:?}");
        };
        Cyrus { guard, port: port.into(), user: user.into(), password: password.into() }
    }

    /// The arguments every client of tests/programs takes first.
    pub fn address(&self) -> [&str; 3] {
        [&self.port, &self.user, &self.password]
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        // A kill would leave imapd and the directory behind.
        self.guard.end_by_input();
    }
}
