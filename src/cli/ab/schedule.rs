//! In which order the two arms run: blocks of one run each, in random order, so that a machine that warms up, slows down or
//! is disturbed for a while does it to both arms alike. Pure: the randomness comes in.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::Serialize;

/// One of the two ways the command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What is compared with.
    Baseline,
    /// What is asked about.
    Candidate,
}

pub const SIDES: [Side; 2] = [Side::Baseline, Side::Candidate];

/// The order within each block. Each arm comes first in half of the blocks (one more for one of them if the number is odd).
pub fn blocks(count: usize, random: &mut impl rand::Rng) -> Vec<[Side; 2]> {
    let mut orders = [SIDES, [Side::Candidate, Side::Baseline]];
    // Which arm gets the odd block.
    orders.shuffle(random);
    let mut blocks: Vec<[Side; 2]> = (0..count).map(|n| orders[n % 2]).collect();
    blocks.shuffle(random);
    blocks
}

#[cfg(test)]
mod tests {
    use super::{Side, blocks};
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn each_block_has_both_and_each_comes_first_equally_often() {
        for count in [0, 1, 2, 7, 10, 51] {
            let order = blocks(count, &mut StdRng::seed_from_u64(count as u64));
            assert_eq!(order.len(), count);
            assert!(order.iter().all(|[first, second]| first != second));
            let first = order.iter().filter(|block| block[0] == Side::Baseline).count();
            assert!(first == count / 2 || first == count.div_ceil(2), "{first} of {count}");
        }
    }

    #[test]
    fn the_order_is_random_and_a_seed_repeats_it() {
        let order = |seed| blocks(20, &mut StdRng::seed_from_u64(seed));
        assert_eq!(order(1), order(1));
        let different: Vec<_> = (0..20).map(order).collect();
        assert!(different.iter().filter(|one| **one == different[0]).count() == 1);
        // Not simply in turns.
        assert!(different.iter().all(|one| one.windows(2).any(|pair| pair[0] == pair[1])));
        // With an odd number the odd block is not always the same arm's.
        let firsts =
            |seed| blocks(3, &mut StdRng::seed_from_u64(seed)).iter().filter(|b| b[0] == Side::Baseline).count();
        let counts: Vec<usize> = (0..20).map(firsts).collect();
        assert!(counts.contains(&1) && counts.contains(&2), "{counts:?}");
    }
}
