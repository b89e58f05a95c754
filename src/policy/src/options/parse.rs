//! Parses `key=value` entries into an option set. Must not know which variable or rule they come from.

use super::set::{NAME_MAX, OptionSet};
use super::sockopts::id;
use super::table::{ALLOWED_KEYS, Kind, OptionRow, row};
use crate::fault::Wrong;
use crate::grammar::dscp;
use crate::grammar::number::{Unit, read};
use crate::grammar::piece::{Gap, field, split_once, switch, word};
use crate::grammar::words::words;

/// Parses all entries. Of two entries with the same key the later one counts.
#[inline(never)]
pub(crate) fn parse<'v>(set: &mut OptionSet, entries: &'v [u8], wrong: &mut Wrong<'v>) -> Option<()> {
    let mut rest = entries;
    while let Some(entry) = word(&mut rest, Gap::BlankOrComma) {
        let (key, value) = match split_once(entry, b'=') {
            Some((key, value)) => (key, Some(value)),
            None => (entry, None),
        };
        let Some((number, row)) = row(key) else {
            return wrong.note(entry, refused(key).unwrap_or(ALLOWED_KEYS));
        };
        if value.and_then(|value| assign(set, row, value)).is_none() {
            return wrong.note_option(entry, number);
        }
    }
    Some(())
}

/// Why a key that a user might expect is not an option.
#[cold]
fn refused(key: &[u8]) -> Option<&'static str> {
    Some(match words!("reuseport reuseaddr nodelay cork").find(key)? {
        0 | 1 => "no option that changes who may bind to a port: only the program itself can know that",
        _ => "an option other than nodelay and cork, which TCPTUNE_NODELAY and TCPTUNE_CORK set",
    })
}

#[inline(never)]
fn assign(set: &mut OptionSet, row: &'static OptionRow, value: &[u8]) -> Option<()> {
    let number = match row.kind {
        Kind::Switch => u32::from(switch(value)?),
        Kind::Linger if words!("off").find(value).is_some() => u32::MAX,
        Kind::Plain | Kind::Bytes | Kind::Micros | Kind::Millis | Kind::Seconds | Kind::Linger => narrow(row, value)?,
        Kind::Dscp => u32::from(dscp::parse(value)?.checked_mul(4)?),
        Kind::Rate => {
            set.put_wide(within(row, value)?);
            return Some(());
        }
        Kind::Name => {
            let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            let fits = (1..NAME_MAX).contains(&value.len()) && value.iter().all(legal);
            return fits.then(|| set.put_congestion(value));
        }
        Kind::Keepalive => return keepalive(set, row, value),
    };
    set.put(row.id, number);
    Some(())
}

/// Reads a number within the limits of the row.
#[inline(never)]
fn within(row: &OptionRow, text: &[u8]) -> Option<u64> {
    let number = read(text, row.kind.unit())?;
    let [low, high] = row.range;
    (low..=high).contains(&number).then_some(number)
}

fn narrow(row: &OptionRow, text: &[u8]) -> Option<u32> {
    u32::try_from(within(row, text)?).ok()
}

/// Reads `on`, `off`, or up to three numbers separated by slashes.
fn keepalive(set: &mut OptionSet, row: &OptionRow, value: &[u8]) -> Option<()> {
    set.clear_keepalive();
    // Here a bare 1 means one second, not `on`.
    if let Some(on) = switch(value).filter(|_| value != b"1") {
        set.put(id::KEEPALIVE, u32::from(on));
        return Some(());
    }
    set.put(id::KEEPALIVE, 1);
    let mut rest = Some(value);
    for id in [id::KEEP_IDLE, id::KEEP_INTERVAL, id::KEEP_COUNT] {
        let Some(text) = field(&mut rest, b'/') else { break };
        let number = if id == id::KEEP_COUNT {
            u32::try_from(read(text, Unit::Plain).filter(|count| (1..=127).contains(count))?).ok()?
        } else {
            narrow(row, text)?
        };
        set.put(id, number);
    }
    // A fourth field is an error.
    if rest.is_some() { None } else { Some(()) }
}
