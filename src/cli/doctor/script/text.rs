//! Lines of a script as a person reads them.

use std::path::Path;

use super::lines::{Line, Place, Same, Script};

/// So many places are shown …
const PLACES: usize = 3;
/// … and so many calls of each: the script's own, and those below.
const OWN: usize = 3;
const BELOW: usize = 5;

/// What places with equally many looks are sorted by.
pub fn order(place: &Place) -> Vec<(&str, Option<u32>)> {
    place.frames.iter().map(|line| (line.file.as_str(), line.line)).collect()
}

/// The script's own line first, then what it has called.
pub fn rows(script: &Script) -> Vec<String> {
    script.places.iter().take(PLACES).flat_map(|same| place(same, script.looks)).collect()
}

fn place(same: &Same, looks: u64) -> Vec<String> {
    let Place { frames, own_frame, write } = &same.place;
    let seen = format!("{} of {looks} looks", same.looks);
    let Some(own) = *own_frame else {
        return vec![format!("none; it waits in {}, {seen}", chain(frames.iter().take(BELOW), " < "))];
    };
    if let Some(write) = write
        && let Some(line) = frames.get(write.frame)
    {
        let wrote = Line { line: Some(write.line), ..line.clone() };
        let callers = frames.iter().skip(write.frame + 1).filter(|line| line.own).take(OWN - 1);
        let waits = chain(frames.iter().take(own + 1), " < ");
        return vec![
            format!("{}, {seen}", chain([&wrote].into_iter().chain(callers), " < ")),
            format!("{}, by the source the last call that sends before {waits}, where it waits", write.text),
        ];
    }
    let mut rows = vec![format!("{}, {seen}", chain(frames[own..].iter().filter(|line| line.own).take(OWN), " < "))];
    if own > 0 {
        let below = &frames[..own];
        // The first calls say which function of the module it is, the last one where it waits.
        let shown = match below {
            [last, .., _] if below.len() > BELOW => {
                format!("{} > … > {}", chain(below.iter().rev().take(BELOW - 1), " > "), name(last))
            }
            _ => chain(below.iter().rev(), " > "),
        };
        rows.push(format!("which calls {shown}, where it waits"));
    } else {
        rows.push("where it waits for the answer".to_owned());
    }
    rows
}

fn chain<'l>(lines: impl Iterator<Item = &'l Line>, between: &str) -> String {
    lines.map(name).collect::<Vec<_>>().join(between)
}

fn name(Line { file, line, function, .. }: &Line) -> String {
    let file = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file);
    match line {
        Some(line) => format!("{file}:{line} ({function})"),
        None => format!("{file} ({function})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::script::lines::Write;

    fn line(file: &str, line: u32, function: &str) -> Line {
        let own = super::super::lines::is_own(file);
        Line { file: file.to_owned(), line: Some(line), function: function.to_owned(), own }
    }

    fn shown(frames: &[Line], write: Option<Write>) -> Vec<String> {
        let own_frame = frames.iter().position(|line| line.own);
        let place = Place { frames: frames.to_vec(), own_frame, write };
        rows(&Script { looks: 5, places: vec![Same { looks: 4, threads: 1, place }] })
    }

    #[test]
    fn the_scripts_own_line_comes_first() {
        let script = [line("/home/copy.py", 8, "append"), line("/home/copy.py", 20, "<module>")];
        let write = Write { frame: 0, line: 7, text: "sock.send(body)".to_owned() };
        assert_eq!(
            shown(&script, Some(write)),
            [
                "copy.py:7 (append) < copy.py:20 (<module>), 4 of 5 looks",
                "sock.send(body), by the source the last call that sends before copy.py:8 (append), where it waits",
            ]
        );
        assert_eq!(
            shown(&script, None),
            ["copy.py:8 (append) < copy.py:20 (<module>), 4 of 5 looks", "where it waits for the answer"]
        );
        let module = |n, function| line("/usr/lib/python3.11/imaplib.py", n, function);
        assert_eq!(
            shown(&[module(2, "_get_line"), module(1, "append"), script[0].clone()], None),
            [
                "copy.py:8 (append), 4 of 5 looks",
                "which calls imaplib.py:1 (append) > imaplib.py:2 (_get_line), where it waits"
            ]
        );
        let deep: Vec<Line> = (0..8).map(|n| module(n, "again")).chain([script[0].clone()]).collect();
        let rows = shown(&deep, None);
        assert!(rows[1].contains("imaplib.py:4 (again) > … > imaplib.py:0 (again), where"), "{rows:?}");
    }

    #[test]
    fn where_none_is_the_scripts_own_that_is_said() {
        let rows = shown(&[line("/usr/lib/python3.11/socketserver.py", 7, "handle")], None);
        assert_eq!(rows, ["none; it waits in socketserver.py:7 (handle), 4 of 5 looks"]);
    }
}
