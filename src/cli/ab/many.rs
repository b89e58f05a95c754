//! Many comparisons at once: the more there are, the more likely one of them looks like a difference by chance. Holm's method
//! keeps the probability of any such mistake among all at what one comparison has. Pure.

/// The corrected probabilities, in the same order.
pub fn holm(given: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..given.len()).collect();
    order.sort_by(|&a, &b| given[a].total_cmp(&given[b]));
    let mut corrected = vec![1.0; given.len()];
    let mut largest: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        largest = largest.max((given[at] * (given.len() - rank) as f64).min(1.0));
        corrected[at] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn as_r_gives_it() {
        // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"); p.adjust(0.2, "holm")
        let found = holm(&[0.01, 0.04, 0.03, 0.005]);
        assert!(found.iter().zip([0.03, 0.06, 0.06, 0.02]).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert_eq!((holm(&[0.2]), holm(&[0.9, 0.8]), holm(&[])), (vec![0.2], vec![1.0, 1.0], vec![]));
    }
}
