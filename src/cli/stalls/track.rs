//! One connection over time: what was held back on it, and for how long. Pure: moments and numbers come in as arguments.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::hidden::{BLIND, Gap, Hidden, MOST};
use super::hold::{Hold, Wait};
use super::paced::Paced;
use super::peer::{PeerWaits, microseconds};
use super::spaces::{End, end_of};
use super::suspect::Suspect;
use crate::os::netlink::Sighting;
use crate::os::tcp_info::TcpInfo;

pub struct Track {
    /// The number of its network namespace; 0: ours.
    space: u64,
    pub local: SocketAddr,
    pub peer: SocketAddr,
    pub inode: u64,
    /// A listener here has the same port.
    pub server: bool,
    began: (Instant, TcpInfo),
    last: (Instant, TcpInfo),
    changed: Instant,
    hold: Option<Hold>,
    pub waits: Vec<Wait>,
    /// Time in which something was unsent or unacknowledged, by the kernel's count: between looks that were close enough, and
    /// between others.
    busy: [Duration; 2],
    /// What the other end seems to wait for.
    pub other: PeerWaits,
    /// The time between looks that lay too far apart, in which a stall may have gone unseen.
    pub hidden: Hidden,
    /// What may be stalls: in time that was seen, and in time that was not, because looks lay too far apart.
    pub suspect: [Suspect; 2],
    /// How much is unsent while something is in flight.
    pub paced: Paced,
}

impl Track {
    /// `fresh`: it was opened while we watched, so all that its counters show has happened since.
    pub fn new(sighting: &Sighting, server: bool, fresh: bool, now: Instant) -> Self {
        let began = if fresh { TcpInfo { mss: sighting.info.mss, ..TcpInfo::default() } } else { sighting.info };
        let info = &sighting.info;
        // What is held at the first look is the first thing that was written, or came behind what was sent last.
        let ago = match (fresh, info.bytes_acked) {
            (false, _) => Duration::ZERO,
            (true, 0..=1) => Duration::from_micros(info.busy_us),
            (true, _) => Duration::from_millis(info.last_data_sent.into()),
        };
        let ago = if info.holds() { ago } else { Duration::ZERO };
        let before = |time| now.checked_sub(time).unwrap_or(now);
        let hold = info.holds().then(|| Hold::new(before(ago), now, *info, fresh));
        // What its counters show of the time before the first look was not seen, and counts as the rest does.
        let busy = if fresh { Duration::from_micros(info.busy_us).max(ago) } else { Duration::ZERO };
        Self {
            space: sighting.key.space,
            local: sighting.local,
            peer: sighting.peer,
            inode: sighting.inode,
            server,
            began: (before(busy), began),
            last: (now, sighting.info),
            changed: now,
            hold,
            waits: Vec::new(),
            busy: [Duration::ZERO, busy - ago],
            other: PeerWaits::default(),
            hidden: Hidden::default(),
            suspect: Default::default(),
            paced: Paced::default(),
        }
    }

    pub fn look(&mut self, info: TcpInfo, now: Instant) {
        let (before, previous) = self.last;
        let moved = |i: &TcpInfo| (i.bytes_sent, i.bytes_received, i.notsent);
        if moved(&info) != moved(&previous) || info.holds() {
            self.changed = now;
        }
        let gap = now.saturating_duration_since(before);
        let same = self.hold.as_ref().is_some_and(|hold| hold.goes_on(&info));
        let blind = self.look_for_hold(info, now, before);
        let busy = Duration::from_micros(info.busy_us.saturating_sub(previous.busy_us)).min(gap);
        self.busy[usize::from(blind)] += busy;
        let came = |i: &TcpInfo| i.data_segments_in;
        let went = |i: &TcpInfo| i.data_segments_out;
        self.hidden.pass(Gap {
            time: gap,
            busy: if same { Duration::ZERO } else { busy },
            came: came(&info).wrapping_sub(came(&previous)),
            went: went(&info).wrapping_sub(went(&previous)),
        });
        self.other.look(info, previous, gap, now);
        self.suspect[usize::from(blind)].pass(&info, &previous, gap);
        self.paced.look(&info, &previous, gap, !self.server);
        self.last = (now, info);
    }

    /// Begins anew with what is there now; what is being held goes on.
    pub fn restart(&mut self, now: Instant) {
        self.began = (now, self.last.1);
        self.changed = now;
        self.waits.clear();
        self.busy = Default::default();
        self.suspect = Default::default();
        self.paced = Paced::default();
        self.hidden = Hidden::default();
        self.other.restart();
    }

    /// True: the last look is too long ago to know what was held meanwhile.
    fn look_for_hold(&mut self, info: TcpInfo, now: Instant, before: Instant) -> bool {
        let holds = info.holds();
        let gap = now.saturating_duration_since(before);
        if let Some(hold) = self.hold.as_mut().filter(|hold| hold.goes_on(&info)) {
            hold.seen += 1;
            if info.notsent > hold.info.notsent {
                let when = (now - gap / 2).saturating_duration_since(hold.began);
                hold.more.push((when, info.notsent - hold.info.notsent));
            }
            hold.info = info;
            return false;
        }
        if gap > BLIND {
            self.end_hold(before, false);
            self.hold = holds.then(|| Hold::new(now, now, info, false));
            return true;
        }
        // What was held went in between: at the last sending if another piece is held by now, else half way, for all we know.
        let sent =
            now.checked_sub(Duration::from_millis(info.last_data_sent.into())).unwrap_or(before).clamp(before, now);
        let between = if holds { sent } else { before + gap / 2 };
        self.end_hold(between, true);
        self.hold = holds.then(|| Hold::new(between, now, info, true));
        false
    }

    fn end_hold(&mut self, end: Instant, whole: bool) {
        if let Some(hold) = self.hold.take().filter(|hold| hold.seen > 1) {
            let syn = u64::from(!self.server && hold.info.unacked > 0);
            let duration = end.saturating_duration_since(hold.began);
            let (pieces, delay) = hold.pieces(duration);
            self.waits.push(Wait {
                began: hold.began,
                duration,
                pieces,
                delay,
                in_flight: hold.info.in_flight() + syn,
                held: hold.info.notsent,
                whole: whole && hold.whole,
            });
        }
    }

    /// It is no more since the last look.
    pub fn gone(&mut self, now: Instant) {
        let (before, _) = self.last;
        let gap = now.saturating_duration_since(before).min(BLIND);
        self.end_hold(before + gap / 2, gap < BLIND);
    }

    /// No more of it will be seen. What is still held counts as held until now.
    pub fn finish(&mut self) {
        self.end_hold(self.last.0, false);
    }

    /// By how much to multiply what was seen of waits for what was not: the time between looks that were too far apart counts
    /// as the rest does.
    pub fn unseen(&self) -> f64 {
        let [known, blind] = self.busy.map(|time| time.as_secs_f64());
        if known > 0.0 { (1.0 + blind / known).min(MOST) } else { 1.0 }
    }

    /// From the first look to the last one that saw something new.
    pub fn span(&self) -> Duration {
        self.changed.saturating_duration_since(self.began.0)
    }

    pub fn waited(&self) -> Duration {
        self.waits.iter().map(|wait| wait.duration).sum()
    }

    /// Bytes that were sent, or still wait to be.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_sent() + u64::from(self.last.1.notsent)
    }

    pub fn bytes_sent(&self) -> u64 {
        let sent = |info: &TcpInfo| info.bytes_sent.saturating_sub(info.bytes_resent);
        sent(&self.last.1).saturating_sub(sent(&self.began.1))
    }

    pub fn bytes_received(&self) -> u64 {
        self.last.1.bytes_received.saturating_sub(self.began.1.bytes_received)
    }

    pub fn segments_out(&self) -> u32 {
        self.last.1.data_segments_out.wrapping_sub(self.began.1.data_segments_out)
    }

    pub fn segments_in(&self) -> u32 {
        self.last.1.data_segments_in.wrapping_sub(self.began.1.data_segments_in)
    }

    pub fn mss(&self) -> u32 {
        self.last.1.mss
    }

    /// Did it carry data? Where the kernel does not say, it may have.
    pub fn was_used(&self) -> bool {
        self.bytes_written() + self.bytes_received() > 0 || !self.told()
    }

    /// Did the kernel tell all that a judgement rests on?
    pub fn told(&self) -> bool {
        self.last.1.whole
    }

    /// The shortest round trip seen by the kernel.
    pub fn round_trip(&self) -> Duration {
        microseconds(self.last.1.path().shortest())
    }

    pub fn end(&self) -> End {
        end_of(self.space, self.local, self.peer)
    }

    pub fn other_end(&self) -> End {
        end_of(self.space, self.peer, self.local)
    }

    /// From its beginning, or the first look, to the last look.
    pub fn life(&self) -> Duration {
        self.last.0.saturating_duration_since(self.began.0)
    }

    /// Was a piece held at the last look?
    pub fn holds(&self) -> bool {
        self.hold.is_some()
    }

    /// Since when the piece that was held at the last look has been seen to be.
    pub fn held_since(&self) -> Option<Instant> {
        self.hold.as_ref().map(|hold| hold.first)
    }

    /// Is a piece being held right now, and not for the first time?
    pub fn is_holding(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.seen > 1 || self.paced.is_suspect())
    }
}

#[cfg(test)]
mod tests {
    use super::Track;
    use crate::os::netlink::{Key, Sighting};
    use crate::os::tcp_info::TcpInfo;
    use std::time::{Duration, Instant};

    fn track(now: Instant) -> Track {
        let (local, peer) = (([127, 0, 0, 1], 40_000).into(), ([127, 0, 0, 1], 143).into());
        let key = Key::default();
        let sighting = Sighting { cookie: 1, inode: 1, listening: false, local, peer, info: TcpInfo::IDLE, key };
        Track::new(&sighting, false, false, now)
    }

    /// Looks every 2 ms for 90 ms: `state` gives the connection at each millisecond.
    fn watch(state: impl Fn(u32) -> TcpInfo) -> Track {
        let start = Instant::now();
        let mut track = track(start);
        for ms in (2..=90).step_by(2) {
            track.look(state(ms), start + Duration::from_millis(ms.into()));
        }
        track.finish();
        track
    }

    #[test]
    fn two_stalls_in_a_row_are_two_waits() {
        let track = watch(|ms| {
            let round = u64::from((ms - 1) / 42);
            let held = ms < 84;
            let bytes_sent = if held { 102 * round + 100 } else { 204 };
            TcpInfo {
                unacked: held.into(),
                notsent: if held { 2 } else { 0 },
                last_data_sent: (ms - 1) % 42,
                bytes_acked: 102 * round + 1,
                bytes_sent,
                bytes_received: 20 * round,
                data_segments_out: (2 * round + u64::from(held)) as u32,
                data_segments_in: round as u32,
                ..TcpInfo::IDLE
            }
        });
        assert_eq!(track.waits.len(), 2, "{:?}", track.waits);
        for wait in &track.waits {
            assert!((40..=43).contains(&wait.duration.as_millis()), "{wait:?}");
            assert_eq!((wait.in_flight, wait.held), (100, 2));
        }
        assert_eq!((track.segments_in(), track.segments_out(), track.bytes_sent()), (2, 4, 204));
    }

    #[test]
    fn what_is_seen_once_or_moves_on_is_no_wait() {
        assert!(watch(|ms| TcpInfo { notsent: u32::from(ms == 40) * 2, unacked: 1, ..TcpInfo::IDLE }).waits.is_empty());
        // Something is unsent at each look, but never the same piece.
        let busy = watch(|ms| TcpInfo { notsent: 100, unacked: 1, bytes_sent: ms.into(), ..TcpInfo::IDLE });
        assert!(busy.waits.is_empty(), "{:?}", busy.waits);
    }

    #[test]
    fn what_passed_unseen_counts_as_the_rest_does() {
        let start = Instant::now();
        let mut track = track(start);
        let mut look = |ms: u64| {
            // A stall of 42 ms follows the other.
            let round = ms / 42;
            let info = TcpInfo {
                unacked: 1,
                notsent: 2,
                last_data_sent: (ms % 42) as u32,
                bytes_sent: 102 * round + 100,
                bytes_acked: 102 * round + 1,
                busy_us: ms * 1000,
                ..TcpInfo::IDLE
            };
            track.look(info, start + Duration::from_millis(ms));
        };
        (2..=420).step_by(2).for_each(&mut look);
        // For as long a time nobody looks.
        look(840);
        track.finish();
        assert!((1.95..=2.05).contains(&track.unseen()), "{}", track.unseen());
        assert!((390..=425).contains(&track.waited().as_millis()), "{:?}", track.waited());
        assert_eq!(track.waits.iter().filter(|w| w.whole).count(), 10, "{:?}", track.waits);
    }

    #[test]
    fn a_peer_that_waits_for_our_acknowledgement_is_seen_from_here_at_any_round_trip() {
        // 100 bytes arrive; 40 ms later we acknowledge; a round trip after that 2 more bytes arrive, which we answer at once,
        // and another round trip later the next 100.
        for round_trip in [0, 1, 3, 6, 10, 14, 20, 40, 80, 200] {
            let state = |ms: u32, sends: bool| {
                let exchange = 41 + 2 * round_trip;
                let (round, at) = (u64::from(ms / exchange), ms % exchange);
                let piece = at >= 41 + round_trip;
                let since_received = if piece { at - 41 - round_trip } else { at };
                let acknowledged = at >= 40;
                TcpInfo {
                    last_data_received: since_received,
                    last_data_sent: if sends || piece { since_received } else { at + round_trip },
                    bytes_received: 102 * round + if piece { 102 } else { 100 },
                    // Each piece is acknowledged when it is read, too.
                    segments_out: (3 * round) as u32 + u32::from(acknowledged) + 2 * u32::from(piece),
                    data_segments_out: round as u32 + u32::from(piece),
                    rtt_us: round_trip * 1000 + 300,
                    min_rtt_us: round_trip * 1000 + 20,
                    ..TcpInfo::IDLE
                }
            };
            let looks = |sends: bool| {
                let start = Instant::now();
                let mut track = track(start);
                for ms in (2..=4 * (41 + 2 * round_trip)).step_by(2) {
                    let mut info = state(ms, sends);
                    if sends {
                        info.last_data_sent = info.last_data_received.saturating_sub(1);
                    }
                    track.look(info, start + Duration::from_millis(ms.into()));
                }
                track.other.waits
            };
            let waits = looks(false);
            let delays = waits.iter().all(|wait| (36..=46).contains(&wait.as_millis()));
            assert!((3..=4).contains(&waits.len()) && delays, "{round_trip} ms: {waits:?}");
            assert!(looks(true).is_empty(), "{round_trip} ms: we had answered");
        }
    }

    #[test]
    fn what_comes_at_another_time_than_on_our_acknowledgement_is_no_wait() {
        // At a round trip of 10 ms the next piece comes 60 ms after our acknowledgement, whoever paces it.
        let start = Instant::now();
        let mut track = track(start);
        for ms in (2..=1000u32).step_by(2) {
            let (round, at) = (u64::from(ms / 100), ms % 100);
            let info = TcpInfo {
                last_data_received: at,
                last_data_sent: at + 100,
                bytes_received: 100 * round + 100,
                segments_out: round as u32 + u32::from(at >= 40),
                rtt_us: 10_300,
                min_rtt_us: 10_000,
                ..TcpInfo::IDLE
            };
            track.look(info, start + Duration::from_millis(ms.into()));
        }
        assert!(track.other.waits.is_empty(), "{:?}", track.other.waits);
    }
}
