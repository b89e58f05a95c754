//! Diagnosis of a capture: what doctor finds on running processes, from the packets that they sent. Nothing but the file is
//! needed, and nothing but it is looked at.

mod conclude;
pub mod counts;
mod doubts;
mod input;
mod packets;
mod services;
mod track;
mod words;

use std::path::Path;

use super::report::Report;
use crate::errors::Failure;

use counts::Captured;
use packets::{End, Frame};

/// Reads it to its end, or until Ctrl-C.
pub fn diagnose(file: &Path, port: Option<u16>) -> Result<Report, Failure> {
    let name = input::name(file);
    let mut counts = Captured { file: file.display().to_string(), ..Captured::default() };
    let mut table = track::Table::default();
    let end = packets::read(input::open(file)?, |packet| {
        let frame = Frame::read(packet);
        counts.count(&frame);
        if let Frame::Tcp(segment) = frame
            && port.is_none_or(|port| port == segment.from.port() || port == segment.to.port())
        {
            table.see(&segment);
        }
    });
    if end == End::NoCapture {
        let why = "is no capture: allowed is a file in pcap or pcapng format, as `tcpdump -w` writes it";
        return Err(Failure::of_option("--pcap", file, why));
    }
    table.finish();
    counts.copies = table.copies;
    Ok(conclude::conclude(&table, counts, end, &name))
}
