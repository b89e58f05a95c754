//! Time in which something may have waited, for all that the kernel's counters of a connection say. Pure.

use std::time::Duration;

use super::peer::microseconds;
use crate::os::tcp_info::TcpInfo;

/// The usual delay of an acknowledgement, in seconds.
pub const DELAY: f64 = 0.04;
/// What a segment may take to be acknowledged beside the round trip, in seconds: the kernel has other things to do.
const PROMPT: f64 = 100e-6;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Suspect {
    /// Seconds in which something was unsent or unacknowledged, less what the segments that were sent take to be acknowledged:
    /// what this end held is part of that.
    pub own: f64,
    /// Acknowledgements without data, for each of which the other end may have waited.
    pub bare_acks: u32,
}

impl Suspect {
    /// Adds the time between two looks.
    pub fn pass(&mut self, info: &TcpInfo, previous: &TcpInfo, gap: Duration) {
        let since = |of: fn(&TcpInfo) -> u32| of(info).wrapping_sub(of(previous));
        let went = since(|i| i.data_segments_out);
        let each = microseconds(info.path().shortest()).as_secs_f64() * 1.25 + PROMPT;
        let busy = Duration::from_micros(info.busy_us.saturating_sub(previous.busy_us)).min(gap);
        self.own += busy.as_secs_f64() - f64::from(went) * each;
        // Each exchange that the other end stalled has one, and they take their time.
        let most = (gap.as_secs_f64() / DELAY) as u32 + 1;
        let came = since(|i| i.data_segments_in);
        let bare = since(|i| i.segments_out).saturating_sub(went).min(came);
        self.bare_acks += if went > 0 && went <= most * 2 { bare.min(most) } else { 0 };
    }

    /// In seconds, both ends' together.
    pub fn total(&self) -> f64 {
        self.own.max(0.0) + f64::from(self.bare_acks) * DELAY
    }
}

#[cfg(test)]
mod tests {
    use super::Suspect;
    use crate::os::tcp_info::TcpInfo;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);
    const BEFORE: TcpInfo = TcpInfo { rtt_us: 300, min_rtt_us: 200, ..TcpInfo::IDLE };

    /// After a second in which so many segments with data went and came, others without data went, and it was busy for so long.
    fn after(went: u32, came: u32, bare: u32, busy_ms: u64) -> Suspect {
        let info = TcpInfo {
            data_segments_out: went,
            data_segments_in: came,
            segments_out: went + bare,
            busy_us: busy_ms * 1000,
            ..BEFORE
        };
        let mut suspect = Suspect::default();
        suspect.pass(&info, &BEFORE, SECOND);
        suspect
    }

    #[test]
    fn what_segments_do_not_explain_is_suspect() {
        // 22 exchanges that stalled; a thousand that took a round trip each; a bulk transfer; nothing at all.
        assert!(after(44, 22, 0, 960).total() > 0.9);
        assert!(after(1_000, 1_000, 0, 220).total() < 0.01);
        assert!(after(50_000, 0, 0, 1_000).total() < 0.01);
        assert_eq!(after(0, 0, 0, 0).total(), 0.0);
    }

    #[test]
    fn one_stall_among_quick_exchanges_shows_but_not_among_very_many() {
        assert!(after(51, 50, 0, 51).total() > after(50, 50, 0, 11).total() + 0.03);
        assert_eq!(after(1_001, 1_000, 0, 260).total(), 0.0);
    }

    #[test]
    fn acknowledgements_without_data_are_suspect_where_there_is_time_for_them() {
        assert_eq!(after(20, 20, 20, 4).bare_acks, 20);
        // Data that only comes; exchanges that are too many to wait.
        assert_eq!((after(0, 500, 250, 0).bare_acks, after(900, 900, 900, 90).bare_acks), (0, 0));
    }
}
