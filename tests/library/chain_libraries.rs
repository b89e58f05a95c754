//! The library beside other preloaded libraries, before and behind each, and beside the sanitizers: a C and a Python
//! program print what they print natively, and the library still does its work.
//!
//! Compares runs; how the libraries share single calls is tests/library/chain.rs. Loopback only.

use crate::support::chains::{Printed, Program, build, start};
use crate::support::{ScratchDir, library, text};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Another preloaded library: the Debian package and the file in it, and what it needs to let loopback pass.
struct Other {
    package: &'static str,
    file: &'static str,
    environment: fn(&ScratchDir) -> Vec<(&'static str, OsString)>,
    /// TCP_NODELAY that the kernel has without and with our library.
    nodelay: (i32, i32),
}

const EATMYDATA: Other =
    Other { package: "libeatmydata1", file: "/libeatmydata.so", environment: nothing, nodelay: (0, 1) };
const JEMALLOC: Other =
    Other { package: "libjemalloc2", file: "/libjemalloc.so.2", environment: nothing, nodelay: (0, 1) };
const TCMALLOC: Other =
    Other { package: "libtcmalloc-minimal4", file: "/libtcmalloc_minimal.so.4", environment: nothing, nodelay: (0, 1) };
const FAKETIME: Other = Other {
    package: "libfaketime",
    file: "/libfaketime.so.1",
    environment: |_| vec![("FAKETIME", "+0".into())],
    nodelay: (0, 1),
};
const FAKETIME_THREADS: Other = Other { file: "/libfaketimeMT.so.1", ..FAKETIME };
const TORSOCKS: Other =
    Other { package: "torsocks", file: "/libtorsocks.so", environment: torsocks_settings, nodelay: (0, 1) };
const PROXYCHAINS: Other = Other {
    package: "libproxychains4",
    file: "/libproxychains.so.4",
    environment: proxychains_settings,
    nodelay: (0, 1),
};
/// Its sockets are Unix sockets in truth, which know no such option: EOPNOTSUPP.
const SOCKET_WRAPPER: Other = Other {
    package: "libsocket-wrapper",
    file: "/libsocket_wrapper.so",
    environment: socket_wrapper_settings,
    nodelay: (-95, -95),
};

fn nothing(_: &ScratchDir) -> Vec<(&'static str, OsString)> {
    Vec::new()
}

/// Port 9 is no proxy: a connection that went there would fail.
fn torsocks_settings(scratch: &ScratchDir) -> Vec<(&'static str, OsString)> {
    let settings = "TorAddress 127.0.0.1\nTorPort 9\nAllowInbound 1\nAllowOutboundLocalhost 1\n";
    vec![("TORSOCKS_CONF_FILE", scratch.file("torsocks.conf", settings).into())]
}

fn proxychains_settings(scratch: &ScratchDir) -> Vec<(&'static str, OsString)> {
    let settings = "localnet 127.0.0.0/255.0.0.0\n[ProxyList]\nsocks4 127.0.0.1 9\n";
    let file = scratch.file("proxychains.conf", settings);
    vec![("PROXYCHAINS_CONF_FILE", file.into()), ("PROXYCHAINS_QUIET_MODE", "1".into())]
}

fn socket_wrapper_settings(scratch: &ScratchDir) -> Vec<(&'static str, OsString)> {
    vec![("SOCKET_WRAPPER_DIR", scratch.path().into())]
}

impl Other {
    fn path(&self) -> PathBuf {
        let output = Command::new("dpkg").args(["-L", self.package]).output().expect("dpkg starts");
        let files = text(&output.stdout);
        let found = files.lines().find(|line| line.ends_with(self.file));
        PathBuf::from(found.unwrap_or_else(|| panic!("{} is not installed (scripts/setup)", self.package)))
    }
}

/// All of these libraries are in the memory of a program that is started so.
#[track_caller]
fn expect_mapped(preload: &[&Path], environment: &[(&str, OsString)]) {
    let maps = start(&["cat", "/proc/self/maps"], preload, environment).expect();
    for library in preload {
        let file = library.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", library.display()));
        assert!(maps.contains(file.to_str().expect("a readable path")), "{} is not in\n{maps}", file.display());
    }
}

/// Runs both programs in this chain; `nodelay` is what the kernel has then.
#[track_caller]
fn expect_native(preload: &[&Path], environment: &[(&str, OsString)], nodelay: i32) {
    expect_mapped(preload, environment);
    for program in Program::BOTH {
        let what = format!("{program:?} with {preload:?}");
        let printed = Printed::of(&what, &start(&program.words(), preload, environment));
        printed.expect_native(&what, program);
        printed.expect_nodelay(&what, program, nodelay);
    }
}

/// The other library alone, then with ours behind it and before it.
fn compare(other: &Other) {
    let scratch = ScratchDir::new("chains");
    let environment = (other.environment)(&scratch);
    let (ours, theirs) = (library(), other.path());
    expect_native(&[&theirs], &environment, other.nodelay.0);
    expect_native(&[&theirs, &ours], &environment, other.nodelay.1);
    expect_native(&[&ours, &theirs], &environment, other.nodelay.1);
}

macro_rules! others {
    ($($name:ident $other:ident)*) => { $(#[test] fn $name() { compare(&$other); })* };
}

others! {
    eatmydata EATMYDATA
    faketime FAKETIME
    faketime_for_threads FAKETIME_THREADS
    torsocks TORSOCKS
    socket_wrapper SOCKET_WRAPPER
    proxychains PROXYCHAINS
    jemalloc JEMALLOC
    tcmalloc TCMALLOC
}

#[test]
fn many_at_once() {
    let scratch = ScratchDir::new("chains");
    // Not libfaketime: with jemalloc it hangs, without our library too.
    let others = [EATMYDATA, PROXYCHAINS, JEMALLOC];
    let environment: Vec<_> = others.iter().flat_map(|other| (other.environment)(&scratch)).collect();
    let (ours, paths) = (library(), others.map(|other| other.path()));
    for place in 0..=paths.len() {
        let mut chain: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        chain.insert(place, &ours);
        expect_native(&chain, &environment, 1);
    }
}

/// A way to start a program: what is preloaded, and the environment.
type Way<'a> = (&'a [&'a Path], &'a [(&'a str, OsString)]);

/// The C program built with a sanitizer, natively and started in these ways: the same output and no finding.
fn sanitized(name: &str, flags: &[&str], before: &[&str], starts: &[Way]) -> PathBuf {
    let program = build(name, flags);
    let mut words: Vec<OsString> = before.iter().map(OsString::from).collect();
    words.push(program.clone().into());
    let native: Way = (&[], &[]);
    for (preload, environment) in [native].iter().chain(starts) {
        let what = format!("{name} with {preload:?}");
        let printed = Printed::of(&what, &start(&words, preload, environment));
        printed.expect_native(&what, Program::C);
        printed.expect_nodelay(&what, Program::C, i32::from(!preload.is_empty()));
    }
    program
}

/// ASan wants to be the first library, or to be told not to mind (whatever is preloaded). Behind a hook it must still
/// find what it would have found in the call.
#[test]
fn address_sanitizer() {
    let (ours, asan) = (library(), runtime("libasan.so"));
    let careless = [("ASAN_OPTIONS", OsString::from("verify_asan_link_order=0"))];
    let program = sanitized("asan", &["-fsanitize=address"], &[], &[(&[&ours], &careless), (&[&asan, &ours], &[])]);
    sanitized("asan-static", &["-fsanitize=address", "-static-libasan"], &[], &[(&[&ours], &[])]);
    for preload in [&[][..], &[&*ours]] {
        let found = start(&[program.as_os_str(), "overrun".as_ref()], preload, &careless);
        let report = text(&found.stderr);
        assert!(!found.status.success() && report.contains("heap-buffer-overflow"), "{preload:?}: {found:?}");
    }
}

/// With the addresses in their usual places: this compiler's runtime does not start with many random bits.
#[test]
fn thread_sanitizer() {
    let (ours, tsan) = (library(), runtime("libtsan.so"));
    sanitized("tsan", &["-fsanitize=thread"], &["setarch", "-R"], &[(&[&ours], &[]), (&[&tsan, &ours], &[])]);
}

#[test]
fn undefined_behaviour_sanitizer() {
    sanitized("ubsan", &["-fsanitize=undefined"], &[], &[(&[&library()], &[])]);
}

/// A sanitizer's library, where the compiler has it.
fn runtime(name: &str) -> PathBuf {
    let output = Command::new("gcc").arg(format!("-print-file-name={name}")).output().expect("gcc starts");
    let path = text(&output.stdout);
    Path::new(path.trim_end()).canonicalize().unwrap_or_else(|e| panic!("{path}: {e} (scripts/setup installs gcc)"))
}
