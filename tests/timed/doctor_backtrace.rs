//! `tcptune doctor --backtrace`: the functions that made the calls that waited are named, whatever stack they run on, and the
//! program notices nothing. Where it was not asked for, nothing is copied.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::exchanges::Server;
use crate::support::cli::{c_program, ended, tcptune};
use crate::support::strace::{Counts, trace};
use crate::support::turn;
use crate::support::{Mode, ScratchDir, finish, library, program, text};
use serde_json::Value;
use tcptune_policy::counters::samples::SIZE_WITH_SAMPLES;
use tcptune_policy::counters::{Head, SIZE, head_at};

/// More than are kept of a kind.
const MANY: &str = "40";

fn source() -> String {
    fs::read_to_string(program("traced.c")).expect("the program's source")
}

/// Compiled as releases are: optimised, without frame pointers.
fn traced(scratch: &ScratchDir, name: &str, compiler: &str, flags: &[&str]) -> PathBuf {
    let all = [&["-O2", "-g", "-fomit-frame-pointer", "-pthread"], flags].concat();
    c_program(scratch, name, &source(), compiler, &all)
}

/// The report on a program that makes so many requests, and the same for people.
fn report(program: &Path, how: &str, port: &str, requests: &str) -> Value {
    let mut command = tcptune();
    command.args(["doctor", "--backtrace", "--json", "--library"]).arg(library()).arg("--").arg(program);
    let (code, out, err) = ended(command.args([how, port, requests]));
    // What the program sees of its calls, errno too, is as it was.
    assert_eq!((code, out.as_str()), (1, &*format!("{requests} requests\n")), "{how}: {err}");
    serde_json::from_str(&err).expect("valid JSON")
}

/// The line of the source with this comment.
fn line(comment: &str) -> u64 {
    let at = source().lines().position(|line| line.ends_with(comment)).expect("such a line");
    at as u64 + 1
}

/// The functions of a finding's commonest chain, the file and line of the first that is not inlined.
fn chain(report: &Value) -> (Vec<String>, String, u64) {
    let frames = report["findings"][0]["called_by"]["chains"][0]["frames"].as_array();
    let frames = frames.unwrap_or_else(|| panic!("{report:#}"));
    let names = frames.iter().map(|frame| frame["function"].as_str().unwrap_or("?").to_owned()).collect();
    let caller = frames.get(1).unwrap_or(&Value::Null);
    (names, caller["file"].as_str().unwrap_or_default().to_owned(), caller["line"].as_u64().unwrap_or(0))
}

#[test]
fn function_file_and_line_are_named_on_any_stack() {
    let _turn = turn::beside_its_file();
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("backtrace"), Server::start("once"));
    let program = traced(&scratch, "traced", "gcc", &[]);
    let musl = traced(&scratch, "traced-musl", "musl-gcc", &[]);
    for (program, how, requests, kind, comment, expected) in [
        (&program, "plain", MANY, "nagle", "// body", &["put", "write_body", "exchange", "all", "main"][..]),
        (&program, "thread", "10", "nagle", "// body", &["put", "write_body", "exchange", "all", "in_thread"]),
        (&program, "coroutine", "10", "nagle", "// body", &["put", "write_body", "exchange", "all"]),
        (&program, "tiny", MANY, "flood", "// tiny", &["put", "write_tiny", "exchange", "all", "main"]),
        (&program, "cork", "5", "cork", "// body", &["put", "write_body", "exchange", "all", "main"]),
        (&musl, "plain", "10", "nagle", "// body", &["put", "write_body", "exchange", "all", "main"]),
    ] {
        let report = report(program, how, &port, requests);
        let finding = &report["findings"][0];
        assert_eq!(finding["kind"], kind, "{report:#}");
        let (names, file, at) = chain(&report);
        assert!(
            names.starts_with(&expected.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()),
            "{how}: {names:?}"
        );
        assert!(file.ends_with(".c") && at == line(comment), "{how}: {file}:{at}");
        let called = &finding["called_by"];
        let (samples, wanted) = (called["samples"].as_u64().expect("a number"), requests.parse().expect("a number"));
        match kind {
            "flood" => assert_eq!(samples, 32),
            // The first exchange is acknowledged at once.
            _ => assert!((2..=32.min(wanted)).contains(&samples) && samples + 4 >= 32.min(wanted), "{called:#}"),
        }
        let mean = called["chains"][0]["mean_ms"].as_f64().expect("a time");
        assert!(if kind == "flood" { mean == 0.0 } else { (30.0..300.0).contains(&mean) }, "{how}: {mean} ms");
    }
}

#[test]
fn people_read_it_in_a_row_and_a_stripped_program_by_its_addresses() {
    let _turn = turn::beside_its_file();
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("backtrace"), Server::start("once"));
    let program = traced(&scratch, "traced", "gcc", &[]);
    let run = |arguments: &[&str]| {
        assert!(Command::new(arguments[0]).args(&arguments[1..]).status().expect("starts").success())
    };
    let [whole, debug] =
        [program.clone(), scratch.join("traced.debug")].map(|path| path.to_str().expect("UTF-8").to_owned());
    let rows = || {
        let mut command = tcptune();
        command.args(["doctor", "--backtrace", "--library"]).arg(library()).arg("--").arg(&program);
        let (_, _, err) = ended(command.args(["plain", &port, "10"]));
        err.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let expected = format!(
        "called by put (traced.c:{}) < write_body (traced.c:{}) < exchange",
        line("more), length);"),
        line("// body")
    );
    assert!(rows().contains(&expected), "{}", rows());
    run(&["objcopy", "--only-keep-debug", &whole, &debug]);
    run(&["strip", &whole]);
    // Some chain of addresses in the program, up to libc's part.
    let text = rows();
    let row = text.split("called by ").nth(1).unwrap_or_else(|| panic!("{text}"));
    let (row, _) = row.split_once(" sampled").expect("how many");
    assert!(row.starts_with("traced+0x") && row.matches(" < traced+0x").count() >= 3 && !row.contains("libc"), "{row}");
    // What was taken out lies beside it.
    run(&["objcopy", &format!("--add-gnu-debuglink={debug}"), &whole]);
    assert!(rows().contains(&expected), "{}", rows());
}

#[test]
fn names_of_other_languages_are_readable() {
    let _turn = turn::beside_its_file();
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("backtrace"), Server::start("once"));
    let program = traced(&scratch, "cpp", "g++", &["-g0"]);
    let (names, ..) = chain(&report(&program, "plain", &port, "10"));
    assert_eq!(names[0], "void mail::Client::write_body<int>(int)");
}

#[test]
fn where_it_cannot_be_known_a_note_says_why() {
    let _turn = turn::beside_its_file();
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("backtrace"), Server::start("once"));
    let program = traced(&scratch, "traced-static", "gcc", &["-static"]);
    let report = report(&program, "plain", &port, "40");
    assert_eq!(report["findings"][0]["called_by"]["samples"], 0, "{report:#}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("made these calls is not known: the library is not in it"), "{notes}");
    let (code, _, err) = ended(tcptune().args(["doctor", "--backtrace", "--pid", "1"]));
    assert_eq!(code, 125);
    assert!(err.lines().next().is_some_and(|line| line.contains("--backtrace") && line.contains("--pid")), "{err}");
}

/// Calls of which there may be more.
const MORE: [&str; 8] =
    ["process_vm_readv", "getpid", "gettid", "mmap", "getsockopt", "getsockopt TCP_INFO", "ioctl", "clock_gettime"];

#[test]
fn nothing_is_copied_unless_it_was_asked_for() {
    let _turn = turn::beside_its_file();
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("backtrace"), Server::start("once"));
    let program = traced(&scratch, "traced", "gcc", &[]);
    let [observe, backtrace] = ["observe", "backtrace"].map(|word| {
        let directory = scratch.join(word);
        fs::create_dir(&directory).expect("a directory");
        let settings = [("TCPTUNE", word), ("TCPTUNE_STATS", directory.to_str().expect("UTF-8"))];
        let lines = trace(Mode::Preloaded, &settings, &program, &["plain", &port, "6"]).lines;
        let file = fs::read_dir(&directory).expect("there").next().expect("a file").expect("an entry").path();
        (Counts::of(&lines), file)
    });
    assert_eq!(observe.0.get("process_vm_readv"), 0);
    let more = backtrace.0.minus(&observe.0);
    // The second call of each request, and what is loaded: once for each object, and once for each sample. (How often the kernel
    // is asked about a connection, and the clock is read, depends on the pauses that there were.)
    assert!(more.get("process_vm_readv") >= 6, "{more:?}");
    let others = Counts::from(MORE.map(|name| (name, more.get(name))));
    assert_eq!(more.minus(&others), Counts::default());
    let length = |file: &Path| fs::metadata(file).expect("the file").len();
    assert_eq!((length(&observe.1), length(&backtrace.1)), (SIZE as u64, SIZE_WITH_SAMPLES as u64));
    // Readers of the counters read past the samples; nonsense about these is told.
    let read = |word: &str| text(&finish(tcptune().args(["report", "--json"]).arg(scratch.join(word))).stdout);
    let one: Value = serde_json::from_str(&read("backtrace")).expect("valid JSON");
    assert_eq!(one["processes"][0]["services"][0]["tuned"]["counters"]["calls_sent"], 12, "{one:#}");
    let file = fs::File::options().write(true).open(&backtrace.1).expect("it is ours");
    file.write_all_at(&u64::MAX.to_ne_bytes(), head_at(Head::SamplesAt) as u64).expect("written");
    assert!(read("backtrace").contains("is damaged: its places and counts do not fit: left out"));
    file.set_len(SIZE as u64).expect("cut");
    let cut = read("backtrace");
    assert!(cut.contains(&format!("is truncated: {SIZE} of {SIZE_WITH_SAMPLES} bytes")), "{cut}");
}
