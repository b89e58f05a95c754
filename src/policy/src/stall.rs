//! TCPTUNE_QUICKACK=auto: is the other end waiting for our delayed acknowledgement? A peer with Nagle's algorithm that
//! writes twice sends the first piece, then waits about 40 ms until we acknowledge it. We see a receive, a pause of
//! that length in which we sent nothing, and a small piece. After a few of those, each receive is acknowledged at once.
//! If the pauses go on all the same (on a path with such a round-trip time they always do), that stops again, for
//! longer each time.
//!
//! Pure: one word of state per connection, times in units of about 1.6 microseconds (the caller's clock).
//!
//! ```text
//! 31                           8 7     4   3    2     0
//! +-----------------------------+-------+-----+--------+
//! | time of the last receive    | gave  |armed| pauses |
//! +-----------------------------+  up   +-----+--------+
//! ```

/// The state of a connection; initially 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stall(pub u32);

/// What the library is to do after a receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Leave acknowledgements to the kernel.
    Nothing,
    /// Acknowledge at once (TCP_QUICKACK, which is not permanent).
    Acknowledge,
}

const PAUSES: u32 = 7;
const ARMED: u32 = 1 << 3;
const GAVE_UP: u32 = 4;
const GAVE_UP_MOST: u32 = 15;
/// Number of pauses (delayed acknowledgements of 40 ms) before acknowledging at once begins, and, while it does not
/// help, before it ends again.
const CONVINCED: u32 = 2;
/// Bounds of such a pause. The kernel delays acknowledgements by 40 ms (net/ipv4/tcp_output.c, TCP_DELACK_MIN), up to a
/// timer tick more.
const SHORTEST_MS: u32 = 30;
const LONGEST_MS: u32 = 60;
/// A small piece of data: less than a usual segment, in bytes.
const SMALL: usize = 1448;

/// `length` bytes were received at `now`; a millisecond is `gap` units. `sent` says whether data was sent since the
/// last receive; then the peer's pause has another reason.
#[must_use]
pub fn received(state: Stall, now: u32, gap: u32, length: usize, sent: bool) -> (Stall, Action) {
    let now = now & 0x00ff_ffff;
    let last = state.0 >> 8;
    let pause = now.wrapping_sub(last) & 0x00ff_ffff;
    let mut pauses = state.0 & PAUSES;
    let mut armed = state.0 & ARMED != 0;
    let mut gave_up = (state.0 >> GAVE_UP) & GAVE_UP_MOST;
    let stalled = last != 0
        && !sent
        && length < SMALL
        && pause >= gap.wrapping_mul(SHORTEST_MS)
        && pause <= gap.wrapping_mul(LONGEST_MS);
    if stalled {
        pauses = pauses.wrapping_add(1);
        // Each attempt that did not help raises the number of pauses before the next one.
        let wanted = if armed { CONVINCED } else { CONVINCED.saturating_add(gave_up).min(PAUSES) };
        if pauses >= wanted {
            if armed {
                gave_up = gave_up.saturating_add(1).min(GAVE_UP_MOST);
            }
            armed = !armed && gave_up < GAVE_UP_MOST;
            pauses = 0;
        }
    } else if armed && !sent && last != 0 {
        // More data came without the pause: it helps.
        pauses = 0;
    }
    let next = Stall(now << 8 | gave_up << GAVE_UP | if armed { ARMED } else { 0 } | pauses & PAUSES);
    (next, if armed { Action::Acknowledge } else { Action::Nothing })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: u32 = 610;

    /// Receives at these times (ms), all small, nothing sent between; the actions.
    fn run(state: &mut Stall, times_ms: &[u32]) -> std::vec::Vec<Action> {
        let mut actions = std::vec::Vec::new();
        for &ms in times_ms {
            let (next, action) = received(*state, ms * GAP, GAP, 2, false);
            *state = next;
            actions.push(action);
        }
        actions
    }

    #[test]
    fn two_pauses_arm_it_and_help_keeps_it_armed() {
        let mut state = Stall::default();
        assert_eq!(run(&mut state, &[10, 51, 52, 93])[3], Action::Acknowledge);
        assert!(run(&mut state, &[94, 95, 96, 97, 98]).iter().all(|&a| a == Action::Acknowledge));
    }

    #[test]
    fn a_path_of_forty_milliseconds_disarms_it_for_longer_each_time() {
        let mut state = Stall::default();
        let times: std::vec::Vec<u32> = (1..2000).map(|n| n * 42).collect();
        let actions = run(&mut state, &times);
        let armed = actions.iter().filter(|&&a| a == Action::Acknowledge).count();
        assert!(armed > 0 && armed < 60, "armed for {armed} of 2000 receives");
        assert!(actions[1000..].iter().all(|&a| a == Action::Nothing), "gives up for good");
    }

    #[test]
    fn pauses_after_our_own_answer_or_of_another_length_say_nothing() {
        for (pause, sent) in [(41, true), (5, false), (200, false)] {
            let mut state = Stall::default();
            for n in 1..100u32 {
                let (next, action) = received(state, n * pause * GAP, GAP, 2, sent);
                state = next;
                assert_eq!(action, Action::Nothing);
            }
        }
    }
}
