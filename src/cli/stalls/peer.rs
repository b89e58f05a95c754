//! Does the other end wait for our delayed acknowledgements? Seen from here, where the other end is not watched. Pure.

use std::time::{Duration, Instant};

use tcptune_policy::stall::Path;

use super::hidden::BLIND;
use crate::os::tcp_info::TcpInfo;

/// The shortest pause after which an acknowledgement of ours can be a delayed one: its timer is 40 ms, and the kernel says how
/// long ago data came to its own tick of up to 10 ms.
const DELAYED: Duration = Duration::from_millis(28);
/// By how much a time that was seen in looks may differ from what it was, beside half of each time between two looks.
const UNSURE: Duration = Duration::from_micros(1500);

/// A delayed acknowledgement.
#[derive(Clone, Copy)]
struct Acknowledged {
    at: Instant,
    delay: Duration,
    /// By how much both may be wrong.
    unsure: Duration,
}

/// Can the answer to what we send take so long on this path, if the peer sends it at once? The time may be wrong by `unsure`.
fn takes(path: Path, time: Duration, unsure: Duration) -> bool {
    let shortest = microseconds(path.shortest());
    (shortest.saturating_sub(unsure)..=microseconds(path.longest()) * 5 / 4 + unsure).contains(&time)
}

/// A time as the kernel gives it.
pub fn microseconds(time: u32) -> Duration {
    Duration::from_micros(time.into())
}

/// What the looks at a connection show of it.
#[derive(Default)]
pub struct PeerWaits {
    /// How long our acknowledgements were delayed that the peer seems to have waited for.
    pub waits: Vec<Duration>,
    /// A delayed acknowledgement that went out, if nothing has come on it or gone since.
    acknowledged: Option<Acknowledged>,
    /// Looks, close enough to the one before, that saw acknowledgements without data; a peer that waits needs one each time.
    /// Those of what came on another acknowledgement are not among them.
    pub bare_acks: u32,
}

impl PeerWaits {
    /// Forgets what was seen, but for what is under way.
    pub fn restart(&mut self) {
        self.waits.clear();
        self.bare_acks = 0;
    }

    /// A pause as long as an acknowledgement is delayed, in which we sent nothing; then a bare acknowledgement of ours; and, as
    /// soon as the path allows, a small piece of the peer's. On a short path one look may see both.
    pub fn look(&mut self, info: TcpInfo, previous: TcpInfo, gap: Duration, now: Instant) {
        let pending = self.acknowledged.take();
        if gap > BLIND {
            // Nothing was missed if nothing has changed.
            let same = |i: &TcpInfo| (i.bytes_received, i.segments_out);
            self.acknowledged = pending.filter(|_| same(&info) == same(&previous));
            return;
        }
        let when = now.checked_sub(gap / 2).unwrap_or(now);
        let bare = |i: &TcpInfo| i.segments_out.wrapping_sub(i.data_segments_out);
        let acknowledged = bare(&info) != bare(&previous);
        // In the same tick of the kernel's timer we answered what came before.
        let silent = previous.last_data_sent >= previous.last_data_received;
        let path = info.path();
        let delay = Duration::from_millis(previous.last_data_received.into()) + gap / 2;
        let unsure = UNSURE + gap / 2;
        let delayed = (DELAYED..=microseconds(path.longest_delay()) + unsure).contains(&delay);
        let fresh = (acknowledged && silent && delayed).then_some(Acknowledged { at: when, delay, unsure });
        let pending = pending.filter(|_| silent);
        let received = info.bytes_received.saturating_sub(previous.bytes_received);
        // What comes on an acknowledgement may be acknowledged at once, in the same look: that one counts for nothing.
        self.bare_acks += u32::from(acknowledged && (received == 0 || pending.is_none()));
        if received == 0 {
            // What we send ourselves the peer may wait for, and not for the acknowledgement.
            let silent = info.data_segments_out == previous.data_segments_out;
            self.acknowledged = fresh.or(pending).filter(|_| silent);
        } else if received < u64::from(info.mss) {
            let in_time =
                |ack: &Acknowledged| takes(path, when.saturating_duration_since(ack.at), ack.unsure + gap / 2);
            self.waits.extend(pending.or(fresh).filter(in_time).map(|ack| ack.delay));
        }
    }
}
