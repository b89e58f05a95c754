//! Any patterns as TCPTUNE_ONLY and TCPTUNE_SKIP, any names of a program: four texts with zeros between. Held against the
//! plainest matcher there is, a table of which part of the pattern matches which part of the name.

use tcptune_policy::Settings;

/// Both lists together.
const ROOM: usize = 1024;

pub fn check(input: &[u8]) {
    let mut texts = input.splitn(4, |byte| *byte == 0);
    let mut next = || texts.next().unwrap_or_default();
    let (only, skip, exe, call) = (next(), next(), next(), next());
    let mut settings = Settings::DEFAULT;
    let kept = settings.apply(b"TCPTUNE_ONLY", only).and(settings.apply(b"TCPTUNE_SKIP", skip));
    let room = trimmed(only).len() + trimmed(skip).len() <= ROOM;
    assert_eq!(kept.is_ok(), room, "{kept:?}");
    if room {
        let (only, skip) = (patterns(only), patterns(skip));
        assert_eq!(settings.names_wanted(), !only.is_empty() || !skip.is_empty());
        let expected = (only.is_empty() || named(&only, exe, call)) && !named(&skip, exe, call);
        assert_eq!(settings.wants_program(exe, call), expected, "{:?}", String::from_utf8_lossy(input));
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| *byte == b' ' || (9..=13).contains(byte);
    let first = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let last = text.iter().rposition(|byte| !blank(byte)).map_or(first, |n| n + 1);
    &text[first..last]
}

fn patterns(list: &[u8]) -> Vec<&[u8]> {
    let parts = list.split(|byte| *byte == b',' || *byte == b':').map(trimmed);
    parts.filter(|pattern| !pattern.is_empty()).collect()
}

fn named(patterns: &[&[u8]], exe: &[u8], call: &[u8]) -> bool {
    let last_part = |path: &[u8]| path.iter().rposition(|byte| *byte == b'/').map_or(0, |n| n + 1);
    patterns.iter().any(|pattern| {
        if pattern.contains(&b'/') {
            matches(pattern, exe)
        } else {
            matches(pattern, &exe[last_part(exe)..]) || matches(pattern, &call[last_part(call)..])
        }
    })
}

/// One place of a pattern.
enum Part {
    Star,
    Any,
    /// One of these bytes.
    OneOf(Box<[bool; 256]>),
}

fn parts(pattern: &[u8]) -> Vec<Part> {
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < pattern.len() {
        let byte = pattern[at];
        at += 1;
        parts.push(match byte {
            b'*' => Part::Star,
            b'?' => Part::Any,
            b'[' => match class(&pattern[at..]) {
                Some((set, length)) => {
                    at += length;
                    Part::OneOf(set)
                }
                None => only(byte),
            },
            _ => only(byte),
        });
    }
    parts
}

fn only(byte: u8) -> Part {
    let mut set = Box::new([false; 256]);
    set[usize::from(byte)] = true;
    Part::OneOf(set)
}

/// The bytes of a class whose inside starts here, and how long it is with its closing bracket, which cannot come first.
fn class(inside: &[u8]) -> Option<(Box<[bool; 256]>, usize)> {
    let negated = inside.first().is_some_and(|byte| matches!(byte, b'!' | b'^'));
    let start = usize::from(negated);
    let mut set = Box::new([negated; 256]);
    let mut at = start;
    loop {
        let byte = *inside.get(at)?;
        if byte == b']' && at > start {
            return Some((set, at + 1));
        }
        let last = match inside.get(at + 1..at + 3) {
            Some([b'-', last]) if *last != b']' => Some(*last),
            _ => None,
        };
        for member in byte..=last.unwrap_or(byte) {
            set[usize::from(member)] = !negated;
        }
        at += if last.is_some() { 3 } else { 1 };
    }
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Does what was read of the pattern match the first so many bytes of the name?
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for part in parts(pattern) {
        let before = reached;
        reached = (0..=name.len())
            .map(|n| match &part {
                Part::Star => before[..=n].contains(&true),
                Part::Any => n > 0 && before[n - 1],
                Part::OneOf(set) => n > 0 && before[n - 1] && set[usize::from(name[n - 1])],
            })
            .collect();
    }
    reached[name.len()]
}
