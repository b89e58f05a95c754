//! `tcptune demo`: the write-write-read stall on this machine, and its cure, measured.
//!
//! The same client appends mails to a small server on loopback, plain and preloaded in turns. Nothing is simulated: if the
//! plain run does not stall here, that is what it says.

pub mod args;
mod client;
mod imap;
mod print;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::errors::{Context, Failure, OK};
use crate::programs::library;
use args::{Choice, DemoArgs, DemoClientArgs};
use client::Client;

const ROUNDS: usize = 3;
/// Mails per round: few as long as each may take 40 ms, many once it is known that they do not.
const FEW_MAILS: u32 = 30;
const MANY_MAILS: u32 = 400;
/// Longest time a round may take; a stalled one takes 1.5 s.
const LIMIT: Duration = Duration::from_secs(6);

pub fn command(args: &DemoArgs) -> Result<u8, Failure> {
    let library = library::find(args.library.as_deref())?.file;
    let client = match args.client {
        Choice::BuiltIn => client::find_built_in()?,
        Choice::Python => client::find_python().ok_or_else(client::no_python)?,
        Choice::Auto => client::find_python().map_or_else(client::find_built_in, Ok)?,
    };
    print::introduction(&client, &library, ROUNDS);
    let (mut plain, mut tuned) = (Series::default(), Series::default());
    for _ in 0..ROUNDS {
        plain.add(round(&client, plain.next(), None)?);
        tuned.add(round(&client, tuned.next(), Some(&library))?);
    }
    let ratios = tuned.rates.iter().zip(&plain.rates).map(|(t, p)| t / p).collect();
    print::table(plain.row("plain"), tuned.row("preloaded"), median(ratios));
    let fewer = plain.segments_per_mail().zip(tuned.segments_per_mail()).filter(|(p, t)| p - t > 0.5);
    Ok(print::conclusion(1.0 / median(plain.rates), 1.0 / median(tuned.rates), fewer))
}

/// The built-in client, in the process that `command` has started for it.
pub fn client(args: &DemoClientArgs) -> Result<u8, Failure> {
    client::built_in(args.port, args.mails).doing(|| format!("talk to port {} of 127.0.0.1", args.port))?;
    Ok(OK)
}

fn round(client: &Client, mails: u32, library: Option<&PathBuf>) -> Result<imap::Session, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    });
    let (listener, port) = bound.doing(|| "listen on a port of 127.0.0.1")?;
    // The thread owns the listener. If the client never connects, it fails first, and we end the process with its error.
    let server = thread::spawn(move || imap::serve(&listener));
    client::run(client, port, mails, library.map(PathBuf::as_path), LIMIT)?;
    match server.join() {
        Ok(session) => session.doing(|| format!("serve the client on port {port} of 127.0.0.1")),
        Err(_) => Err(Failure::own(format!("the demonstration's server on port {port} ended unexpectedly"))),
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
        let stalls = |rate: &f64| 1.0 / rate >= print::STALL;
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

    fn row(&self, name: &'static str) -> print::Row {
        print::Row { name, rate: median(self.rates.clone()), segments: self.segments_per_mail() }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
