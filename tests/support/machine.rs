//! A machine with a real systemd as its first process, for as long as it is in scope: scripts/internal/in-systemd does the work. It
//! has its own processes, its own network with nothing but loopback, and forgets everything at its end.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Guard, Outcome, finish, library, text};

pub struct Machine {
    first: String,
    guard: Guard,
}

impl Machine {
    /// Boots it, with this command and the library under test installed. The first time builds the tree.
    pub fn boot(program: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/internal/in-systemd");
        let mut command = Command::new(script);
        command.arg("--hold").env("TCPTUNE_LIB", library()).env("TCPTUNE_BIN", program);
        let mut guard = Guard::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let first = guard.first_line(Duration::from_secs(600));
        Self { first, guard }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.first,
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--cgroup",
            "--root",
            "--wd",
        ]);
        command.args(["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]);
        command.args(arguments);
        command
    }

    /// Runs a command as root: exit code, stdout, stderr.
    pub fn ended(&self, arguments: &[&str]) -> (i32, String, String) {
        let Outcome { status, stdout, stderr, .. } = finish(&mut self.command(arguments));
        (status.code().unwrap_or(-1), text(&stdout), text(&stderr))
    }

    /// What a command that must succeed prints.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.ended(arguments);
        assert!(code == 0, "{arguments:?}: {code}\n{out}{err}");
        out
    }

    /// The same for a line of shell.
    #[track_caller]
    pub fn shell(&self, line: &str) -> String {
        self.run(&["sh", "-c", line])
    }

    /// Puts a file there; its directory is made.
    #[track_caller]
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let mut command = self.command(&["sh", "-c", "mkdir -p \"${0%/*}\" && cat >\"$0\"", path]);
        let mut guard = Guard::spawn(command.stdin(Stdio::piped()));
        guard.child.stdin.take().expect("piped").write_all(content.as_ref()).expect("it reads");
        assert!(guard.wait(Duration::from_secs(10)).success(), "{path}");
    }

    /// A service that runs this program, started.
    #[track_caller]
    pub fn start_service(&self, name: &str, lines: &str) {
        self.write(&format!("/etc/systemd/system/{name}"), format!("[Service]\n{lines}\n"));
        self.run(&["systemctl", "daemon-reload"]);
        self.run(&["systemctl", "start", name]);
    }

    /// Waits until something in there listens on this port.
    #[track_caller]
    pub fn await_port(&self, port: u16) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.run(&["ss", "-Hltn", &format!("sport = :{port}")]).is_empty() {
            assert!(Instant::now() < end, "nothing listens on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A kill would leave its control groups behind.
        self.guard.end_by_input();
    }
}
