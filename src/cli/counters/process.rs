//! A file of counters as what it says: a process, its services, their arms.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::Ipv6Addr;
use std::time::{Duration, SystemTime};

use tcptune_policy::counters::{
    self as layout, Arm, ArmPlaces, CLIENT, Counter, Head, READY, SERVER, Text, head_at, service_word_at,
};

use super::arm::{ArmCounts, believed};
use super::clock::{self, Readings};
use super::file::word;
use super::samples::{self, Samples};
use super::service::{Direction, Service};
use crate::output;

/// A process that counts, or did; with the children that it forked.
#[derive(Clone, Debug)]
pub struct Process {
    /// The file's name in the directory, with that of the directory below which it is in.
    pub file: String,
    /// Its inode, by which it is told from a later one of that name.
    pub inode: u64,
    /// The process that made it, in its own namespace.
    pub pid: u64,
    /// Its effective user at that time.
    pub user: u32,
    /// Does it, or a child of it, still count?
    pub running: bool,
    pub created: SystemTime,
    /// The path of its program.
    pub program: String,
    /// Its command line, with blanks between the arguments.
    pub command: String,
    /// The settings, as the actions of a rule.
    pub settings: String,
    /// The version of its library.
    pub library: String,
    /// Does the library only observe there?
    pub observing: bool,
    /// Connections of a hundred that are left untouched.
    pub split: u64,
    /// Forked children that count here too.
    pub forks: u64,
    /// Connections that were not counted.
    pub uncounted: u64,
    /// It restricted its own system calls, or gave a thread descriptors of its own: from then on nothing was tuned or counted.
    pub restricted: bool,
    /// It was told to stop tuning, and has.
    pub detached: bool,
    pub services: Vec<Service>,
    /// Where calls came from that waited, if that was asked for.
    pub samples: Samples,
}

/// The services of several processes, those that are the same added up, servers last. What was only observed stays apart.
pub fn services<'p>(processes: impl IntoIterator<Item = &'p Process>) -> Vec<Service> {
    let mut sums: BTreeMap<_, Service> = BTreeMap::new();
    for service in processes.into_iter().flat_map(|process| &process.services) {
        match sums.entry((service.direction, service.port, service.address, service.observed)) {
            Entry::Occupied(mut sum) => sum.get_mut().add(service),
            Entry::Vacant(place) => drop(place.insert(service.clone())),
        }
    }
    sums.into_values().collect()
}

/// The most that a file may hold of each: many times what any version of the library writes, and few enough that whoever writes
/// one by hand takes little of our time and memory.
pub const SERVICES: u64 = 10 * layout::SERVICES as u64;
const SAMPLES: u64 = 4 * layout::samples::SAMPLES as u64;
const MODULES: u64 = 4 * layout::samples::MODULES as u64;

/// Which of them a file has too many of.
pub fn too_many(bytes: &[u8]) -> Option<String> {
    let limits = [
        (Head::Services, SERVICES, "services"),
        (Head::Samples, SAMPLES, "samples"),
        (Head::Modules, MODULES, "modules"),
    ];
    limits.into_iter().find_map(|(head, most, what)| {
        let count = word(bytes, head_at(head)).filter(|&count| count > most)?;
        Some(format!("has {count} {what}: no version of these files has more than {most}"))
    })
}

/// Reads a file that was found sound as a whole; None where its own places and counts do not fit into it.
pub fn parse(file: &str, bytes: &[u8], inode: u64, owner: u32) -> Option<Process> {
    let head = |at| word(bytes, head_at(at));
    let readings = Readings {
        cycles: [head(Head::FirstCycles)?, head(Head::LastCycles)?],
        nanos: [head(Head::FirstClock)?, head(Head::LastClock)?],
        since_epoch: head(Head::Created)?,
    };
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let nanos_per_tick = clock::cycle(&readings) * head(Head::CyclesPerTick)? as f64;
    let blocks = |at, size, count| -> Option<Vec<&[u8]>> {
        let (at, size, count) = (usize::try_from(head(at)?).ok()?, usize::try_from(head(size)?).ok()?, head(count)?);
        let count = usize::try_from(count).ok().filter(|&count| size >= 64 && count <= bytes.len() / 64)?;
        bytes.get(at..at.checked_add(size.checked_mul(count)?)?).map(|all| all.chunks_exact(size).collect())
    };
    let places = ArmPlaces {
        at: usize::try_from(head(Head::ArmsAt)?).ok()?,
        size: usize::try_from(head(Head::ArmSize)?).ok()?,
        counters: usize::try_from(head(Head::Counters)?).ok()?,
        answers: usize::try_from(head(Head::Answers)?).ok()?,
        stalls: usize::try_from(head(Head::Stalls)?).ok()?,
        holds: usize::try_from(head(Head::Holds)?).ok()?,
    };
    let blocks_of_services = blocks(Head::ServicesAt, Head::ServiceSize, Head::Services)?;
    let mut all = Vec::new();
    let observing = head(Head::Observing)? != 0;
    for block in &blocks_of_services {
        all.push(service(block, &places, nanos_per_tick, observing)?);
    }
    let in_use = |one: &Service| one.port != 0 || one.both().get(Counter::Connections) > 0;
    let samples = samples::parse(bytes, &blocks, &all, nanos_per_tick, raw_text(bytes, Head::PROGRAM))?;
    Some(Process {
        file: file.to_owned(),
        inode,
        pid: head(Head::Pid)?,
        user: owner,
        running: false,
        created: SystemTime::UNIX_EPOCH + Duration::from_nanos(readings.since_epoch),
        program: text(bytes, Head::PROGRAM),
        command: text_with_blanks(bytes, Head::COMMAND),
        settings: text(bytes, Head::SETTINGS),
        library: text(bytes, Head::LIBRARY),
        observing,
        split: head(Head::Split)?,
        forks: believed(head(Head::Forks)?),
        uncounted: believed(head(Head::Uncounted)?),
        restricted: head(Head::Restricted)? != 0,
        detached: head(Head::Detach)? == layout::STOPPED,
        samples,
        services: all.into_iter().flatten().filter(in_use).collect(),
    })
}

/// One service: Some(None) where nothing is.
#[expect(clippy::option_option, reason = "damaged, free, or one")]
fn service(block: &[u8], places: &ArmPlaces, nanos_per_tick: f64, observed: bool) -> Option<Option<Service>> {
    let at = |word_of| word(block, service_word_at(word_of));
    if at(layout::Service::State)? != READY {
        return Some(None);
    }
    let direction = match at(layout::Service::Direction)? {
        CLIENT => Direction::Client,
        SERVER => Direction::Server,
        _ => return None,
    };
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&at(layout::Service::AddressFirst)?.to_ne_bytes());
    octets[8..].copy_from_slice(&at(layout::Service::AddressLast)?.to_ne_bytes());
    let port = u16::try_from(at(layout::Service::Port)?).ok()?;
    let address = match direction {
        Direction::Client => Some(Ipv6Addr::from(octets).to_canonical()),
        Direction::Server => None,
    };
    let arm = |arm: Arm| -> Option<ArmCounts> {
        let from = places.at.checked_add(places.size.checked_mul(arm as usize)?)?;
        let bytes = block.get(from..from.checked_add(places.size)?)?;
        let words: Vec<u64> = bytes.chunks_exact(8).filter_map(|chunk| word(chunk, 0)).collect();
        let (counters, rest) = words.split_at_checked(places.counters)?;
        let (answers, rest) = rest.split_at_checked(places.answers)?;
        let (stalls, rest) = rest.split_at_checked(places.stalls)?;
        Some(ArmCounts::parse(counters, [answers, stalls, rest.get(..places.holds)?], nanos_per_tick))
    };
    Some(Some(Service { direction, address, port, observed, arms: [arm(Arm::Tuned)?, arm(Arm::Control)?] }))
}

/// A text of the file, safe to be shown on a terminal.
fn text(bytes: &[u8], place: Text) -> String {
    shown(raw_text(bytes, place))
}

fn raw_text(bytes: &[u8], place: Text) -> &[u8] {
    bytes.get(place.at..place.at + place.room).unwrap_or(&[]).split(|&b| b == 0).next().unwrap_or(&[])
}

fn text_with_blanks(bytes: &[u8], place: Text) -> String {
    let whole = bytes.get(place.at..place.at + place.room).unwrap_or(&[]);
    let arguments: Vec<String> = whole.split(|&b| b == 0).map(shown).collect();
    arguments.join(" ").trim_end().to_owned()
}

fn shown(bytes: &[u8]) -> String {
    output::printable(&String::from_utf8_lossy(bytes))
}

/// A process of which nothing else is known, for tests.
#[cfg(test)]
pub fn of_command(program: &str, command: &str) -> Process {
    Process {
        file: String::new(),
        inode: 0,
        pid: 1,
        user: 0,
        running: true,
        created: SystemTime::UNIX_EPOCH,
        program: program.to_owned(),
        command: command.to_owned(),
        settings: String::new(),
        library: String::new(),
        observing: false,
        split: 0,
        forks: 0,
        uncounted: 0,
        restricted: false,
        detached: false,
        services: Vec::new(),
        samples: Samples::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Process, Service, of_command, services};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    #[test]
    fn what_was_only_observed_is_not_added_to_what_was_tuned() {
        let of = |observed| Process {
            services: vec![Service { observed, ..Service::of_port(80) }],
            ..of_command("/bin/x", "x")
        };
        let sums = services(&[of(false), of(true), of(false), of(true)]);
        assert_eq!(sums.iter().map(|one| one.observed).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn adding_up_takes_no_longer_for_each_of_many() {
        let service = |number: u32| Service {
            direction: Direction::Client,
            address: Some(IpAddr::V4(Ipv4Addr::from_bits(number))),
            ..Service::of_port(80)
        };
        let of = |numbers: std::ops::Range<u32>| Process {
            services: numbers.rev().map(service).collect(),
            ..of_command("/bin/x", "x")
        };
        let processes = [of(0..20_000), of(10_000..30_000)];
        let begin = Instant::now();
        let sums = services(&processes);
        assert_eq!(sums.len(), 30_000);
        assert!(sums.is_sorted_by_key(|one| one.address));
        // 600 million comparisons, where each is looked for among all, take minutes.
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    }
}
