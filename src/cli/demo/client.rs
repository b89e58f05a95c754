//! The programs that are demonstrated on: python3's imaplib as it is, or a client of our own that writes the same way.
//!
//! Both run as processes of their own: preloading means something only there.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::errors::{Context, Failure};
use crate::os::proc;
use crate::programs::preload;

/// A mail of ordinary size, as in the measurements that the project began with.
pub const MAIL_SIZE: usize = 2400;

/// The loop a migration script has. It touches no socket option.
const SCRIPT: &str = "\
import imaplib, sys
port, count, size = map(int, sys.argv[1:])
mail = b'From: a@example.org\\r\\nTo: b@example.org\\r\\nSubject: demo\\r\\n\\r\\n'
mail += b'x' * 70 + b'\\r\\n'
mail = (mail * (size // len(mail) + 1))[:size - 2] + b'\\r\\n'
imap = imaplib.IMAP4('127.0.0.1', port)
imap.login('user', 'secret')
imap.create('demo')
for _ in range(count):
    answer, text = imap.append('demo', None, None, mail)
    assert answer == 'OK', text
imap.logout()
";

/// Which program stands for the user's.
#[derive(Clone, Debug)]
pub enum Client {
    Python(PathBuf),
    BuiltIn,
}

impl Client {
    pub fn describe(&self) -> String {
        match self {
            Self::Python(file) => format!("imaplib of {}, unchanged", file.display()),
            Self::BuiltIn => "a built-in client that writes as imaplib does".to_owned(),
        }
    }

    fn command(&self, port: u16, mails: u32) -> Command {
        let numbers = [u32::from(port), mails, MAIL_SIZE as u32].map(|n| n.to_string());
        let mut command = match self {
            Self::Python(file) => {
                let mut python = Command::new(file);
                // Without the user's settings (-I) and without site-packages (-S), which imaplib does not need.
                python.args(["-I", "-S", "-c", SCRIPT]).args(&numbers);
                python
            }
            Self::BuiltIn => {
                let mut own = Command::new(proc::entry(proc::SELF, "exe"));
                own.arg("demo-client").args(&numbers[..2]);
                own
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// The first python3 that has imaplib.
pub fn find_python() -> Option<Client> {
    let path = std::env::var_os("PATH");
    let in_path = crate::programs::search::program("python3".as_ref(), path.as_deref()).ok();
    let candidates = in_path.into_iter().chain([PathBuf::from("/usr/bin/python3")]);
    let works = |file: &PathBuf| {
        let mut probe = Command::new(file);
        probe.args(["-I", "-S", "-c", "import imaplib"]);
        probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    candidates.into_iter().find(works).map(Client::Python)
}

pub fn no_python() -> Failure {
    Failure::own("there is no python3 that has imaplib")
}

/// Our own client, where a library can be preloaded into it.
pub fn find_built_in() -> Result<Client, Failure> {
    if cfg!(target_feature = "crt-static") {
        let why = "the built-in client is as static as this command, so no library can be preloaded into it";
        return Err(Failure::own(format!("{why}: install python3 with imaplib")));
    }
    Ok(Client::BuiltIn)
}

/// Run the client, with the library or without, and nothing else different. It is ended at the deadline.
pub fn run(client: &Client, port: u16, mails: u32, library: Option<&Path>, limit: Duration) -> Result<(), Failure> {
    let mut command = client.command(port, mails);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"TCPTUNE") {
            command.env_remove(name);
        }
    }
    let inherited = std::env::var_os("LD_PRELOAD");
    match library {
        Some(file) => {
            command.env("LD_PRELOAD", preload::with_ours(file, inherited.as_deref()));
        }
        None => {
            // Off even where the library is in LD_PRELOAD or /etc/ld.so.preload already: the plain run must be plain.
            command.env("TCPTUNE", "off");
            match preload::without_ours(inherited.as_deref()) {
                Some(value) => command.env("LD_PRELOAD", value),
                None => command.env_remove("LD_PRELOAD"),
            };
        }
    }
    let child = command.spawn().doing(|| format!("start the client ({})", client.describe()))?;
    Guarded(child).finish(limit)
}

/// A child that does not outlive us.
struct Guarded(Child);

impl Guarded {
    fn finish(mut self, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) =
                self.0.try_wait().doing(|| format!("wait for the client (process {})", self.0.id()))?
            {
                if status.success() {
                    return Ok(());
                }
                let mut text = String::new();
                if let Some(stderr) = self.0.stderr.take() {
                    stderr.take(4096).read_to_string(&mut text).ok();
                }
                let last = text.lines().last().unwrap_or("it wrote no error").to_owned();
                return Err(Failure::own(format!("the client failed ({status}): {last}")));
            }
            if Instant::now() >= deadline {
                return Err(Failure::own(format!(
                    "the client did not finish in {} s: is the machine very busy?",
                    limit.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The built-in client: the literal and the line end behind it are two writes, then it waits. It sets no option.
pub fn built_in(port: u16, mails: u32) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut replies = BufReader::new(stream.try_clone()?).lines();
    let mut expect = |start: &str| match replies.next() {
        Some(Ok(line)) if line.starts_with(start) => Ok(()),
        Some(other) => Err(io::Error::other(format!("expected `{start}`, got `{}`", other?))),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    };
    expect("* OK")?;
    stream.write_all(b"A1 LOGIN user secret\r\n")?;
    expect("A1 OK")?;
    stream.write_all(b"A2 CREATE demo\r\n")?;
    expect("A2 OK")?;
    let mail = [b'x'; MAIL_SIZE];
    for number in 0..mails {
        stream.write_all(format!("M{number} APPEND demo {{{MAIL_SIZE}}}\r\n").as_bytes())?;
        expect("+")?;
        stream.write_all(&mail)?;
        stream.write_all(b"\r\n")?;
        expect(&format!("M{number} OK"))?;
    }
    stream.write_all(b"A9 LOGOUT\r\n")
}
