//! `--backtrace` of programs in Python: which line of the script waited. The copies of the stack (backtrace/) have only the functions of
//! the interpreter, whose own frames lie elsewhere. So the process is looked at from outside, by py-spy, while a piece is held: the
//! thread that wrote it then waits for the answer, as a rule in a function that the same line of the script has called.

mod lines;
mod looks;
mod reader;
mod source;
mod text;

use std::collections::{HashMap, HashSet};

use super::backtrace::{Backtraces, Caller, is_of};
use super::report::Told;
use crate::stalls::finding::Kind;
use crate::stalls::program::Language;

pub use lines::Script;
use lines::{Place, Same};
pub use looks::{Found, Looks};
use reader::Thread;

/// Completes the findings; says of which the lines are not known, and why.
pub fn tell(findings: &mut [Told], backtraces: &Backtraces, found: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    for told in findings {
        let finding = &told.finding;
        let waits = matches!(finding.kind, Kind::Nagle | Kind::Cork | Kind::Paced);
        if !waits || finding.other_end || finding.program.language() != Language::Python {
            continue;
        }
        let callers = backtraces.callers(&finding.of, finding.kind);
        let script =
            gather(found.looks.iter().filter(|(of, ..)| is_of(of, &finding.of)).flat_map(|(_, pid, threads)| {
                let callers: Vec<&Caller> = callers.iter().filter(|caller| caller.process == u64::from(*pid)).collect();
                chosen(threads, &callers).into_iter().map(|thread| (*pid, thread))
            }));
        if script.looks == 0 {
            let failed = finding.pids.iter().find_map(|pid| Some((pid, found.failed.get(pid)?)));
            let why = match failed {
                Some((pid, reason)) => format!("process {pid} cannot be read: {reason}"),
                None => "none of these waits could be looked at while it lasted".to_owned(),
            };
            notes.push(format!("which line of {} made these calls is not known: {why}", finding.program.shown()));
        }
        told.script_text = text::rows(&script);
        told.key.call = script.own_line().map(|(_, _, function)| function.to_owned());
        told.script = Some(script);
    }
    notes
}

/// The threads that made the calls behind a finding; all of them could be waiting. None where that cannot be told.
fn chosen<'t>(threads: &'t [Thread], callers: &[&Caller]) -> Vec<&'t Thread> {
    if let [only] = threads {
        return vec![only];
    }
    let reading: Vec<&Thread> = threads.iter().filter(|thread| thread.reads == Some(true)).collect();
    if !reading.is_empty() {
        return reading;
    }
    let known = callers.iter().filter_map(|caller| match threads.iter().any(|thread| thread.id.is_some()) {
        true => threads.iter().find(|thread| thread.id == Some(caller.thread)),
        false => by_stack(threads, caller),
    });
    let mut met = HashSet::new();
    // What waits for something else does not wait for this.
    known.filter(|thread| thread.reads.is_none() && met.insert(thread.handle)).collect()
}

/// An older interpreter does not know its threads' numbers. But the stack of a thread ends below what its pthread_t points to; only that
/// of the first one, which the interpreter lists last, is elsewhere.
fn by_stack<'t>(threads: &'t [Thread], caller: &Caller) -> Option<&'t Thread> {
    let (first, others) = threads.split_last()?;
    if caller.thread == caller.process {
        return Some(first);
    }
    others.iter().filter(|thread| thread.handle > caller.stack).min_by_key(|thread| thread.handle)
}

/// Puts the same places together.
fn gather<'t>(all: impl Iterator<Item = (u32, &'t Thread)>) -> Script {
    let mut seen: HashMap<&Place, Vec<(u32, u64)>> = HashMap::new();
    for (pid, thread) in all {
        seen.entry(&thread.place).or_default().push((pid, thread.handle));
    }
    let same = |(place, seen): (&Place, Vec<(u32, u64)>)| Same {
        looks: seen.len() as u64,
        threads: seen.iter().collect::<HashSet<_>>().len(),
        place: place.clone(),
    };
    let mut places: Vec<Same> = seen.into_iter().map(same).collect();
    places.sort_by(|a, b| b.looks.cmp(&a.looks).then_with(|| text::order(&a.place).cmp(&text::order(&b.place))));
    Script { looks: places.iter().map(|same| same.looks).sum(), places }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lines::Line;

    fn thread(id: Option<u64>, handle: u64, line: u32) -> Thread {
        let frame = Line { file: "client.py".to_owned(), line: Some(line), function: "append".to_owned(), own: true };
        Thread { id, handle, reads: None, place: Place { frames: vec![frame], own_frame: Some(0), write: None } }
    }

    fn lines(threads: &[&Thread]) -> Vec<u32> {
        threads.iter().filter_map(|thread| thread.place.frames[0].line).collect()
    }

    #[test]
    fn the_thread_that_called_is_chosen() {
        let caller = |thread, stack| Caller { process: 7, thread, stack };
        let known = [thread(Some(9), 0x9000, 1), thread(Some(8), 0x8000, 2), thread(Some(7), 0x100, 3)];
        assert_eq!(lines(&chosen(&known, &[&caller(8, 0), &caller(8, 1)])), [2]);
        assert_eq!(lines(&chosen(&known, &[&caller(8, 0), &caller(9, 0)])), [2, 1]);
        assert_eq!(lines(&chosen(&known, &[])), [] as [u32; 0]);
        // Only one of them reads from the connection.
        let [one, other, main] = known;
        let known = [one, Thread { reads: Some(true), ..other }, main];
        assert_eq!(lines(&chosen(&known, &[&caller(8, 0), &caller(9, 0)])), [2]);
        let [one, other, main] = known;
        let known = [one, Thread { reads: Some(false), ..other }, main];
        assert_eq!(lines(&chosen(&known, &[&caller(8, 0), &caller(9, 0)])), [1]);
        // The number of none is known.
        let unknown = [thread(None, 0x9000, 1), thread(None, 0x8000, 2), thread(None, 0x100, 3)];
        assert_eq!(lines(&chosen(&unknown, &[&caller(4711, 0x7fff)])), [2]);
        assert_eq!(lines(&chosen(&unknown, &[&caller(4711, 0x8fff)])), [1]);
        assert_eq!(lines(&chosen(&unknown, &[&caller(7, 0xffff)])), [3]);
        // There is only one.
        assert_eq!(lines(&chosen(&unknown[..1], &[])), [1]);
    }

    #[test]
    fn the_commonest_place_comes_first() {
        let [one, other] = [thread(Some(9), 1, 1), thread(Some(8), 2, 2)];
        let script = gather([(7, &one), (7, &other), (5, &other)].into_iter());
        let sums: Vec<(u64, usize)> = script.places.iter().map(|same| (same.looks, same.threads)).collect();
        assert_eq!((script.looks, sums), (3, vec![(2, 2), (1, 1)]));
    }
}
