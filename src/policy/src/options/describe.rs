//! Writes an option set as text. Must be the exact inverse of parsing: what is written here reads back as the same set.

use super::set::OptionSet;
use super::sockopts::id;
use super::table::{Kind, OPTION_TEXTS, OPTIONS, OptionRow};
use crate::grammar::dscp;
use crate::grammar::number::{Unit, write};
use crate::put::{Put, decimal};

impl OptionSet {
    /// Writes `key=value` entries separated by blanks, in the order of the table; nothing for an empty set.
    pub fn describe(&self, put: &mut dyn FnMut(&[u8])) {
        let mut first = true;
        let rows = OPTIONS.iter().zip(&OPTION_TEXTS);
        for (row, text) in rows.filter(|(row, _)| self.has(row.id) && self.is_written_as(row)) {
            if !first {
                put(b" ");
            }
            first = false;
            put(text.key.as_bytes());
            put(b"=");
            self.describe_value(row, put);
        }
    }

    /// Is the option written by this row? A type of service with its two lowest bits clear is written as a DSCP, any
    /// other as a number.
    fn is_written_as(&self, row: &OptionRow) -> bool {
        row.id != id::TOS || (self.value(id::TOS) & 3 == 0) == matches!(row.kind, Kind::Dscp)
    }

    fn describe_value(&self, row: &OptionRow, put: &mut Put<'_>) {
        let value = self.value(row.id);
        match row.kind {
            Kind::Linger if value == u32::MAX => put(b"off"),
            Kind::Plain | Kind::Bytes | Kind::Micros | Kind::Millis | Kind::Seconds | Kind::Linger => {
                write(u64::from(value), row.kind.unit(), put);
            }
            Kind::Switch => put(if value == 0 { b"off" } else { b"on" }),
            Kind::Dscp => dscp::write(u8::try_from(value >> 2).unwrap_or(0), put),
            Kind::Rate => write(self.wide(), Unit::Bytes, put),
            Kind::Name => put(self.congestion()),
            Kind::Keepalive => self.describe_keepalive(put),
        }
    }

    fn describe_keepalive(&self, put: &mut Put<'_>) {
        if !self.has(id::KEEP_IDLE) {
            put(if self.value(id::KEEPALIVE) == 0 { b"off" } else { b"on" });
            return;
        }
        write(u64::from(self.value(id::KEEP_IDLE)), Unit::Seconds, put);
        if self.has(id::KEEP_INTERVAL) {
            put(b"/");
            write(u64::from(self.value(id::KEEP_INTERVAL)), Unit::Seconds, put);
        }
        if self.has(id::KEEP_COUNT) {
            put(b"/");
            decimal(u64::from(self.value(id::KEEP_COUNT)), put);
        }
    }
}
