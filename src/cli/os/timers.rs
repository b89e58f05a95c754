//! The bounds of its timers that a socket may set since Linux 6.15: does this kernel have them, and what does it take? Tried on a
//! socket of our own, for the smallest value is two ticks of the kernel's, and the tick is its own affair.

use std::io;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketType, socket};
use tcptune_policy::{OptionSet, SockOpt, TCP_DELACK_MAX_US, TCP_RTO_MAX_MS, TCP_RTO_MIN_US};

use super::option;
use crate::errors::plain;

/// Name, what it is called in TCPTUNE_SET, and the kernel's largest value.
const TIMERS: [(i32, &str, &str, &str); 3] = [
    (TCP_DELACK_MAX_US, "delack_max", "TCP_DELACK_MAX_US", "200ms"),
    (TCP_RTO_MIN_US, "rto_min", "TCP_RTO_MIN_US", "200ms"),
    (TCP_RTO_MAX_MS, "rto_max", "TCP_RTO_MAX_MS", "120s"),
];
/// In microseconds what the kernel rounds up to two ticks, at 1000, 300, 250 and 100 Hz.
const SHORTEST: [i32; 4] = [1_001, 3_334, 4_001, 10_001];

/// What this kernel has against one of these options; none: it takes them all. Others are not tried.
pub fn objection(set: &OptionSet) -> Option<String> {
    let ours = socket(AddressFamily::INET, SocketType::STREAM, None).ok()?;
    set.iter().find_map(|wanted| refused(&ours, &wanted))
}

fn refused(ours: &impl AsRawFd, wanted: &SockOpt) -> Option<String> {
    let (_, key, kernel, most) =
        TIMERS.iter().find(|timer| (wanted.level, wanted.name) == (libc::IPPROTO_TCP, timer.0))?;
    let error = option::write(ours, wanted.level, wanted.name, wanted.bytes()).err()?;
    Some(match error.raw_os_error() {
        Some(libc::EINVAL) => {
            let least = shortest(ours, wanted.name).map_or_else(|_| "1s".to_owned(), written);
            format!("{key}: this kernel allows {least} to {most}")
        }
        _ => lacking(key, kernel, &error),
    })
}

/// As TCPTUNE_SET takes it: `8ms`, at 300 Hz `6666us`.
pub fn written(time: i32) -> String {
    if time % 1000 == 0 { format!("{}ms", time / 1000) } else { format!("{time}us") }
}

fn lacking(key: &str, kernel: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOPROTOOPT) => format!("{key}: this kernel does not have {kernel} (Linux 6.15 or newer does)"),
        _ => format!("{key}: {kernel}: {}", plain(error)),
    }
}

/// The smallest bound of delayed acknowledgements, in microseconds; or why there is none.
pub fn shortest_delay() -> Result<i32, String> {
    let (name, key, kernel, _) = TIMERS[0];
    let tried = socket(AddressFamily::INET, SocketType::STREAM, None).map_err(io::Error::from);
    tried.and_then(|ours| shortest(&ours, name)).map_err(|error| lacking(key, kernel, &error))
}

fn shortest(ours: &impl AsRawFd, name: i32) -> io::Result<i32> {
    let set = |time: i32| option::write(ours, libc::IPPROTO_TCP, name, &time.to_ne_bytes());
    let mut last = io::Error::from_raw_os_error(libc::EINVAL);
    for time in SHORTEST {
        match set(time) {
            Ok(()) => {
                let taken = option::read::<4>(ours, libc::IPPROTO_TCP, name)?;
                return Ok(option::integer(&taken).unwrap_or(time));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::{lacking, objection, shortest_delay, written};
    use crate::settings;

    fn set(text: &str) -> Option<String> {
        objection(&settings::read(&[("TCPTUNE_SET".into(), text.into())]).settings.base.set)
    }

    #[test]
    fn what_the_kernel_takes_is_found_out() {
        assert_eq!(set("ttl=64 sndbuf=1m"), None);
        match shortest_delay() {
            Ok(least) => {
                assert!((2_000..=20_000).contains(&least), "{least}");
                assert_eq!(set(&format!("delack_max={least}us rto_min=200ms rto_max=10s")), None);
                let text = set("delack_max=1ms").expect("less than two ticks");
                assert_eq!(text, format!("delack_max: this kernel allows {} to 200ms", written(least)));
            }
            // Older than Linux 6.15.
            Err(text) => assert_eq!(set("delack_max=100ms"), Some(text)),
        }
    }

    #[test]
    fn a_kernel_without_it_is_told_in_a_line() {
        let text = lacking("delack_max", "TCP_DELACK_MAX_US", &std::io::Error::from_raw_os_error(libc::ENOPROTOOPT));
        assert_eq!(text, "delack_max: this kernel does not have TCP_DELACK_MAX_US (Linux 6.15 or newer does)");
    }
}
