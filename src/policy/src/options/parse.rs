//! Reads `key=value` entries into an option set. Must not know which variable or rule they stand in.

use super::set::{NAME_MAX, OptionSet};
use super::sockopts::id;
use super::table::{ALLOWED_KEYS, Kind, OptionRow, row};
use crate::fault::Fault;
use crate::grammar::dscp;
use crate::grammar::number::{Unit, read};
use crate::grammar::piece::{Gap, Piece};
use crate::grammar::words::words;

/// Reads all entries; a later one replaces an earlier one of the same key.
pub(crate) fn parse(entries: Piece<'_>) -> Result<OptionSet, Fault> {
    let mut set = OptionSet::EMPTY;
    let mut rest = entries;
    while let Some(entry) = rest.word(Gap::BlankOrComma) {
        let (key, value) = match entry.split_once(b'=') {
            Some((key, value)) => (key, Some(value)),
            None => (entry, None),
        };
        let Some((number, row)) = row(key) else { return Err(entry.fault(refused(key).unwrap_or(ALLOWED_KEYS))) };
        if value.and_then(|value| assign(&mut set, row, value)).is_none() {
            return Err(entry.fault("").of_option(number));
        }
    }
    Ok(set)
}

/// Why a key that one might expect is not an option.
#[cold]
fn refused(key: Piece<'_>) -> Option<&'static str> {
    Some(match key.pick(words!("reuseport reuseaddr nodelay cork"))? {
        0 | 1 => "no option that changes who may bind to a port: only the program itself can know that",
        _ => "an option other than nodelay and cork, which TCPTUNE_NODELAY and TCPTUNE_CORK set",
    })
}

#[inline(never)]
fn assign(set: &mut OptionSet, row: &'static OptionRow, value: Piece<'_>) -> Option<()> {
    let number = match row.kind {
        Kind::Plain | Kind::Bytes | Kind::Micros | Kind::Millis | Kind::Seconds => narrow(row, value.text)?,
        Kind::Switch => u32::from(value.switch()?),
        Kind::Linger => match value.pick(words!("off")) {
            Some(_) => u32::MAX,
            None => narrow(row, value.text)?,
        },
        Kind::Dscp => u32::from(dscp::parse(value.text)?.checked_mul(4)?),
        Kind::Rate => {
            set.put_wide(within(row, value.text)?);
            return Some(());
        }
        Kind::Name => {
            let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            let fits = (1..NAME_MAX).contains(&value.text.len()) && value.text.iter().all(legal);
            return fits.then(|| set.put_congestion(value.text));
        }
        Kind::Keepalive => return keepalive(set, row, value),
    };
    set.put(row.id, number);
    Some(())
}

/// A number within the row's limits.
fn within(row: &OptionRow, text: &[u8]) -> Option<u64> {
    let number = read(text, row.kind.unit())?;
    let [low, high] = row.range;
    (low..=high).contains(&number).then_some(number)
}

#[inline(never)]
fn narrow(row: &OptionRow, text: &[u8]) -> Option<u32> {
    u32::try_from(within(row, text)?).ok()
}

/// `on`, `off`, or up to three numbers between slashes.
fn keepalive(set: &mut OptionSet, row: &OptionRow, value: Piece<'_>) -> Option<()> {
    set.clear_keepalive();
    // A bare 1 is a second, not another word for on.
    if let Some(on) = value.switch().filter(|_| value.text != b"1") {
        set.put(id::KEEPALIVE, u32::from(on));
        return Some(());
    }
    set.put(id::KEEPALIVE, 1);
    for (n, field) in value.split(b'/').enumerate() {
        match n {
            0 => set.put(id::KEEP_IDLE, narrow(row, field.text)?),
            1 => set.put(id::KEEP_INTERVAL, narrow(row, field.text)?),
            2 => {
                let count = read(field.text, Unit::Plain).filter(|count| (1..=127).contains(count))?;
                set.put(id::KEEP_COUNT, u32::try_from(count).ok()?);
            }
            _ => return None,
        }
    }
    Some(())
}
