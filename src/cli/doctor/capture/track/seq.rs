//! Numbers of TCP, which begin again after the last (RFC 9293, 3.4).

/// Does `a` come before `b`?
pub fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}
