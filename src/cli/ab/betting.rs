//! Evidence that holds however often one looks at it, and whenever one stops: a bet on each block. Pure.
//!
//! What is bet on is the logarithm of a block's ratio. If both arms take the same but for a factor, then the logarithm lies as
//! likely above that factor's as below, and as far: chance has put the two runs of a block in their places. So a bet on the
//! sign, or on the sign times the rank of the distance among the blocks so far, is fair, and its wealth is a martingale that
//! starts at 1: by Ville's inequality it ever reaches 1/α with a probability of at most α. Wealth is the average of bets of
//! different size, so that small differences and large ones are found without knowing which it is. Nothing is asked of the shape or the
//! tails of the distribution but that symmetry, which two equal programs have by the random order alone.
//!
//! The factors at which the wealth stays below 1/α are a confidence sequence: Waudby-Smith and Ramdas, "Estimating means of
//! bounded random variables by betting", Journal of the Royal Statistical Society B 86 (2024). The ranks are those of Reynolds, "A
//! sequential signed-rank test for symmetry", Annals of Statistics 3 (1975).

/// Bets on the sign alone: how much of the wealth is at stake, and the share of bets of this size.
const SIGN: [(f64, f64); 4] = [(1.0, 0.2), (0.9, 0.1), (0.6, 0.1), (0.3, 0.1)];
/// Bets on sign and rank.
const RANK: [(f64, f64); 6] = [(0.9, 0.1), (0.6, 0.1), (0.35, 0.1), (0.2, 0.1), (0.1, 0.05), (0.05, 0.05)];
const SIZES: usize = SIGN.len() + RANK.len();
/// More would not make a difference, and could not be multiplied.
const MOST: f64 = 1e200;

/// The bets that the blocks' logarithms lie above a centre, and those that they lie below it.
#[derive(Clone, Debug)]
pub struct Bets {
    centre: f64,
    /// Distances so far, in order of size.
    distances: Vec<f64>,
    above: [f64; SIZES],
    below: [f64; SIZES],
    /// The most that each came to so far, and both together.
    best: [f64; 3],
}

impl Bets {
    pub fn on(centre: f64) -> Self {
        Self { centre, distances: Vec::new(), above: [1.0; SIZES], below: [1.0; SIZES], best: [1.0; 3] }
    }

    /// On all of these.
    pub fn of(logarithms: &[f64], centre: f64) -> Self {
        let mut bets = Self::on(centre);
        logarithms.iter().for_each(|&value| bets.see(value));
        bets
    }

    pub fn see(&mut self, logarithm: f64) {
        let off = logarithm - self.centre;
        let distance = off.abs();
        // A rank that never falls as the distance grows: what lies on the other side of a bound is then no fair bet but a bad one.
        let at = self.distances.partition_point(|other| *other <= distance);
        self.distances.insert(at, distance);
        let rank = (at + 1) as f64 / self.distances.len() as f64;
        let sign = if off == 0.0 { 0.0 } else { off.signum() };
        let outcomes = SIGN.iter().map(|(size, _)| size * sign).chain(RANK.iter().map(|(size, _)| size * sign * rank));
        for ((above, below), outcome) in self.above.iter_mut().zip(&mut self.below).zip(outcomes) {
            *above = (*above * (1.0 + outcome)).min(MOST);
            *below = (*below * (1.0 - outcome)).min(MOST);
        }
        let shares = || SIGN.iter().chain(&RANK).map(|(_, share)| share);
        let wealth = |bets: &[f64; SIZES]| bets.iter().zip(shares()).map(|(bet, share)| bet * share).sum::<f64>();
        let (above, below) = (wealth(&self.above), wealth(&self.below));
        for (best, now) in self.best.iter_mut().zip([above, below, (above + below) / 2.0]) {
            *best = best.max(now);
        }
    }

    /// The probability of chance, whenever one looks, if the logarithms lie below the centre or around it.
    pub fn above(&self) -> f64 {
        1.0 / self.best[0]
    }

    /// The same if they lie above it or around it.
    pub fn below(&self) -> f64 {
        1.0 / self.best[1]
    }

    /// The same if they lie around it.
    pub fn either(&self) -> f64 {
        1.0 / self.best[2]
    }
}

/// Between which bounds the centre lies, at each look, with this probability of error in all looks together.
pub fn bounds(logarithms: &[f64], error: f64) -> (f64, f64) {
    let mut places = logarithms.to_vec();
    places.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (places.first(), places.last()) else {
        return (f64::NEG_INFINITY, f64::INFINITY);
    };
    // Between two neighbours little changes: it is enough to look at some of them, and to halve between the last two.
    let step = (places.len() / 60).max(1);
    let inner: Vec<f64> = places.iter().copied().step_by(step).collect();
    let margin = (last - first).max(1e-9);
    let outward = |outside: f64, inner: &mut dyn Iterator<Item = f64>| {
        let refused = |centre: f64| Bets::of(logarithms, centre).either() <= error;
        if !refused(outside) {
            return None;
        }
        let mut before = outside;
        for place in inner {
            if refused(place) {
                before = place;
                continue;
            }
            let mut within = place;
            for _ in 0..20 {
                let middle = f64::midpoint(before, within);
                if refused(middle) { before = middle } else { within = middle }
            }
            return Some(before);
        }
        Some(before)
    };
    let low = outward(first - margin, &mut inner.iter().copied().chain([last]));
    let high = outward(last + margin, &mut inner.iter().rev().copied().chain([first]));
    (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY))
}

/// The middle of the means of all pairs (Hodges and Lehmann): what the ranks see as the centre.
pub fn centre(logarithms: &[f64]) -> f64 {
    let pairs =
        logarithms.iter().enumerate().flat_map(|(at, a)| logarithms[at..].iter().map(move |b| f64::midpoint(*a, *b)));
    super::stats::median(&pairs.collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::{Bets, RANK, SIGN, bounds, centre};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    #[test]
    fn all_is_staked_once() {
        let shares: f64 = SIGN.iter().chain(&RANK).map(|(_, share)| share).sum();
        assert!((shares - 1.0).abs() < 1e-12 && SIGN.iter().chain(&RANK).all(|(size, _)| *size <= 1.0));
    }

    /// The average wealth over all ways in which the signs can fall is what there was at the beginning: the bets are fair.
    #[test]
    fn a_bet_is_fair() {
        let sizes = [0.3, 0.1, 0.5, 0.2, 0.2, 0.9, 0.05, 0.4];
        let mut sum = [0.0; 2];
        for ways in 0..1 << sizes.len() {
            let signed = |(at, size): (usize, &f64)| if ways >> at & 1 == 1 { -size } else { *size };
            let bets = Bets::of(&sizes.iter().enumerate().map(signed).collect::<Vec<_>>(), 0.0);
            let wealth = |bets: &[f64]| bets.iter().zip(SIGN.iter().chain(&RANK)).map(|(b, (_, s))| b * s).sum::<f64>();
            sum[0] += wealth(&bets.above);
            sum[1] += wealth(&bets.below);
        }
        for sum in sum {
            assert!((sum / f64::from(1 << sizes.len()) - 1.0).abs() < 1e-9, "{sum}");
        }
    }

    #[test]
    fn what_is_clear_takes_ten_blocks_and_what_is_equal_is_never_clear() {
        let clear = |blocks: usize| Bets::of(&vec![0.7; blocks], 0.0).either();
        assert!(clear(9) > 0.01 && clear(10) <= 0.01, "{} {}", clear(9), clear(10));
        let turns: Vec<f64> = (0..500).map(|n| if n % 2 == 0 { 0.1 } else { -0.1 }).collect();
        assert!(Bets::of(&turns, 0.0).either() > 0.3);
        assert!(Bets::of(&vec![0.0; 500], 0.0).either() >= 1.0);
        // Thousands of blocks are not too many to multiply.
        let bets = Bets::of(&vec![0.7; 3000], 0.0);
        assert!(bets.above() > 0.0 && bets.above() < 1e-100 && bets.below() > 0.3);
    }

    #[test]
    fn bounds_close_in_on_the_centre() {
        let mut random = StdRng::seed_from_u64(3);
        let all: Vec<f64> = (0..300).map(|_| 0.1 + 0.05 * (random.random::<f64>() - random.random::<f64>())).collect();
        let widths: Vec<f64> = [3, 20, 100, 300]
            .iter()
            .map(|&count| {
                let (low, high) = bounds(&all[..count], 0.05);
                assert!(low <= 0.1 && 0.1 <= high, "{count}: {low} {high}");
                high - low
            })
            .collect();
        assert!(widths[0].is_infinite() && widths[1] < 0.1 && widths[2] < widths[1] && widths[3] < 0.012, "{widths:?}");
        assert!((centre(&all) - 0.1).abs() < 0.005);
        assert_eq!(bounds(&[], 0.05), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
