//! Other interposers: what is preloaded beside libtcptune.so, before or behind it, still gets every call, once and as the
//! program made it. The library's own added calls are direct system calls on purpose; only strace sees those.

use crate::support;
use crate::support::{Mode, Outcome, ScratchDir};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The flag that tells the kernel that more follows.
const MSG_MORE: i64 = 0x8000;

/// The spy interposer of tests/spy, built once.
fn spy() -> &'static Path {
    static SPY: OnceLock<PathBuf> = OnceLock::new();
    SPY.get_or_init(|| {
        let target = support::build_dir().parent().expect("the target directory").to_owned();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--package", "tcptune-spy", "--target-dir"])
            .arg(&target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo starts");
        assert!(built.success(), "cargo build --package tcptune-spy: {built}");
        target.join("release/libtcptune_spy.so")
    })
}

/// libeatmydata, which makes fsync do nothing.
fn eatmydata() -> PathBuf {
    let output = Command::new("dpkg").args(["-L", "libeatmydata1"]).output().expect("dpkg starts");
    let files = support::text(&output.stdout);
    let found = files.lines().find(|line| line.ends_with("/libeatmydata.so"));
    PathBuf::from(found.expect("libeatmydata1 is installed (scripts/setup)"))
}

/// What the program did and what the spy saw of it, call by call.
struct Calls {
    made: Vec<String>,
    seen: Vec<String>,
    outcome: Outcome,
}

/// Runs the program with these libraries preloaded, in this order.
fn calls(libraries: &[&Path], settings: &[(&str, &str)], arguments: &[&str]) -> Calls {
    let scratch = ScratchDir::new("chain");
    let (made, seen) = (scratch.join("made"), scratch.join("seen"));
    let mut preload = OsString::new();
    for library in libraries {
        preload.push(library);
        preload.push(":");
    }
    let mut command = Mode::Plain.command(support::compile("forwards"));
    command.env("LD_PRELOAD", preload).env("TCPTUNE_SPY", &seen).envs(settings.iter().copied());
    let outcome = support::finish(command.arg(&made).args(arguments));
    let lines = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    assert!(outcome.status.success(), "{preload:?}: {outcome:?}", preload = libraries);
    Calls { made: lines(&made), seen: lines(&seen), outcome }
}

impl Calls {
    /// The spy saw exactly what the program did, each call once, in order, to the last pointer.
    fn expect_exact(&self) {
        self.expect(|made, seen| made == seen);
    }

    /// The same, but data may have been held: sent by the call of that kind that takes MSG_MORE.
    fn expect_exact_or_held(&self) {
        self.expect(|made, seen| made == seen || is_held(made, seen));
    }

    fn expect(&self, same: impl Fn(&str, &str) -> bool) {
        for (place, (made, seen)) in self.made.iter().zip(&self.seen).enumerate() {
            assert!(same(made, seen), "call {place}: the program made {made:?}, the spy saw {seen:?}");
        }
        assert_eq!(self.made.len(), self.seen.len(), "made {:#?}, seen {:#?}", self.made, self.seen);
        assert!(self.made.len() > 40, "{:#?}", self.made);
    }

    fn stdout(&self) -> String {
        support::text(&self.outcome.stdout)
    }

    /// The library did its work in this chain: both ends, which the kernel has, and which the program does not see.
    fn expect_tuned(&self) {
        let expected = "nodelay: client 1, accepted 1, second 1, accepted second 1\nas the program sees it: 0\n";
        assert!(self.stdout().starts_with(expected), "{}", self.stdout());
    }
}

/// Is this the same call, but held? A line has the name, the arguments, "=", the result, and errno if it failed.
fn is_held(made: &str, seen: &str) -> bool {
    if made == seen {
        return false;
    }
    let split = |line: &str| -> (String, Vec<i64>, String) {
        let (call, result) = line.split_once(" = ").expect("a line has a result");
        let mut words = call.split(' ');
        let name = words.next().expect("a line has a name").to_owned();
        (name, words.map(|word| word.parse().expect("an argument is a number")).collect(), result.to_owned())
    };
    let (made_name, made, made_result) = split(made);
    let (seen_name, seen, seen_result) = split(seen);
    let flags_at = |at: usize| seen.get(at).is_some_and(|flags| flags & MSG_MORE != 0);
    let held = match (made_name.as_str(), seen_name.as_str()) {
        ("write", "send" | "sendto") => made[..] == seen[..3] && seen[3] == MSG_MORE,
        ("send", "send" | "sendto") => made[..3] == seen[..3] && made[3] | MSG_MORE == seen[3],
        ("sendto", "sendto") => made[..3] == seen[..3] && made[3] | MSG_MORE == seen[3] && made[4..] == seen[4..],
        // The message of a held writev is the library's own; the parts in it are the program's.
        ("writev", "sendmsg") => made[0] == seen[0] && flags_at(2),
        ("sendmsg", "sendmsg") => made[..2] == seen[..2] && flags_at(2),
        _ => false,
    };
    held && made_result == seen_result
}

#[test]
fn without_the_library_the_spy_sees_every_call_and_nothing_is_tuned() {
    let calls = calls(&[spy()], &[], &[]);
    calls.expect_exact();
    assert!(calls.stdout().starts_with("nodelay: client 0, accepted 0, second 0, accepted second 0\n"));
}

#[test]
fn an_interposer_behind_gets_every_call_once_as_it_was_made() {
    let calls = calls(&[&support::library(), spy()], &[("TCPTUNE_CORK", "off")], &[]);
    calls.expect_exact();
    calls.expect_tuned();
}

#[test]
fn an_interposer_before_gets_every_call_once_as_it_was_made() {
    let calls = calls(&[spy(), &support::library()], &[], &[]);
    calls.expect_exact();
    calls.expect_tuned();
}

#[test]
fn an_interposer_behind_gets_held_data_too() {
    calls(&[&support::library(), spy()], &[], &[]).expect_exact_or_held();
    let responses = calls(&[&support::library(), spy()], &[], &["200"]);
    responses.expect_exact_or_held();
    assert!(responses.made.iter().zip(&responses.seen).any(|(made, seen)| is_held(made, seen)), "nothing was held");
    calls(&[spy(), &support::library()], &[], &["200"]).expect_exact();
}

#[test]
fn switched_off_the_library_only_forwards() {
    let calls = calls(&[&support::library(), spy()], &[("TCPTUNE", "off")], &[]);
    calls.expect_exact();
    assert!(calls.stdout().starts_with("nodelay: client 0, accepted 0, second 0, accepted second 0\n"));
}

#[test]
fn eatmydata_works_in_either_order() {
    let (ours, theirs) = (support::library(), eatmydata());
    // Natively fsync of a pipe fails: that it succeeds shows that theirs is at work.
    let alone = calls(&[&ours], &[], &[]);
    assert!(alone.stdout().ends_with("fsync of a pipe: -1\n"), "{}", alone.stdout());
    for chain in [[&ours, &theirs], [&theirs, &ours]] {
        let calls = calls(&chain.map(PathBuf::as_path), &[], &[]);
        calls.expect_tuned();
        assert!(calls.stdout().ends_with("fsync of a pipe: 0\n"), "{}", calls.stdout());
    }
}
