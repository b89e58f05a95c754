//! What the library adds, counted by strace: one system call per outgoing connection, one per listener and one check on
//! its first accept; nothing per accepted connection after that, nothing per read or write, nothing on other sockets. Once
//! per process, with the first socket that is tuned, it looks whether there is a filter.

use crate::support::strace::{Counts, Trace, trace};
use crate::support::{Mode, compile, program};
use std::path::Path;

const SET: &str = "setsockopt TCP_NODELAY";
const CHECK: &str = "getsockopt TCP_NODELAY";
/// Whether there is a filter: /proc/self/status.
const LOOK: [(&str, i64); 3] = [("openat", 1), ("read", 1), ("close", 1)];
/// Asked when a service is about to be trusted: does its program receive, or its thread sleep, where no hook sees it?
const ASK: [&str; 3] = ["getsockopt TCP_INFO", "getrusage", "clock_gettime"];

fn both<A: AsRef<std::ffi::OsStr>>(program: &Path, arguments: &[A]) -> [Trace; 2] {
    Mode::BOTH.map(|mode| trace(mode, &[], program, arguments))
}

/// What the preloaded run has more than the plain one between two marks.
fn added([plain, preloaded]: &[Trace; 2], from: &str, to: &str) -> Counts {
    let plain = Counts::of(plain.between(from, to));
    let preloaded = Counts::of(preloaded.between(from, to));
    println!("{from} .. {to}: plain {plain:?}");
    preloaded.minus(&plain)
}

/// What is set so often, and asked while a client and its server, in one process, come to be trusted: twice each of the three times that the kernel is asked
/// about either (by a program that is traced).
fn asked(set: i64) -> [(&'static str, i64); 5] {
    let [received, used, computed] = ASK;
    [(SET, set), (CHECK, 1), (received, 12), (used, 12), (computed, 12)]
}

/// What is added with the first socket that is tuned.
fn and_looked<const N: usize>(added: [(&'static str, i64); N]) -> Counts {
    added.into_iter().chain(LOOK).collect()
}

#[test]
fn one_call_for_each_outgoing_connection_and_listener_and_none_for_data() {
    for way in ["blocking", "polling"] {
        let runs = both(&compile("count"), &["20", way]);
        assert!(Counts::of(runs[0].between("more", "end")).get("connect") == 20, "{way}: the program did its work");
        assert_eq!(added(&runs, "listener", "first"), and_looked([(SET, 1)]), "{way}: a listener");
        assert_eq!(added(&runs, "first", "more"), Counts::from(asked(1)), "{way}: the first connection");
        assert_eq!(added(&runs, "more", "end"), Counts::from([(SET, 20)]), "{way}: 20 more connections");
    }
}

#[test]
fn switched_off_no_call_is_added() {
    let count = compile("count");
    let plain = Counts::of(trace(Mode::Plain, &[], &count, &["3", "blocking"]).between("listener", "end"));
    let idle = [("TCPTUNE_NODELAY", "off"), ("TCPTUNE_CORK", "off")];
    for (settings, added) in [(&[("TCPTUNE", "off")][..], Counts::default()), (&idle, and_looked([]))] {
        let off = trace(Mode::Preloaded, settings, &count, &["3", "blocking"]);
        assert_eq!(Counts::of(off.between("listener", "end")).minus(&plain), added, "{settings:?}");
    }
}

#[test]
fn no_call_for_what_is_no_tcp_socket() {
    let runs = both::<&str>(&compile("others"), &[]);
    assert!(Counts::of(runs[0].between("begin", "end")).get("socket") > 10, "the program did its work");
    assert_eq!(added(&runs, "begin", "end"), Counts::default());
}

#[test]
fn a_python_client_and_server() {
    let runs = both(&program("count.py"), &["10"]);
    assert_eq!(added(&runs, "begin", "end"), Counts::from(asked(11)), "a listener and 10 connections");
}
