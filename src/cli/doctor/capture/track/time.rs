//! Times are nanoseconds, as captures have them.

/// Nanoseconds in a millisecond.
pub const MS: i64 = 1_000_000;
