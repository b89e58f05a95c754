//! `tcptune top`: the plain table, and the live view on a terminal of fixed size, driven by keys and read as a terminal would.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::cli::terminal::Terminal;
use crate::support::cli::{ended, tcptune};
use crate::support::{Guard, Mode, ScratchDir, compile, finish, guard::quiet};

const PATIENCE: Duration = Duration::from_secs(20);
const ROWS: u16 = 36;
const COLUMNS: u16 = 140;

/// A directory with a process that is gone and one that exchanges data without end, whose connections are divided.
fn counted() -> (ScratchDir, Guard) {
    let scratch = ScratchDir::new("top");
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["20", "end"]).env("TCPTUNE_STATS", scratch.path())).expect();
    let mut command = Mode::Preloaded.command(compile("counted"));
    command.args(["100000000", "end"]).env("TCPTUNE_STATS", scratch.path());
    let running = Guard::spawn(quiet(&mut command));
    let end = Instant::now() + PATIENCE;
    while fs::read_dir(scratch.path()).expect("it").count() < 2 {
        assert!(Instant::now() < end, "it does not count");
        std::thread::sleep(Duration::from_millis(10));
    }
    (scratch, running)
}

fn terminal(directory: &Path) -> Terminal {
    Terminal::start(ROWS, COLUMNS, &format!("top --interval 0.2 {}", directory.display()))
}

#[test]
fn once_prints_a_table_for_scripts() {
    let (scratch, running) = counted();
    // Not asked for, but this is no terminal.
    let (code, out, err) = ended(tcptune().args(["top", "--interval", "0.3"]).arg(scratch.path()));
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{out}");
    let column =
        |title: &str| lines[0].iter().position(|&word| word == title).unwrap_or_else(|| panic!("{title}: {out}"));
    // The one that runs first, with its rate; the one that is gone has none.
    assert_eq!(lines[1][column("PID")], running.pid().to_string());
    assert_eq!((lines[1][column("STATE")], lines[2][column("STATE")]), ("running", "gone"));
    assert!(lines[1][column("CALLS/S")].starts_with(|c: char| ('1'..='9').contains(&c)), "{out}");
    assert_eq!(lines[2][column("CALLS/S")], "-");
    assert!(out.lines().nth(2).expect("it").ends_with("program-counted 20 end"), "{out}");
    let empty = scratch.join("empty");
    fs::create_dir(&empty).expect("a directory");
    let (code, out, err) = ended(tcptune().args(["top", "--once", "--interval", "0.1"]).arg(&empty));
    assert_eq!((code, out.lines().count(), err.as_str()), (1, 1, ""));
}

#[test]
fn bad_input_is_named_in_one_line() {
    let (code, out, err) = ended(tcptune().args(["top", "/nowhere"]));
    assert_eq!((code, out.as_str(), err.lines().count()), (125, "", 1), "{err}");
    assert!(err.contains("`/nowhere` is not there"), "{err}");
    let (code, _, err) = ended(tcptune().arg("top"));
    assert!(code == 125 && err.contains("`tcptune top /run/tcptune`"), "{err}");
    let (code, _, err) = ended(tcptune().args(["top", "--interval", "0", "/tmp"]));
    assert!(code == 125 && err.contains("100ms to 1h") && err.contains("--interval"), "{err}");
}

#[test]
fn keys_open_sort_and_leave() {
    let (scratch, running) = counted();
    let mut terminal = terminal(scratch.path());
    let screen =
        terminal.until("rates", |screen| screen.contains("data calls/s") && !screen.contains(" 0 data calls/s"));
    for words in ["1 process running, 1 gone", "▾CALLS/S", "SEG/BURST", "Enter open", &running.pid().to_string()] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    terminal.press(">");
    terminal.until("sorts by the next column", |screen| screen.contains("▾BYTES/S"));
    terminal.press("r");
    terminal.until("the other way around", |screen| screen.contains("▴BYTES/S"));
    terminal.press("?");
    terminal.until("help", |screen| screen.contains("hide or show processes that are gone"));
    terminal.press(" ");
    terminal.press("g");
    terminal.until("no gone ones", |screen| !screen.contains("counted 20 end") && !screen.contains("Keys"));
    terminal.press("\r");
    let screen =
        terminal.until("the process", |screen| screen.contains("Time to an answer") && screen.contains("Esc back"));
    for words in
        ["program-counted 100000000 end", "to 127.0.0.1:", "on port ", "TCP_NODELAY set by the library", "Held calls"]
    {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    terminal.press("\x1b[B");
    terminal.until("one service", |screen| screen.contains("Time to an answer, port "));
    terminal.press("\x7f");
    terminal.until("the list", |screen| screen.contains("Processes"));
    terminal.press("q");
    terminal.ends_restored("0");
}

#[test]
fn follows_the_size_of_the_terminal() {
    let (scratch, _running) = counted();
    let mut terminal = terminal(scratch.path());
    terminal.until("the list", |screen| screen.contains("Processes"));
    let corners = |columns: u16| {
        move |screen: &str| {
            let right = |line: &str| line.chars().count() == usize::from(columns) && line.ends_with('╮');
            screen.lines().any(right)
        }
    };
    terminal.resize(12, 60);
    terminal.until("a small screen", corners(60));
    terminal.resize(ROWS, COLUMNS);
    terminal.until("the whole screen", corners(COLUMNS));
    // However small.
    terminal.resize(1, 2);
    terminal.resize(ROWS, COLUMNS);
    terminal.until("the whole screen again", corners(COLUMNS));
    assert!(Command::new("kill").arg(terminal.pid()).status().expect("kill(1)").success());
    terminal.ends_restored("0");
}

#[test]
fn signals_give_the_terminal_back() {
    let (scratch, _running) = counted();
    for signal in ["TERM", "INT", "HUP"] {
        let mut terminal = terminal(scratch.path());
        terminal.until("the list", |screen| screen.contains("Processes"));
        assert!(terminal.raw(), "top takes keys as they come");
        assert!(Command::new("kill").args(["-s", signal, &terminal.pid()]).status().expect("kill(1)").success());
        terminal.ends_restored("0");
    }
}

#[test]
fn ends_when_its_terminal_is_gone() {
    let (scratch, _running) = counted();
    let mut terminal = terminal(scratch.path());
    terminal.until("the list", |screen| screen.contains("Processes"));
    let process = format!("/proc/{}/stat", terminal.pid());
    assert!(fs::exists(&process).expect("it can be asked"));
    let end = Instant::now() + PATIENCE;
    // script(1) is killed, and with it the other end of the terminal.
    drop(terminal);
    while fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < end, "it runs without a terminal");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Instant::now() < end, "it ran without a terminal");
}
