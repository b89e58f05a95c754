//! What has been learned in this process: what each service and each place still owes, how often something was late, and for
//! how long threads are watched closely. Shared by all threads; belongs to this process alone ([`Habits::forked`]).

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use super::owed::Owed;

/// Services told apart. More share what they learn, which costs segments, nothing else.
pub const SERVICES: usize = 64;
/// Bits of a socket's history: the lengths of its last two bursts, each 1, 2, or 3 for more.
pub const HISTORY_BITS: u32 = 4;
/// Numbers of calls that are told apart in a burst: 1 to 14, and 15 for all later ones, which are not held.
pub(super) const POSITIONS: u32 = 16;
/// The last of them, and the part of a place's index that says the number.
pub(super) const LAST: u32 = POSITIONS - 1;
const POSITION_BITS: u32 = POSITIONS.trailing_zeros();
/// Where a place's index, and a socket's word, has the service.
pub const SERVICE_AT: u32 = POSITION_BITS + HISTORY_BITS;
const PLACES: usize = SERVICES << SERVICE_AT;
/// The part of a socket's word that says its history and its service: a place's index but for the position.
pub const PLACE_MASK: u32 = (PLACES as u32 - 1) & !(POSITIONS - 1);

/// A place at which a thread once went elsewhere owes so much, the first time that this happens in the process; twice as much each
/// further time, so often. (Once may be a runtime that is still warming up.)
const DISTRUST: u32 = 64;
const DISTRUST_DOUBLES: u8 = 4;
/// Bursts for which threads are watched after something could not be told.
const WATCH: u32 = 1_000;

/// Before the last so many confirmations of a service the kernel is asked what no hook has seen.
const ASKS: u32 = 3;
/// What a service owes whose thread has slept unseen, the first time; twice as much each further time, so often.
const SLEPT: u32 = 8;
const SLEPT_DOUBLES: u8 = 7;
/// After so many single calls in a row not each is looked at any more.
const SINGLES: u32 = 64;

/// What has been learned. What is small comes first, so that it shares a page.
#[derive(Debug)]
#[repr(C)]
pub struct Habits {
    services: [Owed; SERVICES],
    /// How often a service's thread has slept unseen, up to [`SLEPT_DOUBLES`].
    slept: [AtomicU8; SERVICES],
    /// For so many more bursts, what their threads have used is asked when they begin.
    watch: AtomicU32,
    /// How many bursts in a row were single calls after single calls, up to [`SINGLES`].
    singles: AtomicU32,
    /// How often a thread went elsewhere, up to [`DISTRUST_DOUBLES`].
    distrusted: AtomicU8,
    /// How often held data was late.
    strikes: AtomicU8,
    places: [Owed; PLACES],
}

impl Habits {
    /// Nothing learned: nothing is held.
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

    /// What the service of a place owes.
    #[inline(always)]
    pub(super) fn service(&self, place: u32) -> &Owed {
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        &self.services[(place >> SERVICE_AT) as usize & (SERVICES - 1)]
    }

    /// What a place owes. The calls that have none share the last, which is never asked about.
    #[inline(always)]
    pub(super) fn place(&self, place: u32) -> &Owed {
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        &self.places[place as usize & (PLACES - 1)]
    }

    /// Is the kernel to be asked while a service owes so much?
    #[inline(always)]
    pub(super) fn asks(owes: u32) -> bool {
        owes.wrapping_sub(1) < ASKS
    }

    /// The thread has slept on its way to the place to let go, too shortly to be seen by the clock. (Some programs do so now and
    /// then, for a lock; others each time.)
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

    /// A burst begins that is like two before it, of one call. Has nothing else been learned lately?
    #[inline(always)]
    pub(super) fn are_single(&self) -> bool {
        let singles = self.singles.load(Relaxed);
        if singles < SINGLES {
            self.singles.store(singles.wrapping_add(1), Relaxed);
        }
        singles >= SINGLES
    }

    /// Is what threads have used asked when bursts begin?
    #[inline(always)]
    pub(super) fn watches(&self) -> bool {
        self.watch.load(Relaxed) != 0
    }

    /// Is it to be asked now? One burst less is then to be watched.
    pub(super) fn watch_one(&self) -> bool {
        let watch = self.watch.load(Relaxed);
        self.watch.store(watch.saturating_sub(1), Relaxed);
        watch != 0
    }

    /// A thread was late, and it could not be told, or only just, what it had done.
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

    /// Held data was late. The first time may be an accident, if it is not sure that the program is to blame; the third time
    /// the process has shown that it cannot be foreseen. All its services pay: they are one program's.
    pub(super) fn strike(&self, sure: bool) {
        let strikes = self.strikes.load(Relaxed);
        self.strikes.store(strikes.saturating_add(1), Relaxed);
        let price = match strikes {
            0 if !sure => return,
            0 => 1_000,
            1 => 100_000,
            _ => return self.services.iter().for_each(Owed::never),
        };
        if strikes == 1 {
            self.watch_for(1_000_000);
        }
        self.services.iter().for_each(|service| service.owe(price));
    }

    /// How often held data was late.
    pub fn strikes(&self) -> u8 {
        self.strikes.load(Relaxed)
    }

    /// This process is a child of the one that has learned: what its threads do has to be seen here. What was distrusted stays
    /// so.
    pub fn forked(&self) {
        self.services.iter().for_each(Owed::deny);
    }
}

/// The price of something that has happened so many times before, `most` at the most; once more from now on.
fn doubled(price: u32, times: &AtomicU8, most: u8) -> u32 {
    let before = times.load(Relaxed);
    if before < most {
        times.store(before.wrapping_add(1), Relaxed);
    }
    price.wrapping_shl(before.into())
}
