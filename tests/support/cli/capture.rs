//! Captures: by tcpdump in a namespace, while it runs; and what doctor says of one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{ended, tcptune};
use crate::support::{Guard, Mode};

const PATIENCE: Duration = Duration::from_secs(20);

/// A tcpdump that captures in a network namespace.
pub struct Tcpdump {
    guard: Guard,
    pub file: PathBuf,
}

impl Tcpdump {
    /// Captures into this file what goes over an interface, or `any`.
    pub fn start(namespace: &str, interface: &str, file: &Path) -> Self {
        let mut command = Mode::Plain.command("ip");
        command.args(["netns", "exec", namespace, "tcpdump", "-i", interface, "-s", "128", "-Z", "root", "-w"]);
        // At once, whatever is in the buffer: the test ends it when it knows that all has been sent.
        command.arg(file).args(["-U", "--immediate-mode", "tcp"]);
        // It says that it listens on stderr: that becomes the output whose lines are waited for.
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut guard = Guard::spawn(&mut command);
        let said = guard.child.stderr.take().expect("piped");
        let (sender, listening) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(said)).map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        loop {
            let line = listening.recv_timeout(PATIENCE).expect("tcpdump listens (scripts/setup installs it)");
            if line.contains("listening on") {
                return Self { guard, file: file.to_owned() };
            }
        }
    }

    /// Ends it, and gives the capture.
    pub fn end(mut self) -> PathBuf {
        // What was sent last has come by.
        std::thread::sleep(Duration::from_millis(300));
        let told = Command::new("kill").args(["-INT", &self.guard.pid().to_string()]).status();
        assert!(told.expect("kill starts").success());
        self.guard.wait(PATIENCE);
        self.file.clone()
    }
}

/// The report and exit status of `doctor --json` on a capture, with more arguments.
pub fn report(file: &Path, more: &[&str]) -> (Value, i32) {
    let (code, out, err) = ended(tcptune().args(["doctor", "--json", "--pcap"]).arg(file).args(more));
    assert_eq!(err, "", "{}", file.display());
    (serde_json::from_str(&out).expect("valid JSON"), code)
}
