//! TCPTUNE_STATS, TCPTUNE=observe and TCPTUNE_SPLIT: what is counted is what was done, nothing is lost, nothing is left behind,
//! and the program notices nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::counters::{count, report, service, time};
use crate::support::strace::{Counts, trace};
use crate::support::{Guard, Mode, Outcome, ScratchDir, compile, finish, http, library, text};
use serde_json::Value;
use tcptune_policy::counters::Counter;

const PATIENCE: Duration = Duration::from_secs(30);
/// Exchanges before those that `counted` was asked for.
const WARM_UP: u64 = 5;

fn counted(arguments: &[&str], directory: &Path, mode: &str) -> Command {
    let mut command = Mode::Preloaded.command(compile("counted"));
    command.args(arguments).env("TCPTUNE_STATS", directory).env("TCPTUNE", mode);
    command
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).expect("the directory is there").count()
}

#[test]
fn what_is_counted_is_what_was_done() {
    let scratch = ScratchDir::new("statistics");
    finish(&mut counted(&["20", "end"], scratch.path(), "on")).expect();
    let report = report(scratch.path());
    let process = &report["processes"][0];
    assert_eq!((&process["running"], &process["observing"]), (&false.into(), &false.into()));
    assert!(process["program"].as_str().expect("a path").ends_with("/program-counted"), "{process:#}");
    assert!(process["command"].as_str().expect("a line").ends_with("program-counted 20 end"), "{process:#}");
    let exchanges = 20 + WARM_UP;
    let client = service(&report, "client");
    for (name, expected) in [
        ("connections", 1),
        ("closed", 1),
        ("tuned", 1),
        ("calls_sent", 2 * exchanges),
        ("bytes_sent", 1002 * exchanges),
        ("exchanges", exchanges),
        ("bytes_received", 2 * exchanges),
        ("stalls", 0),
        ("sampled", 1),
        ("retransmissions", 0),
    ] {
        assert_eq!(count(&client, "tuned", name), expected, "{name}: {client:#}");
    }
    // Each call that was held saved a segment: two calls, one segment.
    let (held, segments) = (count(&client, "tuned", "held"), count(&client, "tuned", "segments_sent"));
    assert!(held >= 10 && held + segments == 2 * exchanges, "held {held}, segments {segments}");
    // Each hold is accounted for, with its age.
    let released = ["released_next", "released_wait", "released_end"].map(|name| count(&client, "tuned", name));
    assert_eq!(released.iter().sum::<u64>(), held, "{client:#}");
    assert_eq!(holds(&client), held, "{client:#}");
    let (sum, longest) = (time(&client, "tuned", "held_time_s"), time(&client, "tuned", "held_longest_ms"));
    assert!(longest <= sum && longest * u32::try_from(held).expect("few") >= sum, "{sum:?} {longest:?}");
    let server = service(&report, "server");
    assert_eq!(count(&server, "tuned", "bytes_received"), 1002 * exchanges);
    assert_eq!(server["port"], client["port"]);
    assert_eq!(client["address"], "127.0.0.1");
}

/// How many holds have an age.
fn holds(service: &Value) -> u64 {
    let buckets = service["tuned"]["held_age"].as_array().expect("buckets");
    buckets.iter().map(|bucket| bucket["count"].as_u64().expect("a count")).sum()
}

#[test]
fn what_is_held_for_too_long_is_counted_by_what_let_it_go() {
    for (mode, cause, other) in [("call", "late_by_call", "late_by_wait"), ("wait", "late_by_wait", "late_by_call")] {
        let scratch = ScratchDir::new("statistics");
        let mut program = Guard::spawn(counted(&["100", mode], scratch.path(), "on").stdout(Stdio::piped()));
        program.first_line(PATIENCE);
        let client = service(&report(scratch.path()), "client");
        let of = |name| count(&client, "tuned", name);
        assert_eq!((of("held_late"), of(cause), of(other), of("late_by_end")), (1, 1, 0, 0), "{mode}: {client:#}");
        let longest = time(&client, "tuned", "held_longest_ms");
        assert!((Duration::from_millis(30)..Duration::from_millis(100)).contains(&longest), "{mode}: {longest:?}");
        assert!(time(&client, "tuned", "held_time_s") >= longest);
        assert_eq!(holds(&client), of("released_next") + of("released_wait"), "{client:#}");
        let delay = time(&client, "tuned", "miss_delay_s");
        assert_eq!(delay >= Duration::from_millis(30), mode == "wait", "{mode}: {delay:?}");
    }
}

#[test]
fn every_counter_is_counted_somewhere() {
    fn sources(directory: &Path, all: &mut String) {
        for entry in fs::read_dir(directory).expect("the library's source").flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, all);
            } else {
                let text = fs::read_to_string(&path).expect("text");
                all.extend(text.lines().filter(|line| !line.trim_start().starts_with("//")));
            }
        }
    }
    let mut source = String::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/shim/src")), &mut source);
    let is_named = |counter: &Counter| {
        let name = format!("Counter::{counter:?}");
        let mut after = source.match_indices(&name).filter_map(|(at, _)| source[at + name.len()..].chars().next());
        after.any(|next| !next.is_alphanumeric())
    };
    let idle: Vec<_> = Counter::ALL.iter().filter(|counter| !is_named(counter)).collect();
    assert!(idle.is_empty(), "nothing counts {idle:?}");
}

#[test]
fn of_a_long_burst_all_calls_are_counted_and_only_what_leaves_alone_as_such() {
    let scratch = ScratchDir::new("statistics");
    finish(&mut counted(&["200", "long"], scratch.path(), "on")).expect();
    let client = service(&report(scratch.path()), "client");
    let of = |name| count(&client, "tuned", name);
    let exchanges = 200 + WARM_UP;
    for (name, expected) in [
        ("calls_sent", 100 * exchanges),
        ("bytes_sent", 2000 * exchanges),
        ("exchanges", exchanges),
        ("sampled_calls", 100 * exchanges),
    ] {
        assert_eq!(of(name), expected, "{name}: {client:#}");
    }
    // One that is interrupted for long counts as two.
    assert!((exchanges..2 * exchanges).contains(&of("bursts")), "{client:#}");
    // The first calls leave alone or are held, for the others Nagle's algorithm holds: that is no flood.
    assert!(of("segments_sent") < 40 * exchanges, "{client:#}");
    let small = [of("tiny_calls"), of("runts"), of("flood_calls")];
    assert!(small.iter().all(|&small| small <= of("segments_sent")), "{small:?}: {client:#}");
}

#[test]
fn observing_changes_nothing_and_sees_the_stalls() {
    let scratch = ScratchDir::new("statistics");
    let plain = finish(Mode::Plain.command(compile("counted")).args(["20", "end"]));
    let observed = finish(&mut counted(&["20", "end"], scratch.path(), "observe"));
    // A stall for each exchange, as without the library.
    let stalled = |outcome: &Outcome| outcome.took > Duration::from_millis(20 * 35);
    assert!(stalled(&plain) && stalled(&observed), "{:?} {:?}", plain.took, observed.took);
    let client = service(&report(scratch.path()), "client");
    let (stalls, delay) = (count(&client, "tuned", "stalls"), time(&client, "tuned", "stall_delay_s"));
    assert!((18..=25).contains(&stalls), "{client:#}");
    let each = delay / u32::try_from(stalls).expect("few");
    assert!((Duration::from_millis(35)..Duration::from_millis(60)).contains(&each), "{each:?}");
    assert_eq!(count(&client, "tuned", "skipped_observing"), 1);
    assert_eq!(count(&client, "tuned", "tuned"), 0);
    // The pattern: 1,000 bytes, then 2.
    assert_eq!(client["tuned"]["last_stall_bytes"], serde_json::json!([1000, 2]));
}

#[test]
fn a_kill_loses_nothing() {
    let scratch = ScratchDir::new("statistics");
    let killed = finish(&mut counted(&["100", "kill"], scratch.path(), "on"));
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed.status), Some(9), "{}", killed.status);
    let report = report(scratch.path());
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(0), "{report:#}");
    let client = service(&report, "client");
    assert_eq!(count(&client, "tuned", "calls_sent"), 2 * (100 + WARM_UP));
    assert_eq!(count(&client, "tuned", "bytes_sent"), 1002 * (100 + WARM_UP));
    assert_eq!(count(&client, "tuned", "exchanges"), 100 + WARM_UP);
}

#[test]
fn forked_children_count_in_the_file_of_their_parent() {
    let scratch = ScratchDir::new("statistics");
    finish(&mut counted(&["10", "fork"], scratch.path(), "on")).expect();
    let found = report(scratch.path());
    assert_eq!(files(scratch.path()), 1);
    assert_eq!(found["processes"][0]["forks"], 1);
    let sent: u64 =
        found["services"].as_array().expect("services").iter().map(|one| count(one, "tuned", "calls_sent")).sum();
    // A client's two and a server's one, in parent and child.
    assert_eq!(sent, 2 * 3 * (10 + WARM_UP));

    // A daemon's parent is gone, the daemon is not.
    let scratch = ScratchDir::new("statistics");
    let mut daemon = Guard::spawn(counted(&["10", "daemon"], scratch.path(), "on").stdout(Stdio::piped()));
    let pid = daemon.first_line(PATIENCE);
    daemon.wait(PATIENCE);
    let running = |running: bool| assert_eq!(report(scratch.path())["processes"][0]["running"], running);
    running(true);
    let ended = Command::new("kill").arg(&pid).status().expect("kill(1)");
    assert!(ended.success());
    let mut patience = 200;
    while Path::new("/proc").join(&pid).exists() && patience > 0 {
        std::thread::sleep(Duration::from_millis(10));
        patience -= 1;
    }
    running(false);
}

#[test]
fn ten_thousand_short_processes_leave_no_litter() {
    let scratch = ScratchDir::new("statistics");
    let loops = "n=0; while [ $n -lt 5000 ]; do /bin/true; n=$((n+1)); done";
    let script = format!("({loops}) & {loops}; wait; for n in 1 2 3 4 5 6 7 8 9 10; do \"$0\" 1 end; done");
    let mut shell = Mode::Preloaded.command("sh");
    shell.args(["-c", &script]).arg(compile("counted")).env("TCPTUNE_STATS", scratch.path());
    let outcome = Guard::spawn(&mut shell).wait(Duration::from_secs(240));
    assert!(outcome.success(), "{outcome}");
    // Those that had no TCP connection left nothing, the others what they counted.
    assert_eq!(files(scratch.path()), 10);
    let clean = finish(Command::new(env!("CARGO_BIN_EXE_tcptune")).args(["report", "--clean"]).arg(scratch.path()));
    let said = clean.expect();
    assert!(said.contains("10 files of processes that are gone removed, 0 files of running ones kept"), "{said}");
    assert_eq!(files(scratch.path()), 0);
}

/// The program prints nothing but this line, if any, does all its work, and no file is left.
#[track_caller]
fn unmoved(outcome: &Outcome, line: &str, directory: &Path) {
    assert!(outcome.status.success(), "{}: {}", outcome.status, text(&outcome.stderr));
    assert_eq!(text(&outcome.stderr), line);
    assert!(!directory.is_dir() || files(directory) == 0);
    // It is tuned all the same: twenty stalls take longer.
    assert!(outcome.took < Duration::from_millis(700), "{:?}", outcome.took);
}

#[test]
fn bad_directories_cost_a_line_and_nothing_else() {
    let scratch = ScratchDir::new("statistics");
    let [missing, file, link, foreign] = ["missing", "file", "link", "foreign"].map(|name| scratch.join(name));
    scratch.file("file", "no directory");
    fs::create_dir(&foreign).expect("a directory");
    std::os::unix::fs::symlink(&foreign, &link).expect("a link");
    std::os::unix::fs::chown(&foreign, Some(65534), None).expect("tests run as root");
    for (directory, reason) in [
        (&missing, "is not there"),
        (&file, "is no directory (a symbolic link to one is not followed)"),
        (&link, "is no directory (a symbolic link to one is not followed)"),
        (&foreign, "belongs to another user"),
    ] {
        let line = format!("tcptune: TCPTUNE_STATS: `{}` {reason}; nothing is counted\n", directory.display());
        unmoved(&finish(&mut counted(&["20", "end"], directory, "on")), &line, &foreign);
    }
    // One that another user may not write.
    let own = ScratchDir::new("statistics");
    let mut nobody = counted(&["20", "end"], own.path(), "on");
    std::os::unix::process::CommandExt::uid(&mut nobody, 65534);
    let line = format!(
        "tcptune: TCPTUNE_STATS: `{}` may not be written by this user; nothing is counted\n",
        own.path().display()
    );
    unmoved(&finish(&mut nobody), &line, own.path());
}

/// Who cuts a mapped file short kills its process (SIGBUS). Neither the pattern of a careless rule, as root, nor the owner's
/// own command comes that far.
#[test]
fn a_careless_rotation_does_not_reach_the_files() {
    let scratch = ScratchDir::new("statistics");
    std::os::unix::fs::chown(scratch.path(), Some(65534), None).expect("tests run as root");
    let mut counting = counted(&["10", "end"], scratch.path(), "on");
    finish(std::os::unix::process::CommandExt::uid(&mut counting, 65534)).expect();
    let name =
        fs::read_dir(scratch.path()).expect("it is there").next().expect("a file").expect("it can be read").path();
    let length = || fs::metadata(&name).expect("it is there").len();
    let whole = length();
    assert!(whole > 0);

    let mut rule = Command::new("sh");
    let rule = finish(
        rule.args(["-c", "for f in *; do [ ! -e \"$f\" ] || truncate -s 0 \"$f\"; done"]).current_dir(scratch.path()),
    );
    assert_eq!((rule.expect(), length()), (String::new(), whole));

    let mut own = Command::new("truncate");
    std::os::unix::process::CommandExt::uid(own.args(["-s", "0"]).arg(&name), 65534);
    let own = finish(&mut own);
    assert!(!own.status.success() && text(&own.stderr).contains("Permission denied"), "{}", text(&own.stderr));
    assert_eq!(length(), whole);
}

#[test]
fn a_full_disk_and_a_limit_of_file_sizes_cost_the_program_nothing() {
    let scratch = ScratchDir::new("statistics");
    let within = |prepare: &str| {
        let mut shell = Mode::Plain.command("unshare");
        shell.args(["--mount", "sh", "-c", &format!("{prepare} && LD_PRELOAD=$0 exec \"$@\"")]).arg(library());
        shell.arg(compile("counted")).args(["20", "end"]).env("TCPTUNE_STATS", scratch.path());
        finish(&mut shell)
    };
    let here = scratch.path().display();
    unmoved(&within(&format!("mount -t tmpfs -o size=40k tmpfs {here}")), "", scratch.path());
    // Without a look at the limit first the program would be ended by SIGXFSZ.
    unmoved(&within("ulimit -f 16"), "", scratch.path());
    // And with room it counts.
    assert!(within("true").status.success());
    assert_eq!(files(scratch.path()), 1);
}

#[test]
fn no_system_call_is_added_to_data_calls() {
    let scratch = ScratchDir::new("statistics");
    let program = compile("counted");
    let settings = [("TCPTUNE_STATS", scratch.path().to_str().expect("a path"))];
    let calls = |settings: &[(&str, &str)]| {
        let trace = trace(Mode::Preloaded, settings, &program, &["50", "marks"]);
        Counts::of(trace.between("begin", "end"))
    };
    let (off, on) = (calls(&[]), calls(&settings));
    // A held call that the tracer separates from the next is pushed by a call: up to a few, with or without counting.
    let data = |counts: &Counts| ["read", "write", "sendto"].map(|name| counts.get(name)).iter().sum::<i64>();
    assert_eq!(data(&off), data(&on), "{off:?} {on:?}");
    let more = on.minus(&off);
    for name in ["ioctl", "clock_gettime", "getsockopt TCP_INFO", "mmap", "openat"] {
        assert_eq!(more.get(name), 0, "{more:?}");
    }
    assert_eq!(files(scratch.path()), 1);
}

/// The report of Python's server after a load of many connections.
fn served(settings: &[(&str, &str)]) -> Value {
    let statistics = ScratchDir::new("statistics");
    let mut command = Mode::Preloaded.command("python3");
    command.env("TCPTUNE_STATS", statistics.path()).envs(settings.iter().copied());
    let mut server = http::Server::start(&mut command);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let mut client = http::Client::connect(server.port);
                    for _ in 0..6 {
                        assert_eq!(client.get("/page.txt"), server.page.as_bytes());
                    }
                }
            });
        }
    });
    // Its connections are closed a moment after ours.
    std::thread::sleep(Duration::from_millis(200));
    // While it runs.
    let found = report(statistics.path());
    assert_eq!(server.guard.child.try_wait().expect("it can be asked"), None);
    assert_eq!(found["processes"][0]["running"], true);
    service(&found, "server")
}

#[test]
fn the_arms_of_a_running_daemon_differ_as_whole_runs_do() {
    let mean = |service: &Value, arm: &str| {
        let (sum, of) = (time(service, arm, "mean_delay_s"), count(service, arm, "compared"));
        sum / u32::try_from(of).expect("few").max(1)
    };
    const STALL: Duration = Duration::from_millis(20);
    let split = served(&[("TCPTUNE_SPLIT", "50")]);
    let (tuned, untouched) = (count(&split, "tuned", "connections"), count(&split, "untouched", "connections"));
    assert_eq!(tuned + untouched, 100);
    // Fair coins give less than 25 of 100 once in three million throws.
    assert!(tuned >= 25 && untouched >= 25, "{tuned} tuned, {untouched} untouched");
    assert_eq!(count(&split, "untouched", "skipped_control"), untouched);
    assert_eq!((count(&split, "untouched", "held"), count(&split, "untouched", "tuned")), (0, 0));
    let (plain, on) = (served(&[("TCPTUNE", "observe")]), served(&[]));
    println!(
        "mean time to the next request: split {:?} and {:?}, whole runs {:?} and {:?}",
        mean(&split, "tuned"),
        mean(&split, "untouched"),
        mean(&on, "tuned"),
        mean(&plain, "tuned")
    );
    assert!(mean(&split, "untouched") >= STALL && mean(&plain, "tuned") >= STALL);
    assert!(mean(&split, "tuned") < STALL && mean(&on, "tuned") < STALL);
    assert_eq!(split["comparison"]["verdict"], "tuned-is-faster");
    assert_eq!(split["comparison"]["low"].as_f64().map(|low| low > 1.0), Some(true));
}

#[test]
fn a_split_of_all_or_nothing_and_the_programs_own_word() {
    let scratch = ScratchDir::new("statistics");
    let arm = |split: &str| {
        let directory = scratch.join(split);
        fs::create_dir(&directory).expect("a directory");
        finish(counted(&["5", "end"], &directory, "on").env("TCPTUNE_SPLIT", split)).expect();
        let found = report(&directory);
        let both: Vec<_> = found["services"]
            .as_array()
            .expect("services")
            .iter()
            .map(|one| (count(one, "tuned", "connections"), count(one, "untouched", "connections")))
            .collect();
        both
    };
    assert_eq!(arm("0"), [(1, 0), (1, 0)]);
    assert_eq!(arm("100"), [(0, 1), (0, 1)]);
}
