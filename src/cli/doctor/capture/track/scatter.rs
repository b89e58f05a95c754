//! Did pieces follow the acknowledgements, or a clock of the program's that beats about as slowly? An acknowledgement is delayed a
//! little more or less each time. What it releases comes as much later or sooner: the time between acknowledgement and piece
//! is always the same, and that between pieces is not. Of a stream that beats every 41 ms it is the other way round.

use super::time::MS;

/// Of times, as far as their variance needs it: how many, their sum, and that of their squares, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, time: i64) {
        let time = time as f64 / MS as f64;
        *self = Self { count: self.count + 1.0, sum: self.sum + time, squares: self.squares + time * time };
    }

    fn merge(&mut self, other: &Spread) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn variance(&self) -> f64 {
        let count = self.count.max(1.0);
        (self.squares / count - (self.sum / count).powi(2)).max(0.0)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Scatter {
    /// From one piece to the next.
    pauses: Spread,
    /// From the acknowledgement to the piece.
    after: Spread,
}

impl Scatter {
    pub fn add(&mut self, pause: i64, after: i64) {
        self.pauses.add(pause);
        self.after.add(after);
    }

    pub fn merge(&mut self, other: &Scatter) {
        self.pauses.merge(&other.pauses);
        self.after.merge(&other.after);
    }

    /// Are the pauses that much more regular than what follows the acknowledgements? Less than ten microseconds are no difference.
    pub fn follows_a_clock(&self) -> bool {
        self.pauses.variance() * 2.0 < self.after.variance() - 1e-4
    }
}

#[cfg(test)]
mod tests {
    use super::{MS, Scatter};

    #[test]
    fn what_follows_acknowledgements_is_told_from_what_follows_a_clock() {
        let (mut held, mut beats, mut locked) = (Scatter::default(), Scatter::default(), Scatter::default());
        for n in 0..30 {
            let (jitter, noise) = (n * n * 7 % 10 * MS / 10, n * 13 % 7 * 10_000);
            held.add(40 * MS + jitter + noise, 20_000 + noise);
            beats.add(41 * MS + noise, MS - jitter + noise);
            // Both ends in step: the delay is always the same.
            locked.add(44 * MS + noise, 20_000 + noise);
        }
        assert!(!held.follows_a_clock() && !locked.follows_a_clock() && beats.follows_a_clock());
    }
}
