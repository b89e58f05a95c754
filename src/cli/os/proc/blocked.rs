//! What a thread is waiting for in the kernel.

use std::os::fd::RawFd;

use super::entry::text;

/// The descriptor that a thread waits to read from, if that is what it does.
pub fn reads_from(thread: u64) -> Option<RawFd> {
    parse(&text(thread, "syscall").ok()?)
}

/// The number of the system call, then its arguments; `running` where there is none.
fn parse(call: &str) -> Option<RawFd> {
    const READS: [i64; 4] = [libc::SYS_read, libc::SYS_readv, libc::SYS_recvfrom, libc::SYS_recvmsg];
    let mut words = call.split_ascii_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let first = words.next()?.strip_prefix("0x")?;
    READS.contains(&number).then(|| RawFd::from_str_radix(first, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_call_is_read() {
        let rest = "0x7f01 0x64 0x0 0x0 0x0 0x7ffc 0x7f02";
        assert_eq!(parse(&format!("{} 0x1f {rest}\n", libc::SYS_recvfrom)), Some(31));
        assert_eq!(parse(&format!("{} 0x1f {rest}\n", libc::SYS_ppoll)), None);
        assert_eq!(parse("running\n"), None);
        assert_eq!(parse("-1 0x7ffc 0x7f02\n"), None);
    }
}
