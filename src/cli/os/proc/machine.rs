//! What /proc says of the machine: its load, its settings, what the kernel counts.

use std::fs;
use std::ops::RangeInclusive;

/// Runnable processes on average over the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The congestion control of new connections; empty where that is not said.
pub fn congestion_control() -> String {
    let name = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    name.trim().to_owned()
}

/// The ports that the kernel gives to who asks for none; Linux's own where it does not say.
pub fn ephemeral_ports() -> RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) => first..=last,
        _ => 32_768..=60_999,
    }
}

/// Who may look into other processes, where Yama is in the kernel: its file and the number in it.
pub struct Yama {
    pub file: &'static str,
    pub scope: u32,
}

pub fn yama() -> Option<Yama> {
    let file = "/proc/sys/kernel/yama/ptrace_scope";
    Some(Yama { file, scope: fs::read_to_string(file).ok()?.trim().parse().ok()? })
}

/// A table of the kernel's network counters: `snmp` or `netstat`.
pub fn counters(table: &str) -> String {
    fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default()
}

/// The value below a name: the kernel writes a line of names and a line of values, both with the group in front.
pub fn counter(table: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = table.lines().filter(|line| line.starts_with(group));
    let index = lines.next()?.split_ascii_whitespace().position(|word| word == name)?;
    lines.next()?.split_ascii_whitespace().nth(index)?.parse().ok()
}
