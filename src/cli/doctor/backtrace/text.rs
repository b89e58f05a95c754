//! Chains of calls as a person reads them.

use std::path::Path;

use super::chain::{CalledBy, Frame};

/// So many chains are shown …
const CHAINS: usize = 3;
/// … and so many functions of each.
const FRAMES: usize = 6;
/// A longer name is cut: templates.
const NAME: usize = 64;

/// "write_body (client.c:12) < main (client.c:30), 31 of 32 sampled": the commonest, those that look the same put together.
pub fn rows(called: &CalledBy) -> Vec<String> {
    let mut rows: Vec<(String, u64)> = Vec::new();
    for chain in &called.chains {
        let text = row(&chain.frames);
        match rows.iter_mut().find(|(row, _)| *row == text) {
            Some((_, samples)) => *samples += chain.samples,
            None => rows.push((text, chain.samples)),
        }
    }
    rows.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
    rows.iter().take(CHAINS).map(|(text, samples)| format!("{text}, {samples} of {} sampled", called.samples)).collect()
}

/// By what equally common chains are ordered.
pub fn order(frames: &[Frame]) -> Vec<(&str, u64, Option<u32>)> {
    frames.iter().map(|frame| (frame.object.as_str(), frame.offset, frame.line)).collect()
}

fn row(frames: &[Frame]) -> String {
    let end = end(frames);
    let mut names: Vec<String> = frames.iter().take(end.min(FRAMES)).map(name).collect();
    if end > FRAMES {
        names.push("…".to_owned());
    }
    names.join(" < ")
}

/// How many of them are to be shown: up to the program's beginning, or a thread's. What libc does before that tells nothing.
fn end(frames: &[Frame]) -> usize {
    let is = |frame: &Frame, name: &str| frame.function.as_deref().is_some_and(|function| function.starts_with(name));
    // Rust's is in a crate.
    let is_main = |function: &str| function == "main" || function.ends_with("::main");
    let main = frames.iter().position(|frame| frame.function.as_deref().is_some_and(is_main));
    // `_start` is the program's, and called nobody else.
    let started = frames.iter().position(|frame| is(frame, "__libc_start_main"));
    let whole = &frames[..main.map(|at| at + 1).or(started).unwrap_or(frames.len())];
    let in_libc = |frame: &Frame| {
        let object = base(&frame.object);
        ["libc.", "libc-", "libpthread", "ld-"].iter().any(|name| object.starts_with(name))
    };
    whole.iter().rposition(|frame| !in_libc(frame)).map_or(whole.len(), |at| at + 1)
}

fn name(frame: &Frame) -> String {
    let object = base(&frame.object);
    match (&frame.function, &frame.file, frame.line) {
        (Some(function), Some(file), Some(line)) => format!("{} ({}:{line})", cut(function), base(file)),
        (Some(function), ..) => format!("{} ({object})", cut(function)),
        (None, ..) if object.is_empty() => format!("{:#x}", frame.offset),
        (None, ..) => format!("{object}+{:#x}", frame.offset),
    }
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn base(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::backtrace::chain::Chain;

    fn frame(object: &str, function: Option<&str>, line: Option<u32>) -> Frame {
        let file = line.map(|_| "/src/client.c".to_owned());
        Frame { object: object.to_owned(), offset: 0x1f3, function: function.map(str::to_owned), file, line }
    }

    #[test]
    fn chains_read_well() {
        let chain = |samples, frames: &[Frame]| Chain { samples, mean_ms: 40.0, threads: 1, frames: frames.to_vec() };
        let start = frame("/lib/libc.so.6", Some("__libc_start_main"), None);
        let called = CalledBy {
            samples: 7,
            chains: vec![
                chain(
                    4,
                    &[
                        frame("/bin/client", Some("write_body"), Some(12)),
                        frame("/bin/client", Some("main"), Some(30)),
                        start.clone(),
                    ],
                ),
                chain(2, &[frame("/bin/client", None, None), start.clone()]),
                // A thread, of which libc's part differs.
                chain(1, &[frame("/bin/client", None, None), frame("/lib/libc.so.6", None, None)]),
            ],
        };
        assert_eq!(
            rows(&called),
            ["write_body (client.c:12) < main (client.c:30), 4 of 7 sampled", "client+0x1f3, 3 of 7 sampled",]
        );
        let deep = vec![frame("/bin/client", Some("again"), None); 9];
        let deep = rows(&CalledBy { samples: 1, chains: vec![chain(1, &deep)] });
        assert!(deep[0].ends_with("again (client) < …, 1 of 1 sampled"), "{deep:?}");
        assert_eq!(deep[0].matches("again").count(), FRAMES);
    }
}
