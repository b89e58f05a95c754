//! The word of a socket: what an accepted connection takes from its listener, and a duplicate from its original, for any word.

use proptest::prelude::*;
use tcptune_policy::burst::{self, Table};
use tcptune_policy::socket::{
    ATTEND, CHECKED, CORKED, HELD, HISTORY, Kind, NO_HOLD, NODELAY_APP, NODELAY_ON, NODELAY_OURS, POSITION, SHARED,
    Socket, TIME,
};

const SERVICE: u64 = 0x3f00;
const INHERITED: u64 = NODELAY_OURS | NODELAY_APP | NODELAY_ON | NO_HOLD;

fn kinds() -> impl Strategy<Value = Kind> {
    use Kind::{Accepted, Client, Fresh, Listener, Other, Unknown, Unmet};
    prop::sample::select(vec![Unmet, Other, Unknown, Fresh, Listener, Client, Accepted])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_accepted_connection(word in any::<u64>()) {
        let listener = Socket(word).into(Kind::Listener);
        let accepted = listener.accepted();
        prop_assert_eq!(accepted.kind(), Kind::Accepted);
        prop_assert_eq!(accepted.0 & INHERITED, listener.0 & INHERITED, "what the kernel lets it inherit");
        prop_assert_eq!(accepted.tuning(), listener.tuning(), "its listener's rules");
        prop_assert_eq!(accepted.0 & SERVICE, listener.0 & SERVICE, "its listener's history");
        prop_assert_eq!(accepted.0 & (POSITION | HISTORY), 0, "no burst yet, nor one before");
        prop_assert_eq!(accepted.0 >> TIME, 0, "no time of a last call");
        prop_assert!(!accepted.holdable(), "not before it is ready");
        prop_assert!(!accepted.has(HELD | CORKED | ATTEND | SHARED | CHECKED), "nothing of its own");
        prop_assert_eq!(accepted.accepted(), accepted, "nothing else to lose");
    }

    #[test]
    fn the_time_since_the_last_call(begin in any::<u32>(), mark in any::<u8>(), waited in 0u32..1 << 29) {
        let table = Table::new();
        let marked = |socket: Socket| Socket::of(socket.low(), socket.high() & !0xff | u32::from(mark));
        // The mark of a thread takes the lowest byte: so much the time may be wrong, never more.
        let near = |since: u32| since.abs_diff(waited) <= 0xff;
        let held = marked(Socket::of(HELD as u32, begin));
        prop_assert!(near(burst::since(held, begin.wrapping_add(waited))));
        let corked = marked(burst::corked(held, begin, &table));
        prop_assert!(near(burst::since(corked, begin.wrapping_add(waited))), "nothing has followed");
        let one = marked(burst::sent_newly_corked(corked, begin, 1_000).expect("in time"));
        prop_assert!(near(burst::since(one, begin.wrapping_add(waited))), "one call has");
        let two = marked(burst::sent_newly_corked(one, begin, 1_000).expect("in time"));
        prop_assert!(near(burst::since(two, begin.wrapping_add(waited))), "two have");
    }

    #[test]
    fn a_duplicate(word in any::<u64>(), kind in kinds()) {
        let original = Socket(word).into(kind);
        let original = if original.is_connection() { original.opened(word & 1 != 0) } else { original };
        let duplicate = original.duplicated();
        prop_assert_eq!(duplicate.kind(), original.kind());
        prop_assert_eq!(duplicate.tuning(), original.tuning());
        prop_assert_eq!(duplicate.0 & (SERVICE | INHERITED), original.0 & (SERVICE | INHERITED));
        if kind == Kind::Unmet {
            prop_assert_eq!(duplicate, original, "a file is a file");
        } else {
            prop_assert!(duplicate.has(SHARED));
        }
        if original.attended() {
            prop_assert!(!duplicate.has(HELD | CORKED), "what is held is the original's to release");
        }
        prop_assert_eq!(duplicate.0 >> TIME, original.0 >> TIME, "the last call, or the queue, is the socket's");
        if kind == Kind::Listener {
            prop_assert_eq!(duplicate.queued(), original.queued());
            prop_assert_eq!(duplicate.is_uniform(), original.is_uniform());
        }
        prop_assert_eq!(duplicate.duplicated(), duplicate);
    }

    #[test]
    fn fields_are_set_alone(word in any::<u64>(), kind in kinds(), tuning in 0u8..32, service in 0u8..64, queued in any::<u32>()) {
        let socket = Socket(word).into(kind);
        prop_assert_eq!(socket.kind(), kind);
        let tuned = socket.tuned_by(tuning);
        prop_assert_eq!((tuned.tuning(), tuned.tuned_by(socket.tuning())), (tuning, socket));
        let moved = socket.on_service(service);
        prop_assert_eq!(moved.0 & SERVICE, u64::from(service) << 8);
        prop_assert_eq!((moved.0 ^ socket.0) & !SERVICE, 0);
        let counted = socket.with_queued(queued);
        prop_assert_eq!((counted.queued(), counted.0 as u32), (queued, socket.0 as u32));
        prop_assert_eq!(socket.in_burst(), socket.0 & POSITION != 0);
    }
}
