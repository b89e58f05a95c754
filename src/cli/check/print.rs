//! The report as a person reads it.

use super::calls::Hooked;
use super::report::Report;
use crate::os::elf::Linking;
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, line, styled, wrapped};
use crate::programs::c_library::Family;
use crate::programs::process::Seccomp;

const LABEL: usize = 16;
const WIDTH: usize = 96;

pub fn report(report: &Report) {
    match &report.process {
        Some(p) => line(&styled(BOLD, format!("process {} ({}), user {}", p.pid, p.name, p.uid))),
        None => line(&styled(BOLD, &report.target)),
    }
    for step in &report.steps {
        row("script", &format!("{} ({})", step.file.display(), step.how));
    }
    if report.process.is_some() || report.program.to_str() != Some(&report.target) {
        row("program", &report.program.display().to_string());
    }
    row("format", &format(report));
    if let Some(text) = c_library(report) {
        row("C library", &text);
    }
    if report.process.is_none() {
        row("privileges", &privileges(report));
    }
    if report.elf.symbols_known && report.elf.linking == Linking::Dynamic {
        let calls = &report.symbols.socket_calls;
        row("socket calls", &if calls.is_empty() { "none imported".to_owned() } else { calls.join(" ") });
        if !calls.is_empty() {
            hooked(&report.symbols.hooked);
        }
        if !report.symbols.libraries.is_empty() {
            row("libraries", &format!("{} import socket calls", report.symbols.libraries.join(", ")));
        }
    }
    process(report);
    for note in &report.notes {
        line(&format!("  {}{}", styled(NOTE, format_args!("{:<LABEL$}", "note")), wrap(note)));
    }
    let verdict = &report.verdict;
    let (style, head) =
        if verdict.reachable { (GOOD, "reachable by LD_PRELOAD") } else { (BAD, "not reachable by LD_PRELOAD") };
    line(&format!("{}: {}", styled(style, head), verdict.reason));
    for advice in &verdict.advice {
        line(&format!("  - {}", wrapped(advice, WIDTH, 4)));
    }
}

/// The calls that the library stands in for, a line for each family.
fn hooked(calls: &[Hooked]) {
    for (number, family) in calls.chunk_by(|one, next| one.heading == next.heading).enumerate() {
        let names: Vec<&str> = family.iter().map(|call| call.name).collect();
        let heading = family.first().map_or("", |call| call.heading);
        row(if number == 0 { "hooked calls" } else { "" }, &format!("{heading}: {}", names.join(" ")));
    }
}

fn row(label: &str, text: &str) {
    line(&format!("  {}{}", styled(FAINT, format_args!("{label:<LABEL$}")), wrap(text)));
}

fn wrap(text: &str) -> String {
    wrapped(text, WIDTH - LABEL, LABEL + 2)
}

fn format(report: &Report) -> String {
    let elf = &report.elf;
    let linking = match elf.linking {
        Linking::Dynamic if elf.position_independent => "dynamically linked, position independent",
        Linking::Dynamic => "dynamically linked",
        Linking::Static => "statically linked",
        Linking::StaticPie => "statically linked, position independent (static-pie)",
        Linking::SharedObject => "shared object",
        Linking::NotAProgram => "not a program",
    };
    let language = match (elf.go, elf.rust) {
        (true, _) => ", Go",
        (_, true) => ", Rust",
        _ => "",
    };
    format!("{} ELF, {linking}{language}", elf.platform)
}

fn c_library(report: &Report) -> Option<String> {
    let c = report.c_library.as_ref()?;
    let family = match c.family {
        Family::Glibc => "glibc",
        Family::Musl => "musl",
        Family::Other => "unknown",
    };
    let version = c.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
    let interpreter = report.elf.interpreter.as_deref().unwrap_or_default();
    let missing = if c.interpreter_exists { "" } else { ", which does not exist here" };
    let floor =
        report.elf.glibc_floor.as_ref().map(|v| format!("; the program needs {v} or newer")).unwrap_or_default();
    Some(format!("{family}{version} ({interpreter}{missing}){floor}"))
}

fn privileges(report: &Report) -> String {
    let p = &report.privileges;
    let mut parts = Vec::new();
    parts.extend(p.setuid.map(|owner| format!("setuid to user {owner}")));
    parts.extend(p.setgid.map(|group| format!("setgid to group {group}")));
    if !p.capabilities.is_empty() {
        parts.push(format!("file capabilities {}", p.capabilities.join(", ")));
    }
    if parts.is_empty() { "none (no setuid, setgid or file capabilities)".to_owned() } else { parts.join("; ") }
}

fn process(report: &Report) {
    let Some(p) = &report.process else { return };
    row("library", &p.library.as_ref().map_or_else(|| "not loaded".to_owned(), |l| format!("loaded: {}", l.display())));
    row("LD_PRELOAD", p.preload.as_deref().unwrap_or("not set when it was started"));
    row(
        "seccomp",
        match p.seccomp {
            Seccomp::Off => "off",
            Seccomp::Strict => "strict mode",
            Seccomp::Filter => "a filter is installed",
        },
    );
    if let Some(rules) = &p.security {
        row("confined by", rules);
    }
    row(
        "io_uring",
        &match p.io_urings {
            None => "not known".to_owned(),
            Some(0) => "not in use".to_owned(),
            Some(n) => format!("in use ({n})"),
        },
    );
}
