//! Guards that end what a test started, whether it passed or panicked.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A child process that is killed by its pid and reaped when the guard goes.
pub struct Guard {
    pub child: Child,
}

impl Guard {
    pub fn spawn(command: &mut Command) -> Self {
        // A program that a test has just written may still be open for writing in a child that another test's thread has
        // forked meanwhile and that has not called exec yet.
        let mut patience = 100;
        loop {
            match command.spawn() {
                Ok(child) => return Guard { child },
                Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy && patience > 0 => patience -= 1,
                Err(e) => panic!("{:?}: {e}", command.get_program()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The lines that the child prints; its standard output must be piped.
    pub fn lines(&mut self) -> Lines {
        let output = self.child.stdout.take().expect("standard output is piped");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // When the test has stopped listening the rest is read and dropped, so that the child never blocks.
                drop(sender.send(line));
            }
        });
        Lines(receiver)
    }

    /// The first line that the child prints; its standard output must be piped. The rest is read and dropped.
    pub fn first_line(&mut self, patience: Duration) -> String {
        self.lines().next(patience).unwrap_or_else(|| panic!("no line within {patience:?} from {:?}", self.child))
    }

    /// Lets a child that ends with its standard input, which must be piped, clean up after itself: ten seconds at most.
    pub fn end_by_input(&mut self) {
        drop(self.child.stdin.take());
        for _ in 0..1000 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the child, at most this long.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < end, "{:?} still runs after {patience:?}", self.child);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail only when the child has gone already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The lines of a child, as they come.
pub struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// The next line, if one comes in time.
    pub fn next(&self, patience: Duration) -> Option<String> {
        self.0.recv_timeout(patience).ok()
    }

    /// The lines before this one, which must come; each in time.
    pub fn until(&self, last: &str, patience: Duration) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.next(patience) {
                Some(line) if line == last => return lines,
                Some(line) => lines.push(line),
                None => panic!("no line {last:?} within {patience:?} after {lines:#?}"),
            }
        }
    }

    /// All lines to the end of the output, each in time.
    pub fn rest(&self, patience: Duration) -> Vec<String> {
        std::iter::from_fn(|| self.next(patience)).collect()
    }
}

/// A directory of its own for one test, removed at the end.
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Under /tmp and not in the target directory: servers that drop privileges must be able to reach it.
        let path = std::env::temp_dir().join(format!("tcptune-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        ScratchDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file here and gives its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// No output wanted: for servers that talk.
pub fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
