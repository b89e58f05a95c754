//! The rank test: could the two arms' runs have come in this order of size by chance? Mann-Whitney's, two-sided, which asks
//! nothing of the shape of the distributions. Pure.
//!
//! Exact for as many runs as people make, with ties too: it counts the ways to draw one arm's ranks from all. That an arm's
//! runs are spread evenly over the session can only make it more careful, not less.

use statrs::function::erf::erfc;

/// Up to this many runs of both arms together it is counted out; above, the normal distribution is as good.
const EXACT: usize = 120;

/// The probability of ranks at least as far apart as these, if the arms did not differ.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    probability(a, b, |distance, seen| distance.abs() >= seen.abs(), true)
}

/// The probability of ranks of `a` at least as high as these, if the arms did not differ.
pub fn higher(a: &[f64], b: &[f64]) -> f64 {
    probability(a, b, |distance, seen| distance >= seen, false)
}

/// How likely are draws whose distance from the expected sum is as far as the one seen?
fn probability(a: &[f64], b: &[f64], far: impl Fn(i64, i64) -> bool, both: bool) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let ranks = doubled_ranks(a, b);
    let sum: usize = ranks.iter().take(a.len()).sum();
    let all: usize = ranks.iter().sum();
    // The expected sum is all * |a| / n; compared in whole numbers, so that equal distances are equal.
    let distance = |sum: usize| (sum * ranks.len()) as i64 - (all * a.len()) as i64;
    if ranks.len() <= EXACT {
        let counts = ways(&ranks, a.len());
        let seen = distance(sum);
        let found: f64 = counts.iter().enumerate().filter(|(s, _)| far(distance(*s), seen)).map(|(_, n)| n).sum();
        return (found / counts.iter().sum::<f64>()).min(1.0);
    }
    let two_sided = normal(&ranks, a.len(), sum);
    match (both, distance(sum) > 0) {
        (true, _) => two_sided,
        (false, true) => two_sided / 2.0,
        (false, false) => 1.0 - two_sided / 2.0,
    }
}

/// Twice the rank of each value, first those of `a`: values that are equal share the mean of their ranks.
fn doubled_ranks(a: &[f64], b: &[f64]) -> Vec<usize> {
    let values: Vec<f64> = a.iter().chain(b).copied().collect();
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        2 * below + equal + 1
    };
    values.iter().map(rank).collect()
}

/// In how many ways `size` of these ranks give each sum.
fn ways(ranks: &[usize], size: usize) -> Vec<f64> {
    let most: usize = ranks.iter().sum();
    let mut table = vec![vec![0.0; most + 1]; size + 1];
    table[0][0] = 1.0;
    for &rank in ranks {
        for taken in (1..=size).rev() {
            let (fewer, more) = table.split_at_mut(taken);
            for (to, from) in more[0][rank..].iter_mut().zip(&fewer[taken - 1]) {
                *to += from;
            }
        }
    }
    table.pop().unwrap_or_default()
}

fn normal(ranks: &[usize], size: usize, sum: usize) -> f64 {
    let (n, m) = (ranks.len() as f64, size as f64);
    let mean = ranks.iter().sum::<usize>() as f64 / n;
    let spread = ranks.iter().map(|r| (*r as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // The variance of a sum of draws without replacement.
    let deviation = (m * (n - m) / n * spread).sqrt();
    if deviation == 0.0 {
        return 1.0;
    }
    // Half a step towards the middle: doubled ranks lie one apart.
    let z = ((sum as f64 - m * mean).abs() - 1.0).max(0.0) / deviation;
    erfc(z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::{doubled_ranks, higher, mann_whitney, normal};

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn small_cases_by_hand() {
        // 2 of the C(6, 3) = 20 orders are as far apart.
        assert!(close(mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 0.1));
        assert!(close(mann_whitney(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]), 0.1));
        // 2 of C(10, 5) = 252.
        let five = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!(close(mann_whitney(&five, &five.map(|x| x + 10.0)), 2.0 / 252.0));
        // The same values: no distance at all.
        assert!(close(mann_whitney(&five, &five), 1.0));
        assert!(close(mann_whitney(&[1.0; 4], &[1.0; 4]), 1.0));
        assert!(close(mann_whitney(&[], &five), 1.0));
    }

    #[test]
    fn as_scipy_gives_it() {
        // scipy.stats.mannwhitneyu(x, y, method="exact"): the example of its manual.
        let (male, female) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        assert!(close(mann_whitney(&male, &female), 0.111_111_111_111_111_1));
    }

    #[test]
    fn one_side_by_hand() {
        // Half of the two-sided 14 of C(9, 4) = 126 orders; of the other side all but the four that are further.
        let (male, female) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        assert!(close(higher(&male, &female), 0.055_555_555_555_555_55));
        assert!(close(higher(&female, &male), 0.968_253_968_253_968_3), "{}", higher(&female, &male));
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        let above: Vec<f64> = many.iter().map(|x| x + 20.0).collect();
        assert!(higher(&above, &many) < 0.001 && higher(&many, &above) > 0.999);
    }

    #[test]
    fn ties_share_ranks() {
        assert_eq!(doubled_ranks(&[1.0, 2.0], &[2.0, 3.0]), [2, 5, 5, 8]);
    }

    #[test]
    fn the_normal_form_agrees_where_both_are_possible() {
        let a: Vec<f64> = (0..40).map(|n| f64::from(n * 7 % 41)).collect();
        let b: Vec<f64> = (0..40).map(|n| f64::from(n * 11 % 43) + 6.5).collect();
        let ranks = doubled_ranks(&a, &b);
        let (exact, near) = (mann_whitney(&a, &b), normal(&ranks, 40, ranks[..40].iter().sum()));
        assert!(exact > 0.001 && exact < 0.2 && (exact / near - 1.0).abs() < 0.1, "{exact} {near}");
        // And it is what is used for many runs.
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        assert!(mann_whitney(&many, &many.iter().map(|x| x + 0.5).collect::<Vec<_>>()) > 0.8);
        assert!(mann_whitney(&many, &many.iter().map(|x| x + 60.0).collect::<Vec<_>>()) < 1e-9);
    }
}
