//! What to do about what was found in a capture, and what was odd about it, as sentences. The program that is at fault is not
//! known, nor its language: only its host is.

use super::super::cures;
use super::super::report::Verdict;
use super::super::words::several;
use super::counts::Captured;
use super::packets::End;
use super::track::Table;
use crate::stalls::evidence::Side;
use crate::stalls::finding::{Finding, Kind};

const ONCE: &str = "send once: one writev() for all pieces, or one buffer and one write()";
const OPTION: &str = "TCP_NODELAY, once per connection or on the listener";

/// Who can change the program itself needs nothing else.
pub fn upstream(finding: &Finding) -> Vec<String> {
    let texts: &[&str] = match finding.kind {
        Kind::Nagle if finding.delayed() => &[ONCE, OPTION, cures::ROUTE],
        Kind::Nagle => &[ONCE, OPTION],
        Kind::Cork => &[cures::CORK],
        Kind::Flood | Kind::Runts => &[cures::FLOOD],
        // No capture shows these.
        Kind::Paced | Kind::Peer | Kind::Held => &[],
    };
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// What tcptune does about it, and how to know more.
pub fn change(finding: &Finding, host: &str) -> String {
    let port = finding.port;
    let there = match finding.side {
        Side::Server => format!("on {host}"),
        Side::Client => format!("on the client ({host})"),
    };
    let (does, start) = match finding.kind {
        Kind::Cork => {
            ("lets go of what the program itself holds before it waits", "`tcptune run --release all -- COMMAND`")
        }
        Kind::Flood | Kind::Runts => ("holds a piece where more follows at once", "`tcptune run -- COMMAND`"),
        Kind::Nagle | Kind::Paced | Kind::Peer | Kind::Held => (
            "sets TCP_NODELAY on these connections, and holds small pieces only where more follows at once",
            "`tcptune run -- COMMAND`",
        ),
    };
    format!(
        "{does}: {there} start the program with {start}; `tcptune doctor --port {port}` there names the program and its own option"
    )
}

/// What happens where the kernel's timer was recognised.
pub fn corked(finding: &Finding) -> Option<String> {
    let held = finding.pattern.last()?;
    Some(format!(
        "{} leave on the tick of the kernel's timer that ends the hold of TCP_CORK and MSG_MORE, 200 ms after all else was quiet",
        several(*held, "byte")
    ))
}

/// What was odd about the capture.
pub fn notes(table: &Table, counts: &Captured, end: End, verdict: Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    match end {
        End::Whole | End::NoCapture => {}
        End::Short => notes.push("the capture ends within a packet: what came before it was read".to_owned()),
        End::Damaged(bytes) => {
            notes.push(format!("the capture is damaged after {}: what came before was read", several(bytes, "byte")));
        }
    }
    let Captured { copies, fragments, cut, unknown, .. } = *counts;
    let mut odd = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("{} {what}", several(count, "packet")));
        }
    };
    odd(copies, "had been captured twice, as on several interfaces at once: each was counted once");
    odd(fragments, "of the capture are fragments of IP packets: these were left out");
    odd(cut, "were cut before the end of their headers, and left out");
    odd(unknown, "have a link type that is not read, and were left out");
    if table.evicted > 0 {
        notes.push(format!(
            "{} made room for others and counted as ended then: those that were idle for longest",
            several(table.evicted, "connection")
        ));
    }
    if table.left_out > 0 {
        notes.push(format!("{} of further services were left out", several(table.left_out, "connection")));
    }
    let one_sided: u64 = table.services.values().map(|service| service.one_sided).sum();
    if one_sided > 0 && verdict != Verdict::Unknown {
        notes.push(format!(
            "of {} only one direction was captured: these say nothing",
            several(one_sided, "connection")
        ));
    }
    let slight = |service: &super::track::Service| service.client.sum.nagle.count + service.server.sum.nagle.count;
    let waits: u64 = table.services.values().map(slight).sum();
    if waits > 0 && verdict == Verdict::None {
        notes.push(format!(
            "{} left with an acknowledgement, as if held for it: too few, or too little in time with it, to be a stall",
            several(waits, "piece")
        ));
    }
    notes
}
