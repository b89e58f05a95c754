//! What is printed for people fits the terminal, however narrow: no line is longer, headers stand apart, the command is there.

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::support::cli::exchanges::{Client, Server};
use crate::support::cli::scene::Scene;
use crate::support::cli::terminal::Terminal;
use crate::support::cli::{ended, is_root, tcptune};
use crate::support::{Guard, Mode, ScratchDir, compile, finish, guard::quiet, library};

const WIDTHS: [usize; 4] = [60, 80, 120, 200];
/// More than any label: what is as long as the rest of a line is one word that cannot be broken.
const LABEL: usize = 24;
const PATIENCE: Duration = Duration::from_secs(30);

/// Its output with each width.
fn at_widths(command: impl Fn() -> Command) -> Vec<(usize, String)> {
    let of_width = |width: usize| {
        let (_, out, err) = ended(command().env("COLUMNS", width.to_string()));
        // The report of a command goes to stderr.
        (width, if out.is_empty() { err } else { out })
    };
    WIDTHS.into_iter().map(of_width).collect()
}

#[track_caller]
fn fits(width: usize, text: &str) {
    for line in text.lines() {
        let word = line.split_whitespace().next_back().unwrap_or("").chars().count();
        assert!(line.chars().count() <= width || word + LABEL > width, "{width}: {line}\n{text}");
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line of titles consists of titles, with blanks between.
#[track_caller]
fn apart(line: &str, titles: &str) {
    let known: Vec<&str> = titles.split_whitespace().collect();
    let found: Vec<&str> = line.split_whitespace().collect();
    assert!(!found.is_empty() && found.iter().all(|title| known.contains(title)), "{line}");
}

#[test]
fn ls_has_the_command_and_what_else_there_is_room_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let _client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let port = listener.local_addr().expect("bound").port().to_string();
    let name = std::fs::read_to_string("/proc/self/comm").expect("it is there");
    let titles = "LOCAL PEER NODELAY CORK DELACK RTT UNSENT LIBRARY PID COMMAND UNIT";
    let ls = || {
        let mut command = tcptune();
        command.args(["ls", "--port", &port]);
        command
    };
    for (width, out) in at_widths(ls) {
        fits(width, &out);
        let mut lines = out.lines();
        let head = lines.next().expect("titles");
        apart(head, titles);
        assert!(head.contains("COMMAND"), "{out}");
        // The far end is nobody's: it was not accepted.
        let command = name.trim().get(..8).expect("letters");
        assert_eq!(lines.filter(|line| line.contains(command)).count(), 2, "{out}");
        assert_eq!(head.split_whitespace().count() == 11, width >= 120, "{out}");
    }
    // Another program gets all of it.
    let (_, out, _) = ended(&mut ls());
    assert_eq!(
        out.lines().next().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).as_deref(),
        Some(titles)
    );
}

#[test]
fn a_terminal_is_asked_for_its_width() {
    let (_listener, _client) = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
        (listener, client)
    };
    for (columns, all) in [(60, false), (200, true)] {
        let mut terminal = Terminal::start(24, columns, &format!("ls {}", std::process::id()));
        let screen = terminal.until("the list", |screen| screen.contains("all done"));
        let head = screen.lines().find(|line| line.contains("COMMAND")).expect("titles");
        assert_eq!(head.contains("DELACK"), all, "{screen}");
    }
}

#[test]
fn doctor_wraps_its_verdict_and_all_the_rest() {
    let server = Server::start("once");
    let mut client = Client::start(&server, "twice");
    client.begin("100000");
    let pid = client.guard.pid().to_string();
    let doctor = || {
        let mut command = tcptune();
        command.args(["doctor", "--pid", &pid, "--duration", "1.5"]);
        command
    };
    for (width, out) in at_widths(doctor) {
        fits(width, &out);
        assert!(out.starts_with("stall found: ") && out.contains("exchanges.py"), "{out}");
        // Sentences are not as wide as the widest terminal: long lines are hard to read.
        assert!(out.lines().any(|line| line.chars().count() > width.min(100) - 25), "{width}: {out}");
        assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    }
}

#[test]
fn doctor_of_a_host_keeps_the_service() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let service = scene.service("twice", "once", 1, 0);
    let doctor = || {
        let mut command = scene.tcptune(env!("CARGO_BIN_EXE_tcptune"));
        command.args(["doctor", "--all", "--duration", "1.5", "--budget", "40"]);
        command
    };
    for (width, out) in at_widths(doctor) {
        fits(width, &out);
        apart(out.lines().nth(1).expect("titles"), "LOST WAITS EACH SERVICE WITH AT FAULT");
        assert!(out.contains("steady.py") && out.contains(&format!("--pid {}", service.server)), "{out}");
    }
}

#[test]
fn check_wraps() {
    let program = compile("counted");
    for (width, out) in at_widths(|| {
        let mut command = tcptune();
        command.args(["check", "--library"]).arg(library()).arg(&program);
        command
    }) {
        fits(width, &out);
        assert!(out.contains("hooked calls") && out.contains("reachable by LD_PRELOAD: "), "{out}");
    }
}

#[test]
fn env_wraps() {
    for (width, out) in at_widths(|| {
        let mut command = tcptune();
        command
            .arg("env")
            .env("TCPTUNE_RULES", "port=8080,8443 peer=10.0.0.0/8 nodelay=force cork=off; port=143,993 cork=off");
        command
    }) {
        fits(width, &out);
        assert!(out.contains("TCPTUNE_RULES") && out.contains("rule 1"), "{out}");
    }
}

#[test]
fn report_wraps_its_table() {
    let scratch = ScratchDir::new("screens");
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["40", "end"]).env("TCPTUNE_STATS", scratch.path()).env("TCPTUNE_SPLIT", "50")).expect();
    for (width, out) in at_widths(|| {
        let mut command = tcptune();
        command.arg("report").arg(scratch.path());
        command
    }) {
        fits(width, &out);
        // The title is longer than a narrow screen, or not, as the directory of the build has it.
        assert!(one_line(&out).contains("program-counted 40 end"), "{out}");
        for head in out.lines().filter(|line| line.starts_with("connections to ") || line.starts_with("served on ")) {
            apart(head, &format!("{} connections to served on port tuned untouched", &head[..head.len().min(60)]));
            assert!(head.contains(" tuned"), "{out}");
        }
    }
}

#[test]
fn ab_has_both_medians_and_the_ratio() {
    for (width, out) in at_widths(|| {
        let mut command = tcptune();
        command.args(["ab", "-n", "5", "--warmup", "1", "--library"]).arg(library()).args(["--", "/bin/sleep", "0.01"]);
        command
    }) {
        fits(width, &out);
        let head = out.lines().find(|line| line.starts_with("medians")).expect("titles");
        apart(head, "medians plain tcptune ratio 95 % interval");
        assert!(head.contains("ratio"), "{out}");
        assert!(width < 80 || head.contains("95 % interval") && out.contains(" ± "), "{out}");
    }
}

#[test]
fn ab_of_several_commands_has_a_row_for_each() {
    for (width, out) in at_widths(|| {
        let mut command = tcptune();
        command.args(["ab", "-n", "6", "--warmup", "1", "/bin/sleep 0.01", "/bin/sleep 0.02", "--arm"]);
        command.arg("a name that is longer than the column=/bin/sleep 0.01");
        command
    }) {
        fits(width, &out);
        let head = out.lines().find(|line| line.starts_with("medians")).expect("titles");
        apart(head, "medians ratio 95 % interval chance");
        let time: Vec<&str> = out.lines().skip_while(|line| *line != "time").skip(1).take(3).collect();
        assert!(time[0].starts_with("  /bin/sleep 0.01 ") && time[1].starts_with("  /bin/sleep 0.02 "), "{out}");
        // Only the candidates have a ratio.
        assert!(time[1].split_whitespace().count() > time[0].split_whitespace().count(), "{out}");
        assert!(out.contains("/bin/sleep 0.02 takes ") && !out.contains("saw no TCP connection"), "{out}");
    }
}

/// A directory with two processes that are gone, and one that exchanges data without end.
fn counted() -> (ScratchDir, Guard) {
    let scratch = ScratchDir::new("screens");
    for count in ["20", "30"] {
        let mut command = Mode::Preloaded.command(compile("counted"));
        finish(command.args([count, "end"]).env("TCPTUNE_STATS", scratch.path())).expect();
    }
    let mut command = Mode::Preloaded.command(compile("counted"));
    command.args(["100000000", "end"]).env("TCPTUNE_STATS", scratch.path());
    let running = Guard::spawn(quiet(&mut command));
    let end = std::time::Instant::now() + PATIENCE;
    while std::fs::read_dir(scratch.path()).expect("it").count() < 3 {
        assert!(std::time::Instant::now() < end, "it does not count");
        std::thread::sleep(Duration::from_millis(10));
    }
    (scratch, running)
}

const TITLES: &str =
    "PID OPEN CONN/S CALLS/S BYTES/S ANSWER SEG/BURST STALL/S STALLS HELD/S MISSED UNTOUCHED STATE COMMAND";

#[test]
fn top_once_has_the_command() {
    let (scratch, _running) = counted();
    for (width, out) in at_widths(|| {
        let mut command = tcptune();
        command.args(["top", "--once", "--interval", "0.1"]).arg(scratch.path());
        command
    }) {
        fits(width, &out);
        apart(out.lines().next().expect("titles"), TITLES);
        assert!(out.lines().skip(1).all(|line| line.contains("program-counted ")), "{out}");
    }
}

#[test]
fn top_drops_columns_before_the_command() {
    let (scratch, _running) = counted();
    let arguments = format!("top --interval 0.2 {}", scratch.path().display());
    for (width, rows) in WIDTHS.into_iter().zip([24, 24, 40, 50]) {
        let columns = u16::try_from(width).expect("a width");
        let mut terminal = Terminal::start(rows, columns, &arguments);
        let screen = terminal.until("rates", |screen| {
            screen.contains(" data calls/s") && !screen.contains(" 0 data calls/s") && screen.contains("COMMAND")
        });
        let head = screen.lines().find(|line| line.contains("COMMAND")).expect("titles");
        apart(&head.replace(['│', '▾'], ""), TITLES);
        assert!(head.contains("▾CALLS/S") && head.contains("STALL/S"), "{screen}");
        assert_eq!(head.contains("UNTOUCHED"), width >= 120 + 10, "{screen}");
        let rows: Vec<&str> = screen.lines().filter(|line| line.contains("program-counted")).collect();
        assert_eq!(rows.len(), 3, "{screen}");
        // What the list is sorted by is never left out.
        terminal.press(&">".repeat(20));
        terminal.until("the last column", |screen| screen.contains("▾UNTOUCHED"));
        // The keys, none of them cut off.
        let screen = terminal.until("keys", |screen| screen.contains("? help"));
        assert!(
            screen.lines().next_back().is_some_and(|line| line.trim_end().ends_with(|c: char| c.is_lowercase())),
            "{screen}"
        );
        terminal.press("?");
        terminal.until("help", |screen| screen.contains("hide or show processes that are"));
        terminal.press(" ");
        // One process: all of it, or what there is room for and the rest by a key.
        terminal.press("\r");
        // A frame comes in pieces: its last part tells that all of it is there.
        let last = if width >= 120 { "What became of it" } else { "Time to an answer" };
        let screen =
            terminal.until("the process", |screen| screen.contains("Time to an answer") && screen.contains(last));
        let head = screen.lines().find(|line| line.contains("SERVICE")).expect("titles");
        apart(&head.replace('│', ""), "SERVICE CONNECTIONS EXCHANGES MEDIAN 99 % SEG/BURST STALLS HELD MISSED");
        assert!(head.contains("MEDIAN") && head.contains("STALLS"), "{screen}");
        assert!(screen.contains(" program-counted ─"), "{screen}");
        if width < 120 {
            terminal.press("\t");
            let screen = terminal.until("what became of it", |screen| screen.contains("What became of it"));
            assert!(screen.contains("TCP_NODELAY set by the library") && screen.contains("Held calls"), "{screen}");
        }
        terminal.press("q");
        terminal.ends_restored("0");
    }
}
