//! In which order the arms run: blocks of one run each, in random order, so that a machine that warms up, slows down or is
//! disturbed for a while does it to all arms alike. Pure: the randomness comes in.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::Serialize;

/// The most arms of one session, without the one that measures the noise.
pub const MOST_ARMS: usize = 8;

/// One of the ways that are compared, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(with = "String")]
pub struct Side(usize);

impl Side {
    /// What the others are compared with.
    pub const BASELINE: Self = Self(0);
    /// What is asked about, where there are two.
    pub const CANDIDATE: Self = Self(1);

    pub fn all(arms: usize) -> impl Iterator<Item = Self> + Clone {
        (0..arms).map(Self)
    }

    pub const fn index(self) -> usize {
        self.0
    }

    /// In JSON and CSV: `baseline`, `candidate`, `candidate-2` and so on.
    pub fn word(self) -> String {
        match self.0 {
            0 => "baseline".to_owned(),
            1 => "candidate".to_owned(),
            more => format!("candidate-{more}"),
        }
    }
}

impl From<Side> for String {
    fn from(side: Side) -> Self {
        side.word()
    }
}

/// As many blocks as there are arms, in random order: each arm has each place in one of them.
pub fn round(arms: usize, random: &mut impl rand::Rng) -> Vec<Vec<Side>> {
    let mut order: Vec<Side> = Side::all(arms).collect();
    order.shuffle(random);
    let mut blocks: Vec<Vec<Side>> = (0..arms)
        .map(|by| {
            let mut block = order.clone();
            block.rotate_left(by);
            block
        })
        .collect();
    blocks.shuffle(random);
    blocks
}

/// The order within each of so many blocks. Each arm comes first equally often, or once more or less.
pub fn blocks(count: usize, arms: usize, random: &mut impl rand::Rng) -> Vec<Vec<Side>> {
    let mut blocks = Vec::new();
    while blocks.len() < count {
        blocks.extend(round(arms, random));
    }
    blocks.truncate(count);
    blocks.shuffle(random);
    blocks
}

#[cfg(test)]
mod tests {
    use super::{Side, blocks};
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn each_block_has_all_and_each_comes_first_equally_often() {
        for arms in [2, 3, 8] {
            for count in [0, 1, 2, 7, 10, 51] {
                let order = blocks(count, arms, &mut StdRng::seed_from_u64(count as u64));
                assert_eq!(order.len(), count);
                for block in &order {
                    let mut sorted = block.clone();
                    sorted.sort();
                    assert_eq!(sorted, Side::all(arms).collect::<Vec<_>>());
                }
                for side in Side::all(arms) {
                    let first = order.iter().filter(|block| block[0] == side).count();
                    assert!(first == count / arms || first == count.div_ceil(arms), "{first} of {count}");
                }
            }
        }
    }

    #[test]
    fn the_order_is_random_and_a_seed_repeats_it() {
        let order = |seed| blocks(20, 2, &mut StdRng::seed_from_u64(seed));
        assert_eq!(order(1), order(1));
        let different: Vec<_> = (0..20).map(order).collect();
        assert!(different.iter().filter(|one| **one == different[0]).count() == 1);
        // Not simply in turns.
        assert!(different.iter().all(|one| one.windows(2).any(|pair| pair[0] == pair[1])));
        // With an odd number the odd block is not always the same arm's.
        let firsts =
            |seed| blocks(3, 2, &mut StdRng::seed_from_u64(seed)).iter().filter(|b| b[0] == Side::BASELINE).count();
        let counts: Vec<usize> = (0..20).map(firsts).collect();
        assert!(counts.contains(&1) && counts.contains(&2), "{counts:?}");
    }

    #[test]
    fn sides_have_words() {
        let words: Vec<String> = Side::all(4).map(Side::word).collect();
        assert_eq!(words, ["baseline", "candidate", "candidate-2", "candidate-3"]);
    }
}
