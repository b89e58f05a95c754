//! The settings of a process: read from its environment variables, then consulted for each program and socket. Must not
//! read the environment itself, nor keep a reference into it.

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
use crate::variables::{ENABLED, NAMES, ONLY, SECCOMP, SKIP, SPLIT, STATS};

/// The settings of a process. [`Settings::DEFAULT`] is all zeros, so a static of it takes no space in the file. What is
/// small, or consulted in every process, comes first, in one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    off: bool,
    observing: bool,
    split: u8,
    /// The split that TCPTUNE_TUNED_SHARE asks for, and one more; 0 if it asks for none.
    share: u8,
    backtraces: bool,
    any_call: bool,
    /// A bit for each variable that was read.
    seen: u16,
    /// The tuning of a socket that no rule matches.
    pub base: Tuning,
    programs: Programs,
    stats: Directory,
    rules: Rules,
}

/// The index of the tuning of sockets in the control group, which does nothing. No rule has this index.
pub const UNTOUCHED: u8 = 31;

impl Settings {
    /// The settings when no variable is set.
    pub const DEFAULT: Settings = Settings {
        off: false,
        observing: false,
        split: 0,
        share: 0,
        backtraces: false,
        any_call: false,
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

    /// Is this process only observed? Then no tuning takes effect.
    pub const fn observing(&self) -> bool {
        self.observing
    }

    /// Are the stacks of calls that wait to be sampled?
    pub const fn backtraces(&self) -> bool {
        self.backtraces
    }

    /// May the library make any call that it needs, whatever filter the process was started under?
    pub const fn any_call(&self) -> bool {
        self.any_call
    }

    /// The percentage of connections that are left untouched.
    pub const fn split(&self) -> u8 {
        self.split
    }

    /// Does a connection belong to the control group, given a random number?
    pub const fn leaves_untouched(&self, chance: u64) -> bool {
        // The upper half of the product is evenly distributed over 0 to 99.
        let hundredth = ((chance >> 32).wrapping_mul(100) >> 32) as u8;
        hundredth < self.split
    }

    /// The directory for the statistics files; empty if nothing is counted.
    pub fn stats(&self) -> &[u8] {
        self.stats.path()
    }

    /// Reads one variable. The order does not matter. Of two variables with the same name the first counts, as for
    /// getenv(3); an empty value means the default; other names are ignored. After a fault the process is not tuned.
    /// Call [`Settings::finish`] once all variables are read.
    #[inline(never)]
    pub fn apply(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        // The list is searched without regard to case, but the variables' names are upper-case.
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
            // These four have the same order here and among the keywords of a rule.
            1..=4 => match self.base.read(variable.wrapping_sub(1), whole) {
                Ok(()) => return Some(()),
                Err(allowed) => (None, allowed),
            },
            5 => return options::parse(&mut self.base.set, whole, wrong),
            6 => return self.rules.parse(whole, wrong),
            7 => (self.programs.keep_only(whole), ONLY.values),
            8 => (self.programs.keep_skip(whole), SKIP.values),
            9 => (percent(whole).map(|split| self.split = split), SPLIT.values),
            10 => (self.stats.keep(whole), STATS.values),
            12 => (percent(whole).map(|share| self.share = 101u8.wrapping_sub(share)), SPLIT.values),
            _ => {
                let word = choose(whole, words!("own all"));
                self.any_call = word == Some(1);
                (word.map(|_| ()), SECCOMP.values)
            }
        };
        const { assert!(ROOM == 1024, "the table names the number") };
        if done.is_none() { wrong.note(whole, allowed) } else { done }
    }

    /// Completes the rules with what the other variables say. Call once, when all variables are read.
    #[inline(never)]
    pub fn finish(&mut self) {
        if self.observing {
            self.base = Tuning::OFF;
        }
        self.split = self.share.checked_sub(1).unwrap_or(self.split);
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

    /// Can the choice for a socket with this direction and local port depend on its peer? A local port of 0 means
    /// unknown.
    #[inline(never)]
    pub fn needs_peer(&self, direction: Direction, local_port: u16) -> bool {
        self.rules.need_peer(direction, local_port)
    }

    /// Does any rule have a condition on the local port?
    pub fn needs_local_port(&self) -> bool {
        self.rules.need_local_port()
    }

    /// The index of the tuning for a socket: 0 for the base, `n` for rule `n`, the first whose conditions all hold.
    #[inline(never)]
    pub fn choose(&self, subject: &Subject) -> u8 {
        if self.off || self.observing { 0 } else { self.rules.choose(subject) }
    }

    /// The tuning with this index; the base if no rule has it.
    pub fn tuning(&self, index: u8) -> &Tuning {
        static OFF: Tuning = Tuning::OFF;
        if index == UNTOUCHED { &OFF } else { self.rules.tuning(index).unwrap_or(&self.base) }
    }

    /// Does any tuning set further socket options?
    pub fn sets_options(&self) -> bool {
        !self.observing && (!self.base.set.is_empty() || self.rules.set_options())
    }

    /// Writes rule `index`, counted from 1, in the form in which rules are read.
    pub fn describe_rule(&self, index: u8, put: &mut dyn FnMut(&[u8])) {
        self.rules.describe(index, put);
    }

    /// Is there any pattern to compare the program's names with?
    pub fn names_wanted(&self) -> bool {
        self.programs.any()
    }

    /// Is a program with this file and this `argv[0]` to be tuned?
    #[inline(never)]
    pub fn wants_program(&self, exe_path: &[u8], argv0: &[u8]) -> bool {
        self.programs.want(exe_path, argv0)
    }
}

/// A whole number from 0 to 100.
fn percent(text: &[u8]) -> Option<u8> {
    number::plain(text).and_then(|share| u8::try_from(share).ok()).filter(|share| *share <= 100)
}
