//! All settings of a process: read from the variables of its environment, then asked for each program and socket. Must not
//! read the environment itself, and must hold no reference into it.

use crate::fault::{Fault, Wrong};
use crate::directory::Directory;
use crate::grammar::number;
use crate::grammar::piece::{choose, trim};
use crate::grammar::words::words;
use crate::options;
use crate::programs::{Programs, ROOM};
use crate::rules::Rules;
pub use crate::subject::{Direction, Peer, Subject};
pub use crate::tuning::{Cork, Nodelay, Quickack, Release, Tuning};
use crate::variables::{ENABLED, NAMES, ONLY, SKIP, SPLIT, STATS};

/// The settings of a process. [`Settings::DEFAULT`] is all zeros, so a static of it lies in memory that the file does not
/// hold.
/// What is small, or asked of every process, stands in its first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    off: bool,
    observing: bool,
    split: u8,
    backtraces: bool,
    /// A bit for each variable that was read.
    seen: u16,
    /// What holds for a socket that no rule matches.
    pub base: Tuning,
    programs: Programs,
    stats: Directory,
    rules: Rules,
}

/// The number of the tuning of sockets in the control group: nothing is done with them. No rule has it.
pub const UNTOUCHED: u8 = 31;

impl Settings {
    /// What holds when no variable is set.
    pub const DEFAULT: Settings = Settings {
        off: false,
        observing: false,
        split: 0,
        backtraces: false,
        seen: 0,
        base: Tuning::DEFAULT,
        programs: Programs::NONE,
        stats: Directory::NONE,
        rules: Rules::NONE,
    };

    /// Is anything to be done in this process at all?
    pub const fn enabled(&self) -> bool {
        !self.off
    }

    /// Is this process only observed? Then no tuning does anything.
    pub const fn observing(&self) -> bool {
        self.observing
    }

    /// Is it to be noted where calls come from that wait?
    pub const fn backtraces(&self) -> bool {
        self.backtraces
    }

    /// How many of a hundred connections are left untouched.
    pub const fn split(&self) -> u8 {
        self.split
    }

    /// Is this connection, for which chance gave a number, one of them?
    pub const fn leaves_untouched(&self, chance: u64) -> bool {
        // The upper half of the product is evenly spread over 0 to 99.
        let hundredth = ((chance >> 32).wrapping_mul(100) >> 32) as u8;
        hundredth < self.split
    }

    /// The directory for the files of counters; empty where nothing is to be counted.
    pub fn stats(&self) -> &[u8] {
        self.stats.path()
    }

    /// Reads one variable. The order does not matter; of two variables with the same name the first counts, as for
    /// `getenv`; an empty value is the default; other names are ignored. After a fault the process is not tuned.
    /// Call [`Settings::finish`] when all are read.
    #[inline(never)]
    pub fn apply(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        // Names are of capitals only, but the list is searched in whatever case.
        let capitals = !name.iter().any(u8::is_ascii_lowercase);
        let Some(variable) = words!(NAMES).find(name).filter(|_| capitals) else { return Ok(()) };
        let bit = 1u16.checked_shl(u32::from(variable)).unwrap_or(0);
        let first = self.seen & bit == 0;
        self.seen |= bit;
        let whole = trim(value);
        if !first || whole.is_empty() {
            return Ok(());
        }
        let mut wrong = Wrong::default();
        if self.read(variable, whole, &mut wrong).is_none() {
            self.off = true;
            return Err(wrong.fault(value, variable));
        }
        Ok(())
    }

    fn read<'v>(&mut self, variable: u8, whole: &'v [u8], wrong: &mut Wrong<'v>) -> Option<()> {
        let (done, allowed) = match variable {
            0 => {
                let word = choose(whole, words!("on off observe backtrace"));
                self.off |= word == Some(1);
                self.backtraces = word == Some(3);
                self.observing = word == Some(2) || self.backtraces;
                (word.map(|_| ()), ENABLED.values)
            }
            // These four stand in this order here, and among the words of a rule.
            1..=4 => match self.base.read(variable.wrapping_sub(1), whole) {
                Ok(()) => return Some(()),
                Err(allowed) => (None, allowed),
            },
            5 => return options::parse(&mut self.base.set, whole, wrong),
            6 => return self.rules.parse(whole, wrong),
            7 => (self.programs.keep_only(whole), ONLY.values),
            8 => (self.programs.keep_skip(whole), SKIP.values),
            9 => {
                let share = number::plain(whole).and_then(|share| u8::try_from(share).ok());
                (share.filter(|share| *share <= 100).map(|share| self.split = share), SPLIT.values)
            }
            _ => (self.stats.keep(whole), STATS.values),
        };
        const { assert!(ROOM == 1024, "the table names the number") };
        if done.is_none() { wrong.note(whole, allowed) } else { done }
    }

    /// Completes the rules with what the other variables say. To be called once all variables are read.
    #[inline(never)]
    pub fn finish(&mut self) {
        if self.observing {
            self.base = Tuning::OFF;
        }
        self.base.off |= self.off;
        self.rules.lay_over(&self.base);
    }

    /// Is there any rule?
    pub fn has_rules(&self) -> bool {
        self.rules.count() > 0 && !self.observing
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> u8 {
        self.rules.count()
    }

    /// Can the choice for a socket of this direction and local port depend on its peer? A local port of 0 is one that is
    /// not known.
    #[inline(never)]
    pub fn needs_peer(&self, direction: Direction, local_port: u16) -> bool {
        self.rules.need_peer(direction, local_port)
    }

    /// Does any rule ask for the local port?
    pub fn needs_local_port(&self) -> bool {
        self.rules.need_local_port()
    }

    /// Which tuning holds for a socket: 0 is the base, `n` the one of rule `n`, the first whose conditions all hold.
    #[inline(never)]
    pub fn choose(&self, subject: &Subject) -> u8 {
        if self.off || self.observing { 0 } else { self.rules.choose(subject) }
    }

    /// A tuning by its number; the base for a number that no rule has.
    pub fn tuning(&self, index: u8) -> &Tuning {
        static OFF: Tuning = Tuning::OFF;
        if index == UNTOUCHED { &OFF } else { self.rules.tuning(index).unwrap_or(&self.base) }
    }

    /// Does any tuning set further socket options?
    pub fn sets_options(&self) -> bool {
        !self.observing && (!self.base.set.is_empty() || self.rules.set_options())
    }

    /// Writes rule `index`, counted from 1, as it could have been read.
    pub fn describe_rule(&self, index: u8, put: &mut dyn FnMut(&[u8])) {
        self.rules.describe(index, put);
    }

    /// Is there any pattern of program names to compare with?
    pub fn names_wanted(&self) -> bool {
        self.programs.any()
    }

    /// Is a program to be touched that has this file and was called by this name?
    #[inline(never)]
    pub fn wants_program(&self, exe_path: &[u8], argv0: &[u8]) -> bool {
        self.programs.want(exe_path, argv0)
    }
}
