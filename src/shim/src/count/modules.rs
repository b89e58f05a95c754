//! Notes which object is loaded at which address, for unwinding samples of the stack after the process has ended. The
//! loader's list is read as a debugger reads it, through copies that the kernel makes: another thread may unload an
//! object at any time, and the loader's lock must not be taken in a signal handler.

use core::mem::size_of;
use core::sync::atomic::Ordering::{Relaxed, Release};

use policy::counters::samples::{MODULE_PATH, MODULES, Module, module_at, module_word_at};
use policy::counters::{FREE, Head, READY, TAKEN};

use super::file::{self, Word, process};
use super::trace::copy;
use crate::bind;

/// The words of an entry in the list (bind.rs): base, name, dynamic section, next, previous.
type Entry = [usize; 5];
const NEXT: fn(Entry) -> usize = |[_, _, _, next, _]| next;
const PREVIOUS: fn(Entry) -> usize = |[_, _, _, _, previous]| previous;

/// Notes the objects that are loaded and not noted yet. The number of steps is bounded, because the list may change
/// while it is read.
#[cold]
#[inline(never)]
pub(super) fn note(file: *mut u8) {
    for follow in [PREVIOUS, NEXT] {
        let mut at = bind::known_entry() as usize;
        for _ in 0..MODULES {
            let Some(entry) = entry(at) else { break };
            if !is_noted(file, entry) {
                add(file, entry);
            }
            at = follow(entry);
        }
    }
}

fn entry(at: usize) -> Option<Entry> {
    let mut entry: Entry = [0; 5];
    let length = size_of::<Entry>();
    (at != 0 && copy(at, entry.as_mut_ptr().cast(), length) == length).then_some(entry)
}

fn word(file: *mut u8, number: usize, word: Module) -> &'static Word {
    file::word(file, module_at(number).wrapping_add(module_word_at(word)))
}

fn is_noted(file: *mut u8, [base, _, dynamic, ..]: Entry) -> bool {
    (0..MODULES).take_while(|&number| word(file, number, Module::State).load(Relaxed) != FREE).any(|number| {
        word(file, number, Module::Base).load(Relaxed) == base as u64
            && word(file, number, Module::Dynamic).load(Relaxed) == dynamic as u64
    })
}

/// Notes an object. If two threads do so at once, it takes two entries.
fn add(file: *mut u8, [base, name, dynamic, ..]: Entry) {
    let number = file::head(file, Head::ModulesTaken).fetch_add(1, Relaxed) as usize;
    if number >= MODULES {
        return;
    }
    let state = word(file, number, Module::State);
    state.store(TAKEN, Relaxed);
    for (at, value) in [(Module::Process, process()), (Module::Base, base as u64), (Module::Dynamic, dynamic as u64)] {
        word(file, number, at).store(value, Relaxed);
    }
    let mut path = [0u8; MODULE_PATH.room];
    copy(name, path.as_mut_ptr(), path.len());
    let length = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    file::put(file, module_at(number).wrapping_add(MODULE_PATH.at), path.get(..length).unwrap_or(&[]));
    state.store(READY, Release);
}
