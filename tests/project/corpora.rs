//! Replays what fuzzing has kept (tests/data/corpora) through the same checks, with the stable compiler and in seconds:
//! inputs that reach every part of the code that fuzzing has reached, and every input that was ever a finding.
//!
//! scripts/check fuzz looks for more (docs/fuzzing.md). Nothing here may hold an expectation: the bodies do.

#[path = "../search/fuzz/bodies/calls.rs"]
mod calls;
#[path = "../search/fuzz/bodies/capture.rs"]
mod capture;
#[path = "../search/fuzz/bodies/counters.rs"]
mod counters;
#[path = "../search/fuzz/bodies/elf.rs"]
mod elf;
#[path = "../search/fuzz/bodies/evidence.rs"]
mod evidence;
#[path = "../search/fuzz/bodies/procfs.rs"]
mod procfs;
#[path = "../search/fuzz/bodies/programs.rs"]
mod programs;
#[path = "../search/fuzz/bodies/promise.rs"]
mod promise;
#[path = "../search/fuzz/replay.rs"]
mod replay;
#[path = "../search/fuzz/bodies/rules.rs"]
mod rules;
#[path = "../search/fuzz/bodies/settings.rs"]
mod settings;
#[path = "../search/fuzz/bodies/table.rs"]
mod table;
#[path = "../search/fuzz/bodies/unitfile.rs"]
mod unitfile;

use crate::support;
use crate::support::turn;
use replay::replay;
use std::path::Path;
use std::process::Command;

macro_rules! targets {
    ($($name:ident)*) => { $(#[test] fn $name() { replay(stringify!($name), $name::check); })* };
}

targets! { settings rules programs table evidence promise counters elf unitfile procfs capture }

/// The shipped library's inputs: in a process of its own, which has it preloaded.
#[test]
fn calls() {
    // What is held when is a matter of time.
    let _turn = turn::beside_its_file();
    const INSIDE: &str = "FUZZ_CORPORA_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        replay("calls", calls::check);
        assert!(calls::seen_held() > 100, "held {} times: nothing was checked", calls::seen_held());
        return;
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    support::Mode::Plain.prepare(&mut command);
    calls::prepare(
        command.args(["--exact", "corpora::calls", "--nocapture"]).env(INSIDE, "1"),
        support::library().as_os_str(),
    );
    let outcome = support::finish(&mut command);
    assert!(outcome.status.success(), "{}{}", support::text(&outcome.stdout), support::text(&outcome.stderr));
}

/// Every target that is fuzzed is replayed here.
#[test]
fn no_target_is_left_out() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/search/fuzz/bodies");
    let here = include_str!("corpora.rs");
    for body in std::fs::read_dir(directory).expect("the bodies") {
        let name = body.expect("a file").file_name().into_string().expect("a readable name");
        assert!(here.contains(&format!("bodies/{name}")), "{name} is not replayed");
    }
}
