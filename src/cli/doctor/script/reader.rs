//! Reads the calls of a Python process, by py-spy, on a thread of its own: that takes longer than a look at the sockets may. The
//! process is not stopped; what waits for the network does not change meanwhile.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use py_spy::config::LockingStrategy;
use py_spy::{Config, PythonSpy, StackTrace};

use super::lines::{Line, Place, Write, is_own};
use super::source::last_write;
use crate::os::proc;
use crate::output::printable;

/// Longer sources are not read.
const LONGEST: u64 = 4 << 20;
/// Of each chain of calls so many are kept: recursion.
const DEEPEST: usize = 128;

/// What is to be done.
pub enum Order {
    /// Make ready for looks at this process: finding the interpreter takes some time.
    Prepare(u32),
    /// Look at it while a piece is held on this socket: cookie and inode.
    Look { pid: u32, socket: u64, inode: u64 },
}

/// What a look has found.
pub struct Look {
    pub pid: u32,
    pub socket: u64,
    /// Or why that is not known.
    pub threads: Result<Vec<Thread>, String>,
}

/// A thread with a chain of calls.
#[derive(Debug)]
pub struct Thread {
    /// Its number; before Python 3.11 an interpreter does not know it.
    pub id: Option<u64>,
    /// Its pthread_t, which lies above its stack.
    pub handle: u64,
    /// It waits to read from the socket of the look, or from something else; None: it does not read, or its number is not known.
    pub reads: Option<bool>,
    pub place: Place,
}

/// Starts the thread; it ends when nobody gives orders any more.
pub fn start() -> (Sender<Order>, Receiver<Look>, thread::JoinHandle<()>) {
    let (orders, ordered) = channel();
    let (found, looks) = channel();
    let thread = thread::spawn(move || {
        let mut reader = Reader::default();
        for order in ordered {
            match order {
                Order::Prepare(pid) => {
                    let _ = reader.spy(pid);
                }
                Order::Look { pid, socket, inode } => {
                    let threads = reader.look(pid, inode);
                    if found.send(Look { pid, socket, threads }).is_err() {
                        return;
                    }
                }
            }
        }
    });
    (orders, looks, thread)
}

#[derive(Default)]
struct Reader {
    spies: HashMap<u32, PythonSpy>,
    /// None: cannot be read.
    sources: HashMap<(u32, String), Option<String>>,
}

impl Reader {
    fn spy(&mut self, pid: u32) -> Result<&mut PythonSpy, String> {
        use std::collections::hash_map::Entry;
        match self.spies.entry(pid) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                let config = Config {
                    blocking: LockingStrategy::NonBlocking,
                    collect_thread_names: false,
                    full_filenames: true,
                    ..Config::default()
                };
                let spy = PythonSpy::new(pid.cast_signed(), &config).map_err(|error| shown(&error))?;
                Ok(free.insert(spy))
            }
        }
    }

    fn look(&mut self, pid: u32, inode: u64) -> Result<Vec<Thread>, String> {
        let traces = self.spy(pid)?.get_stack_traces().map_err(|error| shown(&error));
        if traces.is_err() {
            // It may have become another program.
            self.spies.remove(&pid);
        }
        let traces = traces?;
        let sockets = proc::sockets(pid).unwrap_or_default();
        let mut threads: Vec<Thread> = traces
            .into_iter()
            .map(|trace| {
                let waits = trace.os_thread_id.and_then(proc::reads_from);
                let is_it = |descriptor: RawFd| sockets.contains(&(descriptor, inode));
                Thread {
                    id: trace.os_thread_id,
                    handle: trace.thread_id,
                    reads: waits.map(is_it),
                    place: self.place(pid, trace),
                }
            })
            .collect();
        threads.retain(|thread| !thread.place.frames.is_empty());
        Ok(threads)
    }

    fn place(&mut self, pid: u32, trace: StackTrace) -> Place {
        let frames: Vec<Line> = trace
            .frames
            .into_iter()
            .take(DEEPEST)
            .map(|frame| Line {
                own: is_own(&frame.filename),
                file: printable(&frame.filename),
                line: u32::try_from(frame.line).ok().filter(|line| *line > 0),
                function: printable(&frame.name),
            })
            .collect();
        let own_frame = frames.iter().position(|line| line.own);
        // Where a module waits, it has sent too, as a rule; where the script does, it sent before.
        let mut write = None;
        for (n, line) in frames.iter().enumerate().take_while(|(_, line)| line.own) {
            let Some(number) = line.line else { break };
            let source = self.source(pid, &line.file);
            write = source.and_then(|source| last_write(source, number)).map(|(line, text)| Write {
                frame: n,
                line,
                text: printable(text),
            });
            if write.is_some() {
                break;
            }
        }
        Place { frames, own_frame, write }
    }

    fn source(&mut self, pid: u32, file: &str) -> Option<&str> {
        let key = (pid, file.to_owned());
        self.sources.entry(key).or_insert_with(|| read(pid, Path::new(file))).as_deref()
    }
}

/// The file as the process sees it. No pipe and no device is opened.
fn read(pid: u32, file: &Path) -> Option<String> {
    let path = if file.is_absolute() { proc::inside(pid, file) } else { proc::entry(pid, "cwd").join(file) };
    let about = std::fs::metadata(&path).ok()?;
    if !about.is_file() || about.len() > LONGEST {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// py-spy's reason, with those behind it, in one line.
fn shown(error: &impl Display) -> String {
    printable(&format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" "))
}
