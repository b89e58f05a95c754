//! What was seen on one service of one program: sums over its connections, whichever source they come from.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::hold::DELAYED;
use super::paced::{Paced, Pacing};
use super::program::Program;
use super::sample::Sample;
pub use super::side::Side;
use super::spaces::End;
use super::track::Track;
pub use super::waits::Waits;
use super::waits::is_corked;
use super::watch::{Options, Seen, Watch};
use crate::units::home::Home;

/// The port of services that were put together (pooled.rs).
pub const SEVERAL_PORTS: u16 = 0;
/// Three delayed acknowledgements.
const SEVERAL: Duration = Duration::from_millis(120);

/// What tells services apart: the program, its end, and the remote address and port, or the local port of a server.
#[derive(Clone, Debug)]
pub struct Service {
    pub program: Program,
    pub side: Side,
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// What is equal for all connections of a service.
pub type Key = (PathBuf, String, Side, Option<IpAddr>, u16);

impl Service {
    /// The one that a connection belongs to.
    pub fn of(watch: &Watch, seen: &Seen) -> Self {
        let program = seen.pid.and_then(|pid| watch.programs.get(&pid)).cloned().unwrap_or_default();
        let track = &seen.track;
        let (side, address, port) = match track.server {
            true => (Side::Server, None, track.local.port()),
            false => (Side::Client, Some(track.peer.ip()), track.peer.port()),
        };
        Self { program, side, address, port }
    }

    pub fn key(&self) -> Key {
        let (file, command) = self.program.identity();
        (file, command, self.side, self.address, self.port)
    }

    pub fn shown(&self) -> String {
        match self.address {
            Some(ip) if self.port == SEVERAL_PORTS => format!("{ip} (several ports)"),
            None if self.port == SEVERAL_PORTS => "clients of several ports".to_owned(),
            Some(ip) => SocketAddr::new(ip, self.port).to_string(),
            None => format!("clients of port {}", self.port),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Evidence {
    pub service: Service,
    pub pids: Vec<u32>,
    /// It is the other end of connections of the processes in question.
    pub other_end: bool,
    /// One of its connections, the one that waited most.
    pub example: Option<(SocketAddr, SocketAddr)>,
    pub connections: u64,
    pub exchanges: u64,
    /// Only a part of the time was looked at closely, and stands for the rest.
    pub sampled: bool,
    /// Under Nagle's algorithm.
    pub nagle: Waits,
    /// What the program itself held back, by TCP_CORK or MSG_MORE.
    pub cork: Waits,
    /// The peer's, for our delayed acknowledgement.
    pub peer: Waits,
    /// Under Nagle's algorithm too, where the acknowledgement came with an answer to something else in flight.
    pub paced: Option<Pacing>,
    /// How often acknowledgements without data were seen to go.
    pub bare_acks: u64,
    /// Time in which these connections were in use, added up.
    pub span: Duration,
    /// Pieces that were held, and how long a piece of data was held on average, those among them that were not held at all.
    pub pieces: u64,
    pub mean_delay: Duration,
    pub round_trip: Duration,
    /// Sizes of the pieces before a wait: what left, what was held.
    pub pattern: Vec<u64>,
    pub options: Option<Options>,
    pub bytes_sent: u64,
    pub segments: u64,
    /// Segments in which the same answers would fit.
    pub fewest_segments: u64,
    /// Calls that sent data, and those among them that were the eighth and later tiny one in a row; where that was counted.
    pub calls: u64,
    pub flood_calls: u64,
    /// What the library held there.
    pub holds: Holds,
    /// Of the span: time in which a stall would have gone unseen.
    pub hidden: Duration,
    /// Connections of which the kernel did not tell what is held.
    pub untold: u64,
    /// Segments with data that came from ends that are watched too.
    pub watched: u64,
}

/// What the library itself held, where it counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holds {
    pub count: u64,
    /// Of these, for more than a millisecond, but for those where the machine ran something else …
    pub late: u64,
    /// … and how long at most.
    pub longest: Duration,
}

impl Evidence {
    /// Of a service of which nothing was seen.
    pub fn of(service: Service, pids: Vec<u32>) -> Self {
        Self {
            service,
            pids,
            other_end: false,
            example: None,
            connections: 0,
            exchanges: 0,
            sampled: false,
            nagle: Waits::default(),
            cork: Waits::default(),
            peer: Waits::default(),
            paced: None,
            bare_acks: 0,
            span: Duration::ZERO,
            pieces: 0,
            mean_delay: Duration::ZERO,
            round_trip: Duration::ZERO,
            pattern: Vec::new(),
            options: None,
            bytes_sent: 0,
            segments: 0,
            fewest_segments: 0,
            calls: 0,
            flood_calls: 0,
            holds: Holds::default(),
            hidden: Duration::ZERO,
            untold: 0,
            watched: 0,
        }
    }

    /// Did so much of the time pass unseen that several stalls would not have shown?
    pub fn hides_stalls(&self) -> bool {
        // Of what is only sampled, nothing is known of the rest: it counts like waits that were seen.
        let part = if self.sampled { 100 } else { 2 };
        self.hidden * part > self.span && self.hidden > SEVERAL
    }

    /// Does data go one way, so that exchanges say nothing? Then there are more waits than answers, or many pieces in a wait.
    pub fn is_stream(&self) -> bool {
        let waits = self.nagle.count + self.cork.count;
        self.exchanges * 2 < waits || self.pieces > waits * 3
    }
}

/// A service with its connections.
type Group<'s> = (Service, Vec<&'s Seen>);

/// The evidence from the kernel's view of each connection.
pub fn from_kernel(watch: &Watch) -> Vec<Evidence> {
    let mut groups: HashMap<(Key, bool, Option<&Home>), Group<'_>> = HashMap::new();
    let ends: HashSet<End> = watch.seen.values().map(|seen| seen.track.end()).collect();
    for seen in watch.seen.values() {
        let service = Service::of(watch, seen);
        let home = seen.pid.and_then(|pid| watch.homes.get(&pid)?.as_ref());
        let (_, group) = groups.entry((service.key(), seen.other_end, home)).or_insert((service, Vec::new()));
        group.push(seen);
    }
    let mut all: Vec<Evidence> = groups
        .into_iter()
        .map(|((_, other_end, _), (service, group))| sum(service, other_end, &group, &ends, watch.is_sampling()))
        .collect();
    all.sort_by_key(|e| std::cmp::Reverse(e.nagle.total + e.cork.total + e.peer.total));
    all
}

/// `ends`: of all connections that were watched, as each end has its addresses. `sampled`: not all were to be seen closely.
fn sum(service: Service, other_end: bool, group: &[&Seen], ends: &HashSet<End>, sampled: bool) -> Evidence {
    let most = group.iter().max_by_key(|seen| seen.track.waited());
    let options = group.iter().find_map(|seen| seen.options);
    let (paced, exchanging): (Vec<&Seen>, Vec<&Seen>) =
        group.iter().partition(|seen| is_paced(&seen.track, seen.options));
    let mut pids: Vec<u32> = group.iter().filter_map(|seen| seen.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let count =
        |of: fn(&Seen) -> u64| group.iter().map(|seen| (of(seen) as f64 * seen.weight).round() as u64).sum::<u64>();
    let bytes_sent = count(|seen| seen.track.bytes_sent());
    let both = |seen: &&&Seen| ends.contains(&seen.track.other_end());
    let mut sample = Sample::default();
    for seen in group.iter().filter(|_| sampled) {
        sample.add(seen.track.suspect, seen.weight, both(&seen));
    }
    let of_other = if sampled { sample.other() } else { unseen_of_other(group) };
    Evidence {
        pids,
        other_end,
        example: most.map(|seen| (seen.track.local, seen.track.peer)),
        connections: count(|seen| u64::from(seen.track.was_used())),
        exchanges: count(|seen| seen.track.segments_in().min(seen.track.segments_out()).into()),
        sampled: sample.is_needed(),
        nagle: Waits::seen(&exchanging, sample.own(), |wait, options| !is_corked(wait, options)),
        cork: Waits::seen(group, sample.own(), is_corked),
        // Where the other end is watched closely too, what it holds is seen there.
        peer: Waits::of(
            group
                .iter()
                .filter(|seen| !(sampled && both(seen)))
                .flat_map(|seen| seen.track.other.waits.iter().copied())
                .collect(),
        )
        .times(of_other),
        paced: pacing(&paced),
        bare_acks: (count(|seen| seen.track.other.bare_acks.into()) as f64 * of_other).round() as u64,
        span: group.iter().map(|seen| seen.track.span().mul_f64(seen.weight)).sum(),
        pieces: exchanging.iter().flat_map(|seen| &seen.track.waits).map(|wait| u64::from(wait.pieces)).sum(),
        mean_delay: mean_delay(&exchanging),
        round_trip: group.iter().map(|seen| seen.track.round_trip()).filter(|t| !t.is_zero()).min().unwrap_or_default(),
        pattern: pattern(
            exchanging.iter().flat_map(|s| &s.track.waits).map(|w| (w.in_flight, w.held.into())).collect(),
        ),
        options,
        bytes_sent,
        segments: count(|seen| seen.track.segments_out().into()),
        fewest_segments: count(fewest),
        calls: 0,
        flood_calls: 0,
        holds: Holds::default(),
        hidden: match sample.is_needed() {
            true => sample.hidden(),
            false => group.iter().map(|seen| seen.track.hidden.time(both(&seen))).sum(),
        },
        untold: count(|seen| u64::from(!seen.track.told())),
        watched: group.iter().filter(both).map(|seen| u64::from(seen.track.segments_in())).sum(),
        service,
    }
}

/// Do its requests wait for acknowledgements that come with answers: most of the time for no delayed ones, and by no holding of the
/// program's own?
fn is_paced(track: &Track, options: Option<Options>) -> bool {
    let own = options.is_some_and(|options| options.nodelay || options.cork);
    let delayed = track.waits.iter().map(|wait| wait.duration).filter(|time| *time >= track.round_trip() + DELAYED);
    track.paced.is_paced() && !own && delayed.sum::<Duration>().as_secs_f64() * 2.0 <= track.paced.holding
}

/// What connections of that kind have in common.
fn pacing(group: &[&Seen]) -> Option<Pacing> {
    let mut all = Paced::default();
    let mut held = Duration::ZERO;
    for seen in group {
        all.add(&seen.track.paced);
        held += seen.track.span().mul_f64(seen.weight * seen.track.paced.share());
    }
    (!group.is_empty()).then(|| all.pacing(held))
}

/// By how much to multiply what was seen of the other ends' waits.
fn unseen_of_other(group: &[&Seen]) -> f64 {
    let waits = |seen: &&Seen| seen.track.other.waits.len() as f64;
    let all: f64 = group.iter().map(waits).sum();
    let times = |seen: &&Seen| waits(seen) * seen.track.hidden.times(seen.track.span());
    if all > 0.0 { group.iter().map(times).sum::<f64>() / all } else { 1.0 }
}

/// See there.
fn mean_delay(group: &[&Seen]) -> Duration {
    let waits = || group.iter().flat_map(|seen| &seen.track.waits);
    let held: u32 = waits().map(|wait| wait.pieces).sum();
    // What is let go leaves in one segment; each of the others was a piece that did not wait.
    let segments: u32 = group.iter().map(|seen| seen.track.segments_out()).sum();
    let others = segments.saturating_sub(u32::try_from(waits().count()).unwrap_or(u32::MAX));
    waits().map(|wait| wait.delay).sum::<Duration>() / held.saturating_add(others).max(1)
}

/// How few segments could have carried what a connection sent, one answer at a time.
fn fewest(seen: &Seen) -> u64 {
    let track = &seen.track;
    let answers = u64::from(track.segments_in().min(track.segments_out())).max(1);
    let each = (track.bytes_sent() / answers).max(1);
    answers * each.div_ceil(u64::from(track.mss().max(1)))
}

/// The middle one of the pairs.
pub fn pattern(mut pairs: Vec<(u64, u64)>) -> Vec<u64> {
    pairs.sort_unstable();
    match pairs.get(pairs.len() / 2) {
        Some(&(0, held)) => vec![held],
        Some(&(left, held)) => vec![left, held],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_paced;
    use crate::os::netlink::{Key, Sighting};
    use crate::os::tcp_info::TcpInfo;
    use crate::stalls::track::Track;
    use crate::stalls::watch::Options;
    use std::time::{Duration, Instant};

    /// A piece is held for so many milliseconds of each sixty; in the others a hundred exchanges pass.
    fn watch(held: u32) -> Track {
        let (local, peer) = (([127, 0, 0, 1], 40_000).into(), ([127, 0, 0, 1], 143).into());
        let key = Key::default();
        let sighting = Sighting { cookie: 1, inode: 1, listening: false, local, peer, info: TcpInfo::IDLE, key };
        let start = Instant::now();
        let mut track = Track::new(&sighting, false, false, start);
        for ms in (2..=600).step_by(2) {
            let (round, at): (u32, u32) = (ms / 60, ms % 60);
            let quick = round * 100 + at.saturating_sub(held);
            let holds = at < held;
            let info = TcpInfo {
                unacked: 1,
                notsent: if holds { 2 } else { 0 },
                bytes_sent: (quick * 10).into(),
                bytes_acked: (quick * 10 - quick % 2).into(),
                data_segments_in: quick,
                // The acknowledgement of what was held came by itself.
                segments_in: quick + round,
                ..TcpInfo::IDLE
            };
            track.look(info, start + Duration::from_millis(ms.into()));
        }
        track.finish();
        track
    }

    #[test]
    fn what_waits_for_delayed_acknowledgements_is_not_paced_however_much_else_is_answered() {
        let stalls = watch(42);
        assert!(stalls.paced.is_paced() && stalls.waits.len() > 8, "{:?}", stalls.paced);
        assert!(!is_paced(&stalls, None));
        assert!(is_paced(&watch(16), None));
    }

    #[test]
    fn what_the_program_holds_itself_is_not_paced() {
        for (nodelay, cork, paced) in [(false, false, true), (true, false, false), (false, true, false)] {
            assert_eq!(is_paced(&watch(16), Some(Options { nodelay, cork })), paced, "{nodelay} {cork}");
        }
    }
}
