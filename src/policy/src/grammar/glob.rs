//! Shell patterns for program names: `*`, `?` and `[...]`. Takes time at most proportional to the lengths of pattern
//! and name multiplied. Knows nothing of paths: `*` matches `/` too.

/// Does the whole name match the pattern?
#[inline(never)]
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    // Where to resume after a mismatch: after the last star, which then matches one more byte of the name.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            retry = Some((rest, name));
            pattern = rest;
            continue;
        }
        let step = match name {
            [] if pattern.is_empty() => return true,
            // The name is used up, so a star has nothing more to match.
            [] => return false,
            [byte, rest @ ..] => one(pattern, *byte).map(|behind| (behind, rest)),
        };
        match (step, retry) {
            (Some((behind, rest)), _) => (pattern, name) = (behind, rest),
            (None, Some((behind, [_, rest @ ..]))) => {
                retry = Some((behind, rest));
                (pattern, name) = (behind, rest);
            }
            (None, _) => return false,
        }
    }
}

/// Matches one byte against the first element of the pattern; returns the rest of the pattern.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => match class(rest, byte) {
            Some((true, behind)) => Some(behind),
            Some((false, _)) => None,
            // Without a closing bracket, the opening one is an ordinary byte.
            None => (byte == b'[').then_some(rest),
        },
        [head, rest @ ..] => (*head == byte).then_some(rest),
        [] => None,
    }
}

/// Is the byte in the class that starts here, after its bracket? Also returns what follows the class; `None` if it is
/// not closed.
fn class(inside: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match inside {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, inside),
    };
    let mut found = false;
    let mut first = true;
    loop {
        match rest {
            [b']', behind @ ..] if !first => return Some((found != negated, behind)),
            [low, b'-', high, more @ ..] if *high != b']' => {
                found |= (*low..=*high).contains(&byte);
                rest = more;
            }
            [only, more @ ..] => {
                found |= *only == byte;
                rest = more;
            }
            [] => return None,
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_questions_and_classes() {
        for (pattern, name) in [
            ("nginx", "nginx"),
            ("python*", "python3.11"),
            ("*", ""),
            ("*", "anything"),
            ("p?rl", "perl"),
            ("*.[ch]", "a.b.c"),
            ("[!a-c]x", "dx"),
            ("[]x]", "]"),
            ("[a-]", "-"),
            ("a*b*c", "a-b-b-c"),
            ("[abc", "[abc"),
            ("/usr/*/imapd", "/usr/lib/cyrus/bin/imapd"),
        ] {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} should match {name}");
        }
        for (pattern, name) in [
            ("nginx", "nginx2"),
            ("nginx2", "nginx"),
            ("", "x"),
            ("?", ""),
            ("[!a-c]x", "bx"),
            ("*.[ch]", "a.b.d"),
            ("Nginx", "nginx"),
            ("a*b*c", "acb"),
        ] {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} should not match {name}");
        }
    }

    #[test]
    fn many_stars_end_in_reasonable_time() {
        let pattern = [b"*a".as_slice(); 200].concat();
        let name = [b'b'; 4_000];
        assert!(!matches(&pattern, &name));
    }
}
