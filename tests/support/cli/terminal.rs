//! A terminal of fixed size with a command in it, driven by keys and read as a terminal would.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::cleaned;
use crate::support::{Guard, ScratchDir};

const PATIENCE: Duration = Duration::from_secs(20);

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has cells")
}

/// A terminal of script(1), and what it shows.
pub struct Terminal {
    scratch: ScratchDir,
    keys: ChildStdin,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    _script: Guard,
}

impl Terminal {
    /// Runs `tcptune` there with these arguments, and keeps how the terminal was set before and after.
    pub fn start(rows: u16, columns: u16, arguments: &str) -> Self {
        let scratch = ScratchDir::new("terminal");
        let shell = format!(
            // A shell that outlives its terminal, as under nohup, keeps the signal of its end from what it runs.
            "trap '' HUP; stty rows {rows} cols {columns}; cd {}; tty > tty; stty -g > before; \
             sh -c 'echo $$ > pid; exec \"$0\" \"$@\"' {} {arguments}; \
             echo left $?; stty -g > after; echo all done",
            scratch.path().display(),
            env!("CARGO_BIN_EXE_tcptune"),
        );
        let mut command = cleaned(Command::new("script"));
        command.args(["-qec", &shell, "/dev/null"]).env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = Guard::spawn(&mut command);
        let mut from = script.child.stdout.take().expect("piped");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 65536];
            while let Ok(length @ 1..) = from.read(&mut bytes) {
                drop(sender.send(bytes[..length].to_vec()));
            }
        });
        let keys = script.child.stdin.take().expect("piped");
        Self { scratch, keys, output, screen: vt100::Parser::new(cells(rows), cells(columns), 0), _script: script }
    }

    /// The screen, when it is as wanted.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = self.screen.screen().contents();
            if wanted(&shown) {
                return shown;
            }
            assert!(Instant::now() < end, "{what} does not come:\n{shown}");
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
            }
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
        self.keys.flush().expect("it reads");
    }

    pub fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.scratch.join(name)).unwrap_or_default().trim().to_owned()
    }

    pub fn pid(&self) -> String {
        self.kept("pid")
    }

    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
        let mut stty = Command::new("stty");
        stty.args(["-F", &self.kept("tty"), "rows", &rows.to_string(), "cols", &columns.to_string()]);
        assert!(stty.status().expect("stty(1)").success());
    }

    /// Does the terminal pass on every key at once?
    pub fn raw(&self) -> bool {
        let output = Command::new("stty").args(["-F", &self.kept("tty"), "-a"]).output().expect("stty(1)");
        String::from_utf8_lossy(&output.stdout).contains("-icanon")
    }

    pub fn ends_restored(&mut self, code: &str) {
        let left = format!("left {code}");
        self.until(&left, |screen| screen.contains(&left) && screen.contains("all done"));
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "the screen is as it was");
        assert!(!self.kept("before").is_empty());
        assert_eq!(self.kept("before"), self.kept("after"), "the terminal is set as it was");
    }
}
