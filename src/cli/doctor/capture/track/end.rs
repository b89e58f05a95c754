//! One end of a connection: how far it is from the place of the capture, and what it sends.
//!
//! A piece that was held by Nagle's algorithm leaves the moment the acknowledgement of the one before it arrives:
//!
//! ```text
//! sender    place of the capture      receiver
//!   |--- A --------->|------------------>|
//!   |                |                   |  delays its acknowledgement
//!   |<---------------|<------------------|  K: acknowledges all, carries no data
//!   |--- B --------->|                   |  B: less than a segment
//! ```
//!
//! From K to B passes exactly the time to the sender and back, wherever the capture was made; at the sender that is nothing, at the
//! receiver a round trip. The wait, from A to B, is the same everywhere. A program that wrote B later by itself meets that moment by
//! chance, and mostly misses it.

use std::hash::{DefaultHasher, Hash, Hasher};

use tcptune_policy::stall::Path;

use super::super::packets::Segment;
use super::seq::before;
use super::ticks::cork_holds;
use super::time::MS;
use super::waits::{Sum, Wait};

/// The largest segment on an Ethernet, where nothing is known.
const USUAL_MSS: u32 = 1448;
/// A segment that has more behind it, of at least so many bytes, shows how large they get on this path.
const LEAST_FULL: u32 = 500;
/// What timestamps take from a segment.
const STAMPS: u32 = 12;
/// Shorter waits are not looked for: two pieces of a program may as well be so far apart.
const SHORTEST: i64 = 4 * MS;
/// An acknowledgement that is later than this was delayed: timers of systems begin at 10 ms, less a tick.
const DELAYED: i64 = 8 * MS;
/// And no system delays one for longer (RFC 1122, 4.2.3.2), and a round trip.
const LONGEST: i64 = 600 * MS;
/// By how much a piece may miss the moment: the machine may do something else.
const LATE: i64 = MS;
/// By how much more, where it is known that pieces are held: its way, or that of the acknowledgement, took longer than others.
const DELAYED_ON_ITS_WAY: i64 = 10 * MS;
/// Pauses in which a timer of 200 ms may have had a part.
const TIMER: std::ops::Range<i64> = 100 * MS..500 * MS;
/// A packet that comes again sooner is the same one, captured twice: retransmissions wait for longer.
const TWICE: i64 = 50 * MS;
/// So many packets back it is looked for.
const RECENT: usize = 8;

/// The last piece of data that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    time: i64,
    length: u32,
    /// Its end was less than a segment: then Nagle's algorithm holds the next that is (Linux; others hold it behind any).
    partial: bool,
    /// The other end has sent data since: what follows may be an answer.
    answered: bool,
    /// When an acknowledgement of all was seen, without data.
    acknowledged: Option<i64>,
}

/// When a small piece left.
enum Left {
    /// The moment that the acknowledgement of the one before arrived.
    WithIt,
    /// A little later.
    Soon,
    /// At another time.
    Otherwise,
}

#[derive(Clone, Debug, Default)]
pub struct End {
    /// Something from it was seen.
    pub seen: bool,
    /// The first number after what was seen.
    pub next: Option<u32>,
    /// The number of its SYN.
    pub first: Option<u32>,
    pub finished: bool,
    /// The first acknowledgement of it that was seen, and the last.
    acks: Option<(u32, u32)>,
    /// The shortest time from here to it and back.
    pub reach: Option<i64>,
    /// The largest segment it takes, as it said.
    mss: Option<u32>,
    /// The largest that it sends, as was seen.
    full: Option<u32>,
    stamps: bool,
    /// A segment whose acknowledgement is waited for, to know the way: the number after it, and when it came by.
    timed: Option<(u32, i64)>,
    /// A timestamp, likewise.
    stamped: Option<(u32, i64)>,
    newest_stamp: Option<u32>,
    last: Option<Sent>,
    /// When anything of it was seen last.
    last_packet: Option<i64>,
    /// Its window is closed: what the other end sends waits for it to open.
    shut: bool,
    recent: [(u64, i64); RECENT],
    oldest: usize,
    pub sum: Sum,
}

impl End {
    /// Was this packet seen a moment ago? On several interfaces at once (`tcpdump -i any`) each may be.
    pub fn is_copy(&mut self, segment: &Segment) -> bool {
        // The time of both counts beside what they hold: a hash of that is enough.
        let mut hasher = DefaultHasher::new();
        let Segment { seq, ack, length, window, stamps, syn, fin, .. } = *segment;
        (seq, ack, length, window, stamps, syn, fin).hash(&mut hasher);
        let mark = hasher.finish();
        let known = self.recent.iter().any(|&(m, at)| m == mark && segment.time.saturating_sub(at) < TWICE);
        if !known && let Some(place) = self.recent.get_mut(self.oldest % RECENT) {
            *place = (mark, segment.time);
            self.oldest = (self.oldest + 1) % RECENT;
        }
        known
    }

    /// What a segment of this end says of its distance: it answers what `other` has sent.
    pub fn measure(&mut self, segment: &Segment, other: &mut End) {
        let now = segment.time;
        let mut shorter = |since: i64| {
            let took = now.saturating_sub(since).max(0);
            self.reach = Some(self.reach.map_or(took, |reach| reach.min(took)));
        };
        if let (Some(ack), Some((end, since))) = (segment.ack, other.timed)
            && !before(ack, end)
        {
            shorter(since);
            other.timed = None;
        }
        let Some((own, echo)) = segment.stamps else { return };
        if let (Some(_), Some((stamp, since))) = (segment.ack, other.stamped)
            && !before(echo, stamp)
        {
            shorter(since);
            other.stamped = None;
        }
        if self.newest_stamp.is_none_or(|newest| before(newest, own)) {
            // Only the first packet of a stamp tells: it may be that which is echoed.
            self.stamped = self.stamped.or(Some((own, now)));
            self.newest_stamp = Some(own);
        }
    }

    /// The other end has acknowledged so much, in this segment.
    pub fn acknowledged(&mut self, ack: u32, segment: &Segment, was_shut: bool) {
        let Some(next) = self.next else { return };
        if before(next, ack) {
            // It has got what we have not seen.
            self.sum.missing += 1;
            self.next = Some(ack);
            self.last = None;
            return;
        }
        let Some(last) = &mut self.last else { return };
        if segment.length > 0 {
            last.answered = true;
        } else if ack == next && !was_shut && segment.window > 0 {
            last.acknowledged = last.acknowledged.or(Some(segment.time));
        }
    }

    /// What the header of a segment of this end says. True: its window was closed before.
    pub fn note(&mut self, segment: &Segment) -> bool {
        let was_shut = self.shut;
        self.seen = true;
        self.shut = segment.window == 0 && !segment.rst;
        self.mss = segment.mss.map(u32::from).or(self.mss);
        self.stamps |= segment.stamps.is_some();
        if segment.syn {
            self.first = Some(segment.seq);
        }
        self.finished |= segment.fin || segment.rst;
        if let Some(ack) = segment.ack.filter(|_| !segment.syn) {
            self.acks = Some((self.acks.map_or(ack, |(first, _)| first), ack));
        }
        was_shut
    }

    /// Has it acknowledged data?
    pub fn has_received(&self) -> bool {
        self.acks.is_some_and(|(first, last)| last.wrapping_sub(first) > 1)
    }

    pub fn passed(&mut self, segment: &Segment) {
        self.last_packet = Some(segment.time);
    }

    /// It has sent something that takes numbers: data, SYN, FIN.
    pub fn sent(&mut self, segment: &Segment, other: &End) {
        let Segment { seq, length, time, .. } = *segment;
        let end = seq.wrapping_add(length).wrapping_add((segment.syn || segment.fin).into());
        match self.next {
            // Asks whether the other end is still there.
            Some(next) if length <= 1 && seq == next.wrapping_sub(1) && !segment.syn => return,
            Some(next) if before(seq, next) => {
                // Sent again, or come late: what is acknowledged when says nothing now.
                (self.last, self.timed) = (None, None);
                if before(next, end) {
                    self.next = Some(end);
                }
                return;
            }
            Some(next) if seq != next => {
                self.sum.missing += 1;
                (self.last, self.timed) = (None, None);
            }
            _ => {}
        }
        self.next = Some(end);
        self.timed = self.timed.or(Some((end, time)));
        if length == 0 {
            return;
        }
        let mss = self.mss(other);
        if !segment.push && (LEAST_FULL..=mss).contains(&length) {
            self.full = self.full.max(Some(length));
        }
        let mss = self.mss(other);
        self.sum.segments += u64::from(length.div_ceil(mss));
        self.sum.bytes += u64::from(length);
        if length < mss {
            self.sum.small += 1;
            self.judge(segment, other);
        }
        self.last = Some(Sent { time, length, partial: length % mss != 0, answered: false, acknowledged: None });
    }

    /// The largest segment that goes to the other end.
    pub fn mss(&self, other: &End) -> u32 {
        let stamps = if self.stamps { STAMPS } else { 0 };
        let said = other.mss.map(|mss| mss.saturating_sub(stamps).max(1));
        self.full.or(said).unwrap_or(USUAL_MSS)
    }

    pub fn round_trip(&self, other: &End) -> i64 {
        self.reach.unwrap_or(0).saturating_add(other.reach.unwrap_or(0))
    }

    /// A small piece: did it wait?
    fn judge(&mut self, segment: &Segment, other: &End) {
        let now = segment.time;
        let reach = self.reach.unwrap_or(0);
        if let Some(last) = self.last
            && !last.answered
        {
            let pause = now.saturating_sub(last.time);
            match self.on_acknowledgement(&last, now, other) {
                Some(Left::WithIt) => {
                    let heard = last.acknowledged.unwrap_or(now);
                    self.sum.scatter.add(pause, now.saturating_sub(heard));
                    self.sum.nagle.add(Wait { time: pause, left: last.length, held: segment.length });
                    return;
                }
                Some(Left::Soon) => {
                    self.sum.against += 1;
                    self.sum.soon = (self.sum.soon.0 + 1, self.sum.soon.1.saturating_add(pause));
                }
                Some(Left::Otherwise) => self.sum.against += 1,
                None => {}
            }
        }
        // Else: as long after the last that was heard or said as the kernel holds what is corked?
        let heard = other.last_packet.map(|time| time.saturating_add(reach));
        let Some(since) = self.last.map(|last| last.time).max(heard) else { return };
        let pause = now.saturating_sub(since);
        if cork_holds(self.round_trip(other)).contains(&pause) {
            self.sum.corked.add(Wait { time: pause, left: 0, held: segment.length });
            self.sum.ticks.add(now);
        } else if TIMER.contains(&pause) {
            self.sum.uncorked += 1;
        }
    }

    /// Did it leave with the acknowledgement? None: nothing can be said.
    fn on_acknowledgement(&self, last: &Sent, now: i64, other: &End) -> Option<Left> {
        let (here, there) = (self.reach.unwrap_or(0), other.reach.unwrap_or(0));
        let round_trip = here.saturating_add(there);
        let pause = now.saturating_sub(last.time);
        if !(SHORTEST..=LONGEST.saturating_add(round_trip)).contains(&pause) {
            return None;
        }
        let Some(acknowledged) = last.acknowledged else {
            // It left although a small piece was unacknowledged: no rule held it.
            return last.partial.then_some(Left::Otherwise);
        };
        let delay = acknowledged.saturating_sub(last.time).saturating_sub(there);
        let prompt = delay < DELAYED;
        // Of prompt ones only those that were long on their way can have kept anything waiting.
        if prompt && (!last.partial || round_trip < SHORTEST) {
            return None;
        }
        let after = acknowledged.saturating_add(here);
        let late = now.saturating_sub(after);
        let unsure = if prompt { round_trip / 8 } else { LATE.saturating_add(here / 8) };
        // The time in which another may come by chance is as long as an acknowledgement takes.
        let near = i64::from(path(round_trip).longest_delay()).saturating_mul(MS / 1000);
        match late {
            _ if late < -unsure => last.partial.then_some(Left::Otherwise),
            _ if late <= unsure => Some(Left::WithIt),
            _ if late <= unsure + DELAYED_ON_ITS_WAY => Some(Left::Soon),
            _ => (late <= near).then_some(Left::Otherwise),
        }
    }
}

/// A round trip as the rule for delayed acknowledgements wants it.
fn path(round_trip: i64) -> Path {
    let microseconds = u32::try_from(round_trip / (MS / 1000)).unwrap_or(u32::MAX);
    Path { round_trip: microseconds, deviation: 0, shortest: microseconds }
}
