//! Writes numbers as text, piece by piece, into a sink of the caller's. Must not use `core::fmt`, which would bring its
//! tables and its panics into the library.

/// A sink for text: called once for each piece, in order.
pub type Put<'p> = dyn FnMut(&[u8]) + 'p;

/// Writes a number in decimal.
pub fn decimal(number: u64, put: &mut Put<'_>) {
    digits(number, 10, put);
}

/// Writes a number in lower-case hexadecimal, without a prefix.
pub fn hexadecimal(number: u64, put: &mut Put<'_>) {
    digits(number, 16, put);
}

#[inline(never)]
fn digits(number: u64, base: u64, put: &mut Put<'_>) {
    let mut text = [0u8; 20];
    let mut rest = number;
    let mut used = 0usize;
    for place in text.iter_mut().rev() {
        let digit = rest.checked_rem(base).unwrap_or(0).to_le_bytes()[0];
        *place = if digit < 10 { b'0'.wrapping_add(digit) } else { b'a'.wrapping_sub(10).wrapping_add(digit) };
        rest = rest.checked_div(base).unwrap_or(0);
        used = used.wrapping_add(1);
        if rest == 0 {
            break;
        }
    }
    put(text.get(text.len().saturating_sub(used)..).unwrap_or_default());
}
