//! The burst predictor, driven by any sequence of events on three sockets, with its reference model beside it: the same verdicts
//! from the same history, by the quick path too, and nothing held that was not confirmed. The first two bytes choose the
//! services and the clock's start; then three bytes make an event: what and where, how, and how long after the last.

#[allow(dead_code, reason = "another test looks at more of it")]
#[path = "../../../src/policy/tests/burst_reference/mod.rs"]
mod burst_reference;

use burst_reference::GAP;
use burst_reference::beside::{Beside, Event, SOCKETS};

/// Of the clock's range: calls that far apart may look close.
const LONGEST_RUN: u64 = 1 << 30;

pub fn check(input: &[u8]) {
    let Some((&[services, start], events)) = input.split_first_chunk() else { return };
    // One service for all, or each its own; other fields are those of a socket that has seen something.
    let words = [0u64, 1, 2].map(|n| if services & 1 == 0 { n << 8 } else { 5 << 8 } | u64::from(services) << 24);
    // The clock wraps on the way, sooner or later.
    let mut beside = Beside::new(words, (1 << 32) - (u64::from(start) << 8));
    let mut passed = 0;
    for event in events.chunks_exact(3) {
        let (what, at, how) = (event[0] & 7, usize::from(event[0] >> 3) % SOCKETS, event[1]);
        let pause = pause(event[2]);
        passed += u64::from(pause);
        if passed > LONGEST_RUN {
            break;
        }
        let event = match what {
            0 | 1 => Event::Call { taken: how < 0xe0 },
            2 => Event::Receive,
            3 => Event::Release,
            4 => Event::Fail,
            _ => Event::Habit { calls: how & 0x1f, whole: how < 0xc0 },
        };
        beside.step(at, pause, &event);
        beside.agree();
    }
    beside.held_confirmed();
}

/// Most pauses are short; some lie around the longest inside a burst, and some are long.
fn pause(byte: u8) -> u32 {
    match u32::from(byte) {
        short @ 0..0xc0 => short * 5,
        near @ 0xc0..0xd0 => GAP - 8 + (near - 0xc0),
        long => GAP << ((long - 0xd0) / 4),
    }
}
