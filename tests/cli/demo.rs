//! `tcptune demo`: it measures, shows the stall and the cure, and says so when there is no cure.

use std::time::Duration;

use crate::support::cli::{c_program, ended, tcptune};
use crate::support::{ScratchDir, library};

/// The number behind a row's name.
fn rate(out: &str, row: &str) -> f64 {
    let line = out.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no row {row}: {out}"));
    let word = line.split_ascii_whitespace().nth(1).unwrap_or_default();
    word.trim_end_matches('x').parse().unwrap_or_else(|_| panic!("no number: {line}"))
}

fn shows_the_cure(client: &str) {
    let begin = std::time::Instant::now();
    let (code, out, err) = ended(tcptune().args(["demo", "--client", client, "--library"]).arg(library()));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (plain, tuned) = (rate(&out, "plain"), rate(&out, "preloaded"));
    // 40 ms for each mail against none; a factor, not a measurement.
    assert!(plain < 30.0, "no stall: {out}");
    assert!(tuned > 10.0 * plain, "no cure: {out}");
    assert!((rate(&out, "ratio") / (tuned / plain) - 1.0).abs() < 0.5, "{out}");
    assert!(out.contains("████") && out.contains("segments/mail"), "{out}");
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

#[test]
fn with_the_built_in_client() {
    shows_the_cure("built-in");
}

#[test]
fn with_python() {
    shows_the_cure("python");
}

#[test]
fn a_library_without_effect_is_told() {
    let scratch = ScratchDir::new("demo");
    let idle = c_program(&scratch, "libtcptune.so", "int idle;", "gcc", &["-shared", "-fPIC"]);
    let (code, out, _) = ended(tcptune().args(["demo", "--client", "built-in", "--library"]).arg(idle));
    assert!(code == 1 && out.contains("the library had no effect"), "{out}");
}

#[test]
fn the_plain_run_is_plain_under_a_preload_too() {
    let mut command = tcptune();
    command.env("LD_PRELOAD", library()).env("TCPTUNE_SET", "nonsense").args([
        "demo",
        "--client",
        "built-in",
        "--library",
    ]);
    let (code, out, _) = ended(command.arg(library()));
    assert!(code == 0 && rate(&out, "plain") < 30.0 && rate(&out, "preloaded") > 300.0, "{out}");
}

#[test]
fn without_a_library_there_is_nothing_to_show() {
    let (code, out, err) = ended(tcptune().args(["demo", "--library", "/nonexistent/libtcptune.so"]));
    assert_eq!((code, out.as_str()), (125, ""));
    assert!(err.starts_with("tcptune: --library /nonexistent/libtcptune.so: "), "{err}");
}
