//! `tcptune demo`: the write-write-read stall on this machine, and its cure, measured.
//!
//! The same client appends mails to a small server on loopback, plain and preloaded in turns. Nothing is simulated: if the
//! plain run does not stall here, that is what it says.

mod chart;
pub mod client;
mod imap;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::errors::{Failure, NO, OK};
use crate::output::{FAINT, line, styled};
use crate::programs::library;
use client::Client;

const ROUNDS: usize = 3;
/// Mails per round: few as long as each may take 40 ms, many once it is known that they do not.
const FEW_MAILS: u32 = 30;
const MANY_MAILS: u32 = 400;
/// Longest time a round may take; a stalled one takes 1.5 s.
const LIMIT: Duration = Duration::from_secs(6);
/// An exchange that lasts longer than this waits for a timer, not for the machine; a delayed acknowledgement is 40 ms.
const STALL: f64 = 0.030;

/// Which client to show it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// python3's imaplib if there is a python3, else the built-in one.
    Auto,
    /// python3's imaplib.
    Python,
    /// A built-in client that writes as imaplib does.
    BuiltIn,
}

pub fn command(choice: Choice, library: Option<&Path>) -> Result<u8, Failure> {
    let library = library::find(library)?.file;
    let client = match choice {
        Choice::BuiltIn => Client::BuiltIn,
        Choice::Python => client::find_python().ok_or_else(|| Failure::own("there is no python3 that has imaplib"))?,
        Choice::Auto => client::find_python().unwrap_or(Client::BuiltIn),
    };
    line(&format!(
        "Appending mails of {:.1} kB over IMAP on loopback, {ROUNDS} rounds plain and preloaded in turns.",
        client::MAIL_SIZE as f64 / 1000.0
    ));
    line(&styled(FAINT, format_args!("client   {}", client.describe())));
    line(&styled(FAINT, format_args!("library  {}", library.display())));
    line("");
    let (mut plain, mut tuned) = (Series::default(), Series::default());
    for _ in 0..ROUNDS {
        plain.add(round(&client, plain.next(), None)?);
        tuned.add(round(&client, tuned.next(), Some(&library))?);
    }
    let ratios = tuned.rates.iter().zip(&plain.rates).map(|(t, p)| t / p).collect();
    chart::print(plain.row("plain"), tuned.row("preloaded"), median(ratios));
    let fewer = plain.segments_per_mail().zip(tuned.segments_per_mail()).filter(|(p, t)| p - t > 0.5);
    Ok(conclude(1.0 / median(plain.rates), 1.0 / median(tuned.rates), fewer))
}

/// What the figures mean, and whether the demonstration showed it. Seconds per mail, and segments per mail if they went down.
fn conclude(plain: f64, tuned: f64, fewer: Option<(f64, f64)>) -> u8 {
    if plain < STALL {
        line(
            "The plain run did not stall on this machine, so there is nothing to cure here. Possible reasons: a route with",
        );
        line("quickack 1, a system-wide preload, or a kernel whose delayed acknowledgements are set otherwise.");
        return OK;
    }
    if tuned >= STALL {
        line("The preloaded run stalled as well: the library had no effect. `tcptune check python3` may say why.");
        return NO;
    }
    line(&format!(
        "Plain, each mail waits about {:.0} ms: its last two bytes are held back by Nagle's algorithm until the server",
        plain * 1000.0
    ));
    line(
        "acknowledges the part before them, and the server's kernel delays that acknowledgement. Preloaded, nothing waits.",
    );
    if let Some((before, after)) = fewer {
        line(&format!("A mail now takes {after:.1} segments instead of {before:.1}: its two writes leave together."));
    }
    line("This server stores nothing; one that does adds its own time per mail to both rows.");
    OK
}

fn round(client: &Client, mails: u32, library: Option<&PathBuf>) -> Result<imap::Session, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    // The thread owns the listener. If the client never connects, it fails first, and we end the process with its error.
    let server = thread::spawn(move || imap::serve(&listener));
    client::run(client, port, mails, library.map(PathBuf::as_path), LIMIT)?;
    match server.join() {
        Ok(session) => session.map_err(|e| Failure::own(format!("the demonstration's server failed: {e}"))),
        Err(_) => Err(Failure::own("the demonstration's server ended unexpectedly")),
    }
}

/// The rounds of one way of running.
#[derive(Default)]
struct Series {
    rates: Vec<f64>,
    mails: u32,
    segments: Option<u32>,
}

impl Series {
    /// How many mails the next round may send.
    fn next(&self) -> u32 {
        let stalls = |rate: &f64| 1.0 / rate >= STALL;
        if self.rates.last().is_none_or(stalls) { FEW_MAILS } else { MANY_MAILS }
    }

    fn add(&mut self, session: imap::Session) {
        self.rates.push(f64::from(session.mails) / session.time.as_secs_f64());
        let before = if self.mails == 0 { Some(0) } else { self.segments };
        self.segments = before.zip(session.segments).map(|(a, b)| a + b);
        self.mails += session.mails;
    }

    fn segments_per_mail(&self) -> Option<f64> {
        self.segments.map(|s| f64::from(s) / f64::from(self.mails))
    }

    fn row(&self, name: &'static str) -> chart::Row {
        chart::Row { name, rate: median(self.rates.clone()), segments: self.segments_per_mail() }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
