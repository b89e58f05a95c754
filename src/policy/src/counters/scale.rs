//! Histogram buckets for times. There are four to each power of two, so the bounds of a bucket differ by a quarter at
//! most. For holds there is one to each power of two: it only matters whether they took microseconds or milliseconds.

/// Number of buckets for the time to an answer: up to 2^28 ticks (about seven minutes), the last for all longer times.
pub const ANSWERS: usize = 109;
/// Number of buckets for stalls: from 2^9 ticks (about a millisecond) to 2^21 (about three seconds), the last for all
/// longer ones.
pub const STALLS: usize = 49;

/// Number of buckets for holds: below 4 ticks (about 7 microseconds), then up to 2^17 (about 200 ms), the last for all
/// longer ones.
pub const HOLDS: usize = 17;

const FIRST_STALL: usize = bucket(1 << 9);

/// The bucket of a time to an answer.
#[inline(always)]
pub const fn answer_bucket(ticks: u32) -> usize {
    let bucket = bucket(ticks);
    if bucket < ANSWERS { bucket } else { ANSWERS - 1 }
}

/// The shortest time in a bucket of answers, in ticks.
pub const fn answer_ticks(number: usize) -> u64 {
    ticks(number)
}

/// The bucket of a stall.
#[inline]
pub const fn stall_bucket(ticks: u32) -> usize {
    let bucket = bucket(ticks).saturating_sub(FIRST_STALL);
    if bucket < STALLS { bucket } else { STALLS - 1 }
}

/// The shortest time in a bucket of stalls, in ticks; 0 for the first, which includes all shorter ones.
pub const fn stall_ticks(number: usize) -> u64 {
    if number == 0 { 0 } else { ticks(number.wrapping_add(FIRST_STALL)) }
}

/// The bucket of a hold.
#[inline(always)]
pub const fn hold_bucket(ticks: u32) -> usize {
    // With this bit set, all times below 4 fall into the first bucket.
    let bucket = (ticks | 2).ilog2().wrapping_sub(1) as usize;
    if bucket < HOLDS { bucket } else { HOLDS - 1 }
}

/// The shortest time in a bucket of holds, in ticks.
pub const fn hold_ticks(number: usize) -> u64 {
    if number == 0 { 0 } else { 2 << number }
}

/// Four buckets for each power of two, told apart by the two bits after the leading one.
#[inline(always)]
const fn bucket(ticks: u32) -> usize {
    if ticks < 4 {
        return ticks as usize;
    }
    let power = ticks.ilog2();
    let two = ticks >> power.wrapping_sub(2);
    // `two` is 4 to 7.
    power.wrapping_sub(2).wrapping_mul(4).wrapping_add(two) as usize
}

const fn ticks(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let power = (bucket >> 2).wrapping_sub(1);
    let two = bucket & 3 | 4;
    match (two as u64).checked_shl(power as u32) {
        Some(ticks) => ticks,
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_hold_their_own_bounds() {
        for number in 0..ANSWERS - 1 {
            let (from, to) = (answer_ticks(number), answer_ticks(number + 1));
            assert!(from < to && (number < 4 || to * 4 <= from * 5), "{number}: {from} to {to}");
            assert_eq!(answer_bucket(u32::try_from(from).expect("short")), number);
            assert_eq!(answer_bucket(u32::try_from(to).expect("short") - 1), number);
        }
        assert_eq!(answer_bucket(u32::MAX), ANSWERS - 1);
        assert_eq!(answer_ticks(ANSWERS - 1), 1 << 28);
    }

    #[test]
    fn stalls_begin_at_about_a_millisecond() {
        assert_eq!((stall_bucket(0), stall_bucket(1 << 9), stall_ticks(0)), (0, 0, 0));
        for number in 1..STALLS {
            assert_eq!(stall_bucket(u32::try_from(stall_ticks(number)).expect("short")), number);
        }
        assert_eq!(stall_ticks(STALLS - 1), 1 << 21);
        assert_eq!(stall_bucket(u32::MAX), STALLS - 1);
    }

    #[test]
    fn holds_go_from_microseconds_to_the_kernels_timer() {
        assert_eq!([0, 1, 2, 3].map(hold_bucket), [0; 4]);
        assert_eq!((hold_bucket(4), hold_ticks(0)), (1, 0));
        for number in 1..HOLDS {
            let from = u32::try_from(hold_ticks(number)).expect("short");
            assert_eq!((hold_bucket(from), hold_bucket(from - 1)), (number, number - 1));
        }
        assert_eq!((hold_ticks(HOLDS - 1), hold_bucket(u32::MAX)), (1 << 17, HOLDS - 1));
    }
}
