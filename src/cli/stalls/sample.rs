//! What was seen closely of a service, and for how much of it that stands. Pure.

use std::time::Duration;

use super::suspect::{DELAY, Suspect};

/// So much time in which this end may have held something, in seconds, is enough to tell whether it did; and so many
/// acknowledgements for the other end. Ten stalls.
const ENOUGH: f64 = 0.4;
const ACKS: f64 = 10.0;

/// Sums of suspicions, seen closely and not: seconds of this end's, and acknowledgements that the other end may have waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    own: [f64; 2],
    acks: [f64; 2],
}

impl Sample {
    /// Adds a connection that stands for `weight`. `both`: its other end is watched too, where it is seen what that one holds.
    pub fn add(&mut self, suspect: [Suspect; 2], weight: f64, both: bool) {
        for (place, suspect) in suspect.iter().enumerate() {
            self.own[place] += suspect.own * weight;
            if !both {
                self.acks[place] += f64::from(suspect.bare_acks) * weight;
            }
        }
    }

    /// Did more pass unseen than was seen?
    pub fn is_needed(&self) -> bool {
        let all = [0, 1].map(|place: usize| self.own[place].max(0.0) + self.acks[place] * DELAY);
        all[1] > all[0]
    }

    /// By how much to multiply what was seen of this end's waits; none: there is nothing to go by but each connection itself.
    pub fn own(&self) -> Option<f64> {
        self.is_needed().then(|| times(self.own))
    }

    /// The same of the other end's.
    pub fn other(&self) -> f64 {
        if self.is_needed() { times(self.acks) } else { 1.0 }
    }

    /// The time in which a stall may have gone unseen: none, if enough was seen to tell.
    pub fn hidden(&self) -> Duration {
        let hides = |[seen, unseen]: [f64; 2], enough: f64| if seen >= enough.min(unseen) { 0.0 } else { unseen };
        let hidden = hides(self.own, ENOUGH).max(hides(self.acks, ACKS) * DELAY);
        Duration::from_secs_f64(hidden.max(0.0))
    }
}

fn times([seen, unseen]: [f64; 2]) -> f64 {
    if seen > 0.0 { 1.0 + unseen.max(0.0) / seen } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::Sample;
    use crate::stalls::suspect::Suspect;
    use std::time::Duration;

    fn of(all: &[([f64; 2], [u32; 2], f64)]) -> Sample {
        let mut sample = Sample::default();
        for (own, acks, weight) in all {
            let suspect = [0, 1].map(|place| Suspect { own: own[place], bare_acks: acks[place] });
            sample.add(suspect, *weight, false);
        }
        sample
    }

    #[test]
    fn what_was_seen_stands_for_the_rest() {
        // One connection was looked at for a second of the ten, nine others never: all are alike.
        let mut all = vec![([1.0, 9.0], [0, 0], 1.0)];
        all.extend(vec![([0.0, 10.0], [0, 0], 1.0); 9]);
        let sample = of(&all);
        assert!(sample.is_needed() && (sample.own().expect("needed") - 100.0).abs() < 1e-6, "{sample:?}");
        assert_eq!(sample.hidden(), Duration::ZERO);
        // Everything was seen.
        let sample = of(&[([9.0, 0.5], [3, 0], 1.0)]);
        assert_eq!((sample.is_needed(), sample.own(), sample.other()), (false, None, 1.0));
    }

    #[test]
    fn too_little_was_seen_to_tell() {
        let sample = of(&[([0.1, 5.0], [0, 0], 1.0)]);
        assert_eq!(sample.hidden(), Duration::from_secs(5));
        let sample = of(&[([0.0, 0.0], [4, 100], 1.0)]);
        assert_eq!(sample.hidden(), Duration::from_secs(4));
        // Of one whose other end is watched too, only its own holding counts.
        let mut both = Sample::default();
        both.add([Suspect::default(), Suspect { own: 0.0, bare_acks: 100 }], 1.0, true);
        assert_eq!((both.hidden(), both.is_needed()), (Duration::ZERO, false));
    }

    #[test]
    fn a_connection_may_stand_for_others() {
        let sample = of(&[([0.04, 0.0], [0, 0], 5.0), ([0.0, 1.0], [0, 0], 1.0)]);
        assert!((sample.own().expect("needed") - 6.0).abs() < 1e-6);
    }
}
