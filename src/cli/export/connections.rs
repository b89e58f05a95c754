//! Who is connected: how many there may be, how long each may take, and who has to go for somebody new. Whoever asks at once and
//! reads the answer is never among those.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

/// More than any number of scrapers; each costs a descriptor and some 20 kB.
const MOST: usize = 128;
/// To send a request, or to read an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// All answers that somebody still reads, in bytes. They are shared by those who asked at the same time.
const ROOM: usize = 64 << 20;

pub type Id = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its request is not complete.
    Asking,
    /// For a collection, which takes as long as it takes.
    Waiting,
    /// It is given this collection's text, of so many bytes.
    Answered { collection: u64, size: usize },
}

struct Connection {
    task: AbortHandle,
    state: State,
    since: Instant,
}

#[derive(Default)]
pub struct Connections {
    /// By number: the oldest first.
    open: BTreeMap<Id, Connection>,
    next: Id,
}

impl Connections {
    /// The number for a new one.
    pub fn number(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    /// Is there room for one more? If there is none, the one that has been asking for longest goes, or else the one that has
    /// been reading for longest. False: all of them wait for a collection, which will be over soon.
    pub fn make_place(&mut self) -> bool {
        if self.open.len() < MOST {
            return true;
        }
        let asking = self.open.iter().find(|(_, one)| one.state == State::Asking);
        let oldest = asking.or_else(|| self.open.iter().find(|(_, one)| one.state != State::Waiting));
        let Some(id) = oldest.map(|(id, _)| *id) else { return false };
        self.end(id);
        true
    }

    pub fn insert(&mut self, id: Id, task: AbortHandle, now: Instant) {
        self.open.insert(id, Connection { task, state: State::Asking, since: now });
    }

    pub fn has(&mut self, id: Id, state: State, now: Instant) {
        if let Some(one) = self.open.get_mut(&id) {
            (one.state, one.since) = (state, now);
        }
        self.make_room();
    }

    /// It has closed.
    pub fn gone(&mut self, id: Id) {
        self.open.remove(&id);
    }

    /// Ends those that take too long.
    pub fn end_slow(&mut self, now: Instant) {
        let slow = |one: &Connection| one.state != State::Waiting && now.duration_since(one.since) > PATIENCE;
        let slow: Vec<Id> = self.open.iter().filter(|(_, one)| slow(one)).map(|(id, _)| *id).collect();
        slow.into_iter().for_each(|id| self.end(id));
    }

    /// Ends those that still read the oldest answers, until the others fit.
    fn make_room(&mut self) {
        loop {
            let answers = self.open.values().filter_map(|one| match one.state {
                State::Answered { collection, size } => Some((collection, size)),
                _ => None,
            });
            let answers: BTreeSet<(u64, usize)> = answers.collect();
            let total: usize = answers.iter().map(|(_, size)| size).sum();
            let Some(&(oldest, size)) = answers.first().filter(|_| total > ROOM && answers.len() > 1) else { return };
            let of_it = State::Answered { collection: oldest, size };
            let readers: Vec<Id> = self.open.iter().filter(|(_, one)| one.state == of_it).map(|(id, _)| *id).collect();
            readers.into_iter().for_each(|id| self.end(id));
        }
    }

    fn end(&mut self, id: Id) {
        if let Some(one) = self.open.remove(&id) {
            one.task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Connections, Id, MOST, PATIENCE, ROOM, State};
    use std::time::Instant;

    /// So many, which all ask.
    fn with(count: usize, now: Instant) -> Connections {
        let mut all = Connections::default();
        (0..count).for_each(|_| assert!(add(&mut all, now).is_some()));
        all
    }

    fn add(all: &mut Connections, now: Instant) -> Option<Id> {
        if !all.make_place() {
            return None;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let id = all.number();
        all.insert(id, runtime.spawn(std::future::pending::<()>()).abort_handle(), now);
        Some(id)
    }

    fn ids(all: &Connections) -> Vec<Id> {
        all.open.keys().copied().collect()
    }

    #[test]
    fn a_new_one_takes_the_place_of_the_oldest_that_asks_for_nothing() {
        let now = Instant::now();
        let mut all = with(MOST, now);
        all.has(1, State::Waiting, now);
        let new = add(&mut all, now).expect("a place");
        assert!(all.open.len() == MOST && ids(&all)[..2] == [1, 3] && all.open.contains_key(&new));
        let everybody = ids(&all);
        everybody.iter().for_each(|&id| all.has(id, State::Waiting, now));
        assert_eq!(add(&mut all, now), None, "nobody who waits is hung up on");
        all.has(everybody[7], State::Answered { collection: 1, size: 9 }, now);
        assert!(add(&mut all, now).is_some() && !all.open.contains_key(&everybody[7]));
    }

    #[test]
    fn only_a_collection_may_take_long() {
        let now = Instant::now();
        let mut all = with(3, now);
        all.has(2, State::Waiting, now);
        all.has(3, State::Answered { collection: 1, size: 9 }, now + PATIENCE / 2);
        all.end_slow(now + PATIENCE);
        assert_eq!(ids(&all), [1, 2, 3]);
        all.end_slow(now + PATIENCE * 5 / 4);
        assert_eq!(ids(&all), [2, 3]);
        all.end_slow(now + PATIENCE * 2);
        assert_eq!(ids(&all), [2]);
    }

    #[test]
    fn old_answers_give_way_to_new_ones() {
        let now = Instant::now();
        let mut all = with(4, now);
        for (id, collection) in [(1, 1), (2, 1), (3, 2)] {
            all.has(id, State::Answered { collection, size: ROOM / 2 }, now);
        }
        assert_eq!(ids(&all).len(), 4, "an answer that is shared counts once");
        all.has(4, State::Answered { collection: 3, size: ROOM / 2 }, now);
        assert_eq!(ids(&all), [3, 4]);
        // One alone may be as long as it is.
        all.gone(3);
        all.has(4, State::Answered { collection: 4, size: 2 * ROOM }, now);
        assert_eq!(ids(&all), [4]);
    }
}
