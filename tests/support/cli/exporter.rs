//! `tcptune export --listen` as tests use it: started on what was counted, asked, and looked at from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use super::tcptune;
use crate::support::{Guard, Mode, ScratchDir, compile, finish, process};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// An exporter of a directory in which something was counted, and what it says about where it listens.
pub fn exporter(scratch: &ScratchDir, listen: &str) -> (Guard, String) {
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["20", "end"]).env("TCPTUNE_STATS", scratch.path())).expect();
    let mut command = tcptune();
    command.args(["export", "--listen", listen]).arg(scratch.path()).stderr(Stdio::piped());
    let mut exporter = Guard::spawn(&mut command);
    let mut line = String::new();
    BufReader::new(exporter.child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    (exporter, line)
}

pub fn exporter_on_tcp(scratch: &ScratchDir) -> (Guard, SocketAddr) {
    let (exporter, line) = exporter(scratch, "0");
    let address = line.trim().strip_prefix("tcptune: http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("{line}")).parse().expect("an address");
    (exporter, address)
}

/// Asks and reads to the end.
pub fn scrape(mut stream: impl Read + Write) -> String {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("tcptune_export_info"), "{answer}");
    answer
}

pub fn scrape_at(address: SocketAddr) -> String {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    scrape(stream)
}

/// In kilobytes.
pub fn memory(pid: u32, field: &str) -> u64 {
    let line = process::status(pid, field).unwrap_or_else(|| panic!("no {field}"));
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or_else(|_| panic!("{line}"))
}
