//! What the services of this host have lost so far: sums that never fall, by labels of which there is a bounded number.

use std::collections::BTreeMap;
use std::time::Duration;

use super::totals::OTHERS;
use crate::stalls::evidence::{Evidence, Side};
use crate::stalls::finding::{self, Kind};

/// Fewer exchanges than this say nothing.
const FEW: u64 = 5;

/// The labels of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub program: String,
    /// The systemd service or the container; empty: neither.
    pub unit: String,
    pub service: String,
    /// "client" or "server".
    pub direction: &'static str,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waited {
    pub seconds: f64,
    pub count: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// What the process itself held, and what its peer on another machine did.
    pub process: Waited,
    pub peer: Waited,
    pub exchanges: u64,
    /// Seconds in which a stall would not have been seen.
    pub untold: f64,
    /// It was judged at least once.
    pub told: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Lost {
    pub services: BTreeMap<Place, Sum>,
    /// Seconds.
    pub watched: f64,
    pub cost: f64,
    pub left_out: usize,
}

impl Lost {
    /// Adds what was seen of a service for so long. `most`: so many services get labels of their own.
    pub fn add(&mut self, evidence: &Evidence, unit: String, watched: Duration, most: usize) {
        if evidence.connections == 0 {
            return;
        }
        let judged = finding::judge(evidence);
        let sum = self.place(evidence, unit, most);
        sum.exchanges += evidence.exchanges;
        let mut found = false;
        for finding in judged {
            let waited = match finding.kind {
                Kind::Nagle | Kind::Cork | Kind::Paced => &mut sum.process,
                Kind::Peer => &mut sum.peer,
                Kind::Flood | Kind::Runts | Kind::Held => continue,
            };
            found = true;
            waited.seconds += finding.waited_s;
            waited.count += finding.waits;
        }
        let blind = evidence.untold > 0 || evidence.hides_stalls();
        if blind && !found {
            sum.untold += watched.as_secs_f64();
        }
        sum.told |= found || !blind && evidence.exchanges.max(evidence.segments) >= FEW;
    }

    fn place(&mut self, evidence: &Evidence, unit: String, most: usize) -> &mut Sum {
        let service = &evidence.service;
        let direction = match service.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let named = match service.side {
            Side::Client => service.shown(),
            Side::Server => format!("port {}", service.port),
        };
        let own = Place { program: service.program.short(), unit, service: named, direction };
        let others = Place { program: OTHERS.to_owned(), unit: String::new(), service: OTHERS.to_owned(), direction };
        let place = if self.services.contains_key(&own) || self.services.len() < most { own } else { others };
        self.services.entry(place).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Lost;
    use crate::stalls::evidence::{Evidence, Service, Side, Waits};
    use crate::stalls::program::Program;
    use std::time::Duration;

    const WATCHED: Duration = Duration::from_secs(10);

    fn server(port: u16) -> Evidence {
        let service = Service { program: Program::default(), side: Side::Server, address: None, port };
        Evidence { connections: 1, exchanges: 100, segments: 100, span: WATCHED, ..Evidence::of(service, vec![1]) }
    }

    fn waits(count: u64) -> Waits {
        let each = Duration::from_millis(40);
        Waits { seen: count, count, total: each * u32::try_from(count).expect("few"), median: each }
    }

    #[test]
    fn what_was_lost_is_added_up_by_the_end_that_holds() {
        let mut lost = Lost::default();
        let ill = Evidence { nagle: waits(50), cork: waits(20), ..server(80) };
        let peers = Evidence { peer: waits(10), bare_acks: 10, ..server(81) };
        for evidence in [&ill, &peers, &ill, &server(82)] {
            lost.add(evidence, String::new(), WATCHED, 9);
        }
        let sums: Vec<_> = lost.services.iter().map(|(place, sum)| (place.service.as_str(), sum)).collect();
        let rounded = |seconds: f64| (seconds * 1e3).round() as u64;
        assert_eq!(sums.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["port 80", "port 81", "port 82"]);
        assert_eq!((rounded(sums[0].1.process.seconds), sums[0].1.process.count), (5_600, 140));
        assert_eq!((sums[0].1.peer.count, sums[0].1.exchanges), (0, 200));
        assert_eq!((rounded(sums[1].1.peer.seconds), sums[1].1.process.count), (400, 0));
        assert!(sums[2].1.told && sums[2].1.process.count == 0);
    }

    #[test]
    fn what_could_not_be_told_is_no_zero() {
        let mut lost = Lost::default();
        lost.add(&Evidence { hidden: WATCHED, sampled: true, ..server(80) }, String::new(), WATCHED, 9);
        lost.add(&Evidence { exchanges: 1, segments: 1, ..server(81) }, String::new(), WATCHED, 9);
        let told: Vec<_> = lost.services.values().map(|sum| (sum.told, sum.untold)).collect();
        assert_eq!(told, [(false, 10.0), (false, 0.0)]);
    }

    #[test]
    fn labels_are_bounded() {
        let mut lost = Lost::default();
        (1..=100).for_each(|port| lost.add(&server(port), String::new(), WATCHED, 3));
        assert_eq!(lost.services.len(), 4);
        assert_eq!(lost.services.values().map(|sum| sum.exchanges).sum::<u64>(), 10_000);
    }
}
