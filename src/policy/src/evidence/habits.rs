//! What has been learned in this process: how many confirmations each service and each place still owes, how often held
//! data was late, and for how many more bursts threads are watched. Shared by all threads. A forked child starts over
//! ([`Habits::forked`]).

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use super::owed::Owed;

/// Number of services. If there are more, some share what they learn, which costs segments and nothing else.
pub const SERVICES: usize = 64;
/// Number of bits for a socket's history: the lengths of its last two bursts, each 1, 2, or 3 for more.
pub const HISTORY_BITS: u32 = 4;
/// Number of positions in a burst: 1 to 14 for its first calls, 15 for all later ones, which are not held.
pub(super) const POSITIONS: u32 = 16;
/// The last position; also the mask of the position in a place's index.
pub(super) const LAST: u32 = POSITIONS - 1;
const POSITION_BITS: u32 = POSITIONS.trailing_zeros();
/// Bit position of the service, in a place's index and in a socket's word.
pub const SERVICE_AT: u32 = POSITION_BITS + HISTORY_BITS;
const PLACES: usize = SERVICES << SERVICE_AT;
/// Mask of the service and the history in a socket's word: the index of a place without the position.
pub const PLACE_MASK: u32 = (PLACES as u32 - 1) & !(POSITIONS - 1);

/// How many confirmations a place owes after a thread went elsewhere there: this many the first time in the process,
/// and twice as many each further time, up to [`DISTRUST_DOUBLES`] times. (A single time may be a runtime that is still
/// warming up.)
const DISTRUST: u32 = 64;
const DISTRUST_DOUBLES: u8 = 4;
/// For how many bursts threads are watched after one was late and the kernel could not tell why.
const WATCH: u32 = 1_000;

/// The kernel is asked what no hook has seen before each of a service's last confirmations; this many of them.
const ASKS: u32 = 3;
/// How many confirmations a service owes after its thread slept unseen: this many the first time, and twice as many
/// each further time, up to [`SLEPT_DOUBLES`] times.
const SLEPT: u32 = 8;
const SLEPT_DOUBLES: u8 = 7;
/// After this many single calls in a row, only one in some (quick.rs) is looked at.
const SINGLES: u32 = 64;

/// What has been learned. What is small comes first, so that it shares a page.
#[derive(Debug)]
#[repr(C)]
pub struct Habits {
    services: [Owed; SERVICES],
    /// How often the thread of a service has slept unseen, up to [`SLEPT_DOUBLES`].
    slept: [AtomicU8; SERVICES],
    /// For how many more bursts the kernel is asked, at their beginning, what the thread has used.
    watch: AtomicU32,
    /// How many bursts in a row were a single call after two single calls, up to [`SINGLES`].
    singles: AtomicU32,
    /// How often a thread went elsewhere, up to [`DISTRUST_DOUBLES`].
    distrusted: AtomicU8,
    /// How often held data was late.
    strikes: AtomicU8,
    places: [Owed; PLACES],
}

impl Habits {
    /// Nothing learned yet, so nothing is held.
    #[expect(clippy::new_without_default, reason = "made once, for a static")]
    pub const fn new() -> Habits {
        Habits {
            services: [const { Owed::new() }; SERVICES],
            slept: [const { AtomicU8::new(0) }; SERVICES],
            watch: AtomicU32::new(0),
            singles: AtomicU32::new(0),
            distrusted: AtomicU8::new(0),
            strikes: AtomicU8::new(0),
            places: [const { Owed::new() }; PLACES],
        }
    }

    /// The debt of a place's service.
    #[inline(always)]
    pub(super) fn service(&self, place: u32) -> &Owed {
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        &self.services[(place >> SERVICE_AT) as usize & (SERVICES - 1)]
    }

    /// The debt of a place. All calls beyond the places share the last entry, which is never read.
    #[inline(always)]
    pub(super) fn place(&self, place: u32) -> &Owed {
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        &self.places[place as usize & (PLACES - 1)]
    }

    /// Is the kernel to be asked while a service owes this many confirmations?
    #[inline(always)]
    pub(super) fn asks(owes: u32) -> bool {
        owes.wrapping_sub(1) < ASKS
    }

    /// The thread slept on its way to a release point, too briefly for the clock to show. (Some programs do so now and
    /// then, for a lock; others every time.)
    pub(super) fn slept(&self, place: u32) {
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        let slept = &self.slept[(place >> SERVICE_AT) as usize & (SERVICES - 1)];
        self.service(place).owe(doubled(SLEPT, slept, SLEPT_DOUBLES));
    }

    /// Another call has followed the one at this place.
    #[inline(always)]
    pub(super) fn followed(&self, place: u32) {
        let place = self.place(place);
        if !place.is_trusted() {
            place.confirm();
            if self.singles.load(Relaxed) != 0 {
                self.singles.store(0, Relaxed);
            }
        }
    }

    /// A burst of a single call begins, after two bursts of a single call. Has nothing else been learned lately?
    #[inline(always)]
    pub(super) fn are_single(&self) -> bool {
        let singles = self.singles.load(Relaxed);
        if singles < SINGLES {
            self.singles.store(singles.wrapping_add(1), Relaxed);
        }
        singles >= SINGLES
    }

    /// Are threads watched? Then the kernel is asked at the beginning of a burst.
    #[inline(always)]
    pub(super) fn watches(&self) -> bool {
        self.watch.load(Relaxed) != 0
    }

    /// Is this burst to be watched? If so, one burst less remains.
    pub(super) fn watch_one(&self) -> bool {
        let watch = self.watch.load(Relaxed);
        self.watch.store(watch.saturating_sub(1), Relaxed);
        watch != 0
    }

    /// A thread was late, and either the kernel could not tell why, or the thread was only preempted.
    pub(super) fn watch(&self) {
        self.watch_for(WATCH);
    }

    fn watch_for(&self, bursts: u32) {
        if self.watch.load(Relaxed) < bursts {
            self.watch.store(bursts, Relaxed);
        }
    }

    /// A thread went elsewhere after a call at this place.
    pub(super) fn distrust(&self, place: u32) {
        self.place(place).owe(doubled(DISTRUST, &self.distrusted, DISTRUST_DOUBLES));
    }

    /// Held data was late. `sure` says that the program is to blame; if not, the first time counts as an accident. The
    /// third time has shown that the process is unpredictable. All its services pay, because they belong to one
    /// program.
    pub fn strike(&self, sure: bool) {
        let strikes = self.strikes.load(Relaxed);
        self.strikes.store(strikes.saturating_add(1), Relaxed);
        let price = match strikes {
            0 if !sure => return,
            0 => 1_000,
            1 => 100_000,
            _ => return self.hold_no_more(),
        };
        if strikes == 1 {
            self.watch_for(1_000_000);
        }
        self.services.iter().for_each(|service| service.owe(price));
    }

    /// No service is ever trusted again, so nothing is held.
    pub fn hold_no_more(&self) {
        self.services.iter().for_each(Owed::never);
    }

    /// How often held data was late.
    pub fn strikes(&self) -> u8 {
        self.strikes.load(Relaxed)
    }

    /// This process is the child of a fork(2). Its threads may behave differently, so every service owes the usual
    /// confirmations again; one that owes more keeps its debt.
    pub fn forked(&self) {
        self.services.iter().for_each(Owed::deny);
    }
}

/// The price of something that has happened before: doubled for each time in `times`, of which at most `most` count.
/// Counts this time too.
fn doubled(price: u32, times: &AtomicU8, most: u8) -> u32 {
    let before = times.load(Relaxed);
    if before < most {
        times.store(before.wrapping_add(1), Relaxed);
    }
    price.wrapping_shl(before.into())
}
