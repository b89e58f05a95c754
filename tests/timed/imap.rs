//! The first story on the real thing: clients that append mails to a Cyrus IMAP server.
//!
//! Every rate asserted here is a factor of ten, the difference a 40 ms stall makes; how close the library comes to an
//! option set by hand is measured by `scripts/bench imap_append`.

use crate::support::cyrus::Cyrus;
use crate::support::turn;
use crate::support::{Mode, Outcome, compile, compile_musl, finish, library, program};
use std::process::Command;

/// Appends this many mails and gives the rate, mails per second, from the client's own line `… : RATE/s`.
fn rate(client: &mut Command, cyrus: &Cyrus, count: u32, more: &[&str]) -> f64 {
    let outcome: Outcome = finish(client.args(cyrus.address()).arg(count.to_string()).args(more));
    let line = outcome.expect();
    let rate = line.trim().strip_suffix("/s").and_then(|line| line.rsplit(' ').next());
    rate.and_then(|rate| rate.parse().ok()).unwrap_or_else(|| panic!("no rate in {line:?}"))
}

/// The best of three rounds of 100 mails: what else the machine does can only make a round slower.
fn best_rate(mut client: impl FnMut() -> Command, cyrus: &Cyrus, more: &[&str]) -> f64 {
    (0..3).map(|_| rate(&mut client(), cyrus, 100, more)).fold(0.0, f64::max)
}

fn python(mode: Mode) -> Command {
    let mut command = mode.command("python3");
    command.arg(program("migrate_imap.py"));
    command
}

/// A rate that stalls once per mail lies at 1 / 42 ms; half as much again would still be a stall for every mail.
fn assert_stalls(name: &str, rate: f64) {
    assert!(rate < 36.0, "{name}: {rate}/s: expected a 40 ms stall for every mail");
}

fn assert_ten_times(name: &str, preloaded: f64, plain: f64) {
    assert!(preloaded >= 10.0 * plain, "{name}: plain {plain}/s, preloaded only {preloaded}/s");
}

#[test]
fn python_appends_as_fast_as_with_the_option_set_by_hand() {
    let _turn = turn::alone();
    let cyrus = Cyrus::start();
    let plain = rate(&mut python(Mode::Plain), &cyrus, 40, &[]);
    let preloaded = best_rate(|| python(Mode::Preloaded), &cyrus, &[]);
    let by_hand = best_rate(|| python(Mode::Plain), &cyrus, &["--nodelay"]);
    let both = best_rate(|| python(Mode::Preloaded), &cyrus, &["--nodelay"]);
    println!("imaplib, mails/s: plain {plain}, preloaded {preloaded}, by hand {by_hand}, both {both}");
    assert_stalls("imaplib", plain);
    assert_ten_times("imaplib", preloaded, plain);
    // One stall in ten mails would halve the rate.
    assert!(preloaded > by_hand / 2.0, "preloaded {preloaded}/s, by hand {by_hand}/s");
    assert!(both > by_hand / 2.0, "by hand and preloaded {both}/s, by hand {by_hand}/s");
}

#[test]
fn perl_is_not_slower() {
    let _turn = turn::alone();
    let cyrus = Cyrus::start();
    let perl = |mode: Mode| {
        let mut command = mode.command("perl");
        command.arg(program("append.pl"));
        command
    };
    let plain = best_rate(|| perl(Mode::Plain), &cyrus, &[]);
    let preloaded = best_rate(|| perl(Mode::Preloaded), &cyrus, &[]);
    println!("Mail::IMAPClient, mails/s: plain {plain}, preloaded {preloaded}");
    assert!(preloaded > plain / 2.0, "preloaded {preloaded}/s, plain {plain}/s");
}

#[test]
fn c_clients_of_glibc_and_musl_append_ten_times_as_fast() {
    let _turn = turn::alone();
    let cyrus = Cyrus::start();
    for client in [compile("append"), compile_musl("append")] {
        let plain = rate(&mut Mode::Plain.command(&client), &cyrus, 40, &[]);
        let preloaded = best_rate(|| Mode::Preloaded.command(&client), &cyrus, &[]);
        println!("{}, mails/s: plain {plain}, preloaded {preloaded}", client.display());
        assert_stalls("append", plain);
        assert_ten_times("append", preloaded, plain);
    }
}

#[test]
fn switched_off_it_stalls_as_before() {
    let _turn = turn::alone();
    let cyrus = Cyrus::start();
    for setting in ["TCPTUNE", "TCPTUNE_NODELAY"] {
        let mut client = python(Mode::Preloaded);
        client.env(setting, "off").env("TCPTUNE_CORK", "off");
        assert_stalls(setting, rate(&mut client, &cyrus, 30, &[]));
    }
}

#[test]
fn the_library_in_the_server_alone_cures_an_untouched_client() {
    let _turn = turn::alone();
    let rates = ["off", "auto"].map(|quickack| {
        let cyrus = Cyrus::start_preloaded(&library(), &[&format!("TCPTUNE_QUICKACK={quickack}")]);
        let count = if quickack == "off" { 30 } else { 300 };
        rate(&mut python(Mode::Plain), &cyrus, count, &[])
    });
    println!("imaplib, mails/s, library in the server alone, TCPTUNE_QUICKACK off and auto: {rates:?}");
    // What stalls is the client's Nagle: the server's own options do nothing for it.
    assert_stalls("TCPTUNE_QUICKACK=off", rates[0]);
    assert!(rates[1] >= 8.0 * rates[0], "TCPTUNE_QUICKACK=auto: {}/s, off: {}/s", rates[1], rates[0]);
}
