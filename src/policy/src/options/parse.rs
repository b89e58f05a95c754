//! Reads `key=value` entries into an option set. Must not know which variable or rule they stand in.

use super::set::{NAME_MAX, OptionSet};
use super::sockopts::id;
use super::table::{ALLOWED_KEYS, Kind, OptionRow, row};
use crate::fault::Fault;
use crate::grammar::number::{Unit, read};
use crate::grammar::piece::{Piece, is_blank_or_comma};

/// Reads all entries; a later one replaces an earlier one of the same key.
pub(crate) fn parse(entries: Piece<'_>) -> Result<OptionSet, Fault> {
    let mut set = OptionSet::EMPTY;
    let mut rest = entries;
    while let Some(entry) = rest.word(is_blank_or_comma) {
        let (key, value) = match entry.split_once(b'=') {
            Some((key, value)) => (key, Some(value)),
            None => (entry, None),
        };
        if let Some(why) = refused(key) {
            return Err(entry.fault(why));
        }
        let Some(row) = row(key) else { return Err(entry.fault(ALLOWED_KEYS)) };
        if value.and_then(|value| assign(&mut set, row, value)).is_none() {
            return Err(entry.fault(row.value.as_str()).range(row.low.as_str(), row.high.as_str()));
        }
    }
    Ok(set)
}

/// Why a key that one might expect is not an option.
fn refused(key: Piece<'_>) -> Option<&'static str> {
    if key.is("reuseport") || key.is("reuseaddr") {
        Some("no option that changes who may bind to a port: only the program itself can know that")
    } else if key.is("nodelay") || key.is("cork") {
        Some("an option other than nodelay and cork, which TCPTUNE_NODELAY and TCPTUNE_CORK set")
    } else {
        None
    }
}

fn assign(set: &mut OptionSet, row: &'static OptionRow, value: Piece<'_>) -> Option<()> {
    let number = |unit| within(row, value.text, unit);
    match row.kind {
        Kind::Plain => set.put(row.id, number(Unit::Plain)?),
        Kind::Bytes => set.put(row.id, number(Unit::Bytes)?),
        Kind::Micros => set.put(row.id, number(Unit::Micros)?),
        Kind::Millis => set.put(row.id, number(Unit::Millis)?),
        Kind::Seconds => set.put(row.id, number(Unit::Seconds)?),
        Kind::Switch => set.put(row.id, u32::from(value.switch()?)),
        Kind::Linger if value.is("off") => set.put(row.id, u32::MAX),
        Kind::Linger => set.put(row.id, number(Unit::Seconds)?),
        Kind::Dscp => set.put(row.id, u32::from(crate::grammar::dscp::parse(value.text)?.checked_mul(4)?)),
        Kind::Rate => {
            let rate = read(value.text, Unit::Bytes)?;
            let (low, high) = (read(row.low.as_bytes(), Unit::Bytes)?, read(row.high.as_bytes(), Unit::Bytes)?);
            (low..=high).contains(&rate).then(|| set.put_wide(rate))?;
        }
        Kind::Name => {
            let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            let fits = (1..NAME_MAX).contains(&value.text.len()) && value.text.iter().all(legal);
            fits.then(|| set.put_congestion(value.text))?;
        }
        Kind::Keepalive => return keepalive(set, row, value),
    }
    Some(())
}

/// A number within the row's limits.
fn within(row: &OptionRow, text: &[u8], unit: Unit) -> Option<u32> {
    let number = read(text, unit)?;
    let (low, high) = (read(row.low.as_bytes(), unit)?, read(row.high.as_bytes(), unit)?);
    if (low..=high).contains(&number) { u32::try_from(number).ok() } else { None }
}

/// `on`, `off`, or up to three numbers between slashes.
fn keepalive(set: &mut OptionSet, row: &OptionRow, value: Piece<'_>) -> Option<()> {
    let mut read_set = OptionSet::EMPTY;
    if let Some(on) = value.switch().filter(|_| value.text != b"1") {
        read_set.put(id::KEEPALIVE, u32::from(on));
    } else {
        let mut fields = value.split(b'/');
        read_set.put(id::KEEPALIVE, 1);
        read_set.put(id::KEEP_IDLE, within(row, fields.next()?.text, Unit::Seconds)?);
        if let Some(interval) = fields.next() {
            read_set.put(id::KEEP_INTERVAL, within(row, interval.text, Unit::Seconds)?);
        }
        if let Some(count) = fields.next() {
            let count = read(count.text, Unit::Plain).filter(|count| (1..=127).contains(count))?;
            read_set.put(id::KEEP_COUNT, u32::try_from(count).ok()?);
        }
        if fields.next().is_some() {
            return None;
        }
    }
    *set = set.merge(&read_set);
    Some(())
}
