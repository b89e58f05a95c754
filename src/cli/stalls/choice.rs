//! Which connections to look at closely, where there is not the time for all. Pure, but for what it reads from the watch.

use std::collections::{HashMap, HashSet};

use super::watch::{Place, Watch};
use crate::os::netlink::Key;

/// Seconds of suspicion below which a connection is not worth a closer look.
const SUSPICIOUS: f64 = 0.002;
/// A service to which no close look was given yet has as much to say as one that was looked at for so many seconds.
const FIRST: f64 = 0.05;
/// So many connections of a service are enough to choose from.
const MOST: usize = 200;

struct Candidate {
    cookie: u64,
    key: Key,
    /// Something is being held: it may live for no longer than that.
    holds: bool,
    /// Seconds for which something may have waited while nobody looked closely.
    suspicion: f64,
}

#[derive(Default)]
struct Service {
    /// What is to be looked at first comes last.
    candidates: Vec<Candidate>,
    suspicion: f64,
}

#[derive(Default)]
pub struct Choice {
    services: HashMap<Place, Service>,
    /// Seconds of close looks that each had so far, its connections added up.
    given: HashMap<Place, f64>,
}

impl Choice {
    /// Takes in what a look at all has shown. `room`: if there are no more than so many connections, none is left out.
    pub fn gather(&mut self, watch: &Watch, room: usize) {
        self.services.clear();
        let seen = |(cookie, key): &(u64, Key)| {
            let seen = watch.seen.get(cookie).filter(|seen| seen.track.was_used())?;
            Some((*cookie, key.clone(), seen))
        };
        let few = watch.living.iter().filter_map(seen).take(room + 1).count() <= room;
        for (cookie, key, seen) in watch.living.iter().filter_map(seen) {
            let (holds, suspicion) = (seen.track.holds(), seen.track.suspect[1].total());
            if few || holds || suspicion >= SUSPICIOUS {
                self.add(seen.place(), Candidate { cookie, key, holds, suspicion });
            }
        }
        for service in self.services.values_mut() {
            service.candidates.sort_by(|a, b| {
                (a.holds, a.suspicion).partial_cmp(&(b.holds, b.suspicion)).unwrap_or(a.cookie.cmp(&b.cookie))
            });
            let first = service.candidates.len().saturating_sub(MOST);
            service.candidates.drain(..first);
        }
    }

    fn add(&mut self, place: Place, candidate: Candidate) {
        let service = self.services.entry(place).or_default();
        service.suspicion += candidate.suspicion;
        service.candidates.push(candidate);
    }

    /// So many of them for so many seconds. Each service gets the more the more it may have waited, but those that were looked at
    /// little come first. Of one service others in their turn.
    pub fn pick(&mut self, room: usize, seconds: f64) -> Vec<(u64, Key)> {
        let mut picked = Vec::new();
        let mut left: HashMap<Place, usize> =
            self.services.iter().map(|(place, service)| (*place, service.candidates.len())).collect();
        while picked.len() < room {
            let score = |place: &Place| {
                let suspicion = self.services.get(place).map_or(0.0, |service| service.suspicion);
                suspicion.max(SUSPICIOUS).sqrt() / (FIRST + self.given.get(place).copied().unwrap_or(0.0))
            };
            let open = left.iter().filter(|(_, left)| **left > 0).map(|(place, _)| *place);
            let Some(place) = open.max_by(|a, b| score(a).total_cmp(&score(b)).then(a.cmp(b))) else { break };
            let Some(service) = self.services.get_mut(&place) else { break };
            // Whoever had its turn goes to the other end of the row.
            let Some(candidate) = service.candidates.pop() else { break };
            picked.push((candidate.cookie, candidate.key.clone()));
            service.candidates.insert(0, Candidate { holds: false, ..candidate });
            *left.entry(place).or_default() -= 1;
            *self.given.entry(place).or_default() += seconds;
        }
        picked
    }

    /// Those on which something was being held, beside these.
    pub fn holding(&self, room: usize, beside: &[(u64, Key)]) -> Vec<(u64, Key)> {
        let there: HashSet<u64> = beside.iter().map(|(cookie, _)| *cookie).collect();
        let all = self.services.values().flat_map(|service| &service.candidates);
        let new = all.filter(|candidate| candidate.holds && !there.contains(&candidate.cookie));
        new.take(room).map(|candidate| (candidate.cookie, candidate.key.clone())).collect()
    }

    /// Whoever had its turn may have it again.
    pub fn restart(&mut self) {
        self.given.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Choice};
    use crate::os::netlink::Key;
    use std::collections::HashMap;

    /// Services by their ports: so many connections, the suspicion of each, and whether something is held there.
    fn choice(services: &[(u16, u64, f64, bool)]) -> Choice {
        let mut choice = Choice::default();
        for &(port, count, suspicion, holds) in services {
            for number in 0..count {
                let cookie = u64::from(port) * 1000 + number;
                choice.add((None, true, None, port), Candidate { cookie, key: Key::default(), holds, suspicion });
            }
        }
        choice
    }

    /// How often each port had its turn in so many rounds.
    fn turns(choice: &mut Choice, room: usize, rounds: u32) -> HashMap<u64, usize> {
        let mut turns = HashMap::new();
        for _ in 0..rounds {
            for (cookie, _) in choice.pick(room, 0.4) {
                *turns.entry(cookie / 1000).or_default() += 1;
            }
        }
        turns
    }

    #[test]
    fn no_service_keeps_another_from_being_seen() {
        // One has a hundred connections that wait all of the time, the others next to nothing.
        let turns = turns(&mut choice(&[(1, 100, 5.0, true), (2, 1, 0.2, false), (3, 1, 0.05, false)]), 4, 5);
        assert!(turns[&1] >= 12 && turns[&2] >= 1 && turns[&3] >= 1, "{turns:?}");
        assert_eq!(turns.values().sum::<usize>(), 20);
    }

    #[test]
    fn of_one_service_all_have_their_turn_and_none_twice_at_once() {
        let mut choice = choice(&[(1, 9, 1.0, false)]);
        let mut met: Vec<u64> = (0..3).flat_map(|_| choice.pick(3, 0.4)).map(|(cookie, _)| cookie).collect();
        met.sort_unstable();
        assert_eq!(met, (1000..1009).collect::<Vec<_>>());
        assert_eq!(choice.pick(100, 0.4).len(), 9);
    }

    #[test]
    fn what_is_being_held_is_looked_at_between_rounds() {
        let choice = choice(&[(1, 3, 1.0, false), (2, 3, 0.0, true)]);
        let beside = [(2001, Key::default())];
        let mut new: Vec<u64> = choice.holding(9, &beside).into_iter().map(|(cookie, _)| cookie).collect();
        new.sort_unstable();
        assert_eq!((new, choice.holding(1, &beside).len()), (vec![2000, 2002], 1));
    }
}
