//! Any environment: `NAME=value` entries with zeros between, as the kernel gives them. Every value is read or refused with
//! one printable line that points into it; every question about the result has an answer; and what is shown of it reads back
//! as the same.

use tcptune_policy::{Direction, Fault, Peer, Settings, Subject, Tuning, VARIABLES};

/// The longest line that the library has room for.
const LINE_ROOM: usize = 512;

pub fn check(input: &[u8]) {
    let mut settings = Settings::DEFAULT;
    let mut faults = 0;
    for entry in input.split(|byte| *byte == 0) {
        let Some(end) = entry.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (&entry[..end], &entry[end + 1..]);
        if let Err(fault) = settings.apply(name, value) {
            faults += 1;
            check_fault(&fault, name, value);
            assert!(!settings.enabled(), "a fault turns tuning off");
        }
    }
    settings.finish();
    let mut twice = settings;
    twice.finish();
    assert!(twice == settings, "finishing twice changes something");
    ask(&settings);
    // Where sockets are only observed there is nothing to show.
    if faults == 0 && settings.enabled() == settings.base.enabled() {
        read_back(&settings);
    }
}

fn check_fault(fault: &Fault, name: &[u8], value: &[u8]) {
    assert!(fault.start <= fault.end && fault.end as usize <= value.len(), "{fault:?} in {value:?}");
    assert!(VARIABLES.iter().any(|variable| variable.name == fault.variable()));
    assert_eq!(fault.variable().as_bytes(), name);
    let line = text(|put| fault.line(value, put));
    let end = "; tuning is off for this process\n";
    assert!(line.starts_with(&format!("tcptune: {}: `", fault.variable())) && line.ends_with(end), "{line:?}");
    assert!(
        line.len() <= LINE_ROOM && line.trim_end_matches('\n').bytes().all(|b| matches!(b, b' '..=b'~')),
        "{line:?}"
    );
    assert_eq!(line, format!("tcptune: {}{end}", text(|put| fault.reason(value, put))));
}

/// Sockets of all kinds.
fn subjects() -> impl Iterator<Item = Subject> {
    let peers = [None, Some(Peer::from_v4([10, 0, 0, 1], 143)), Some(Peer::from_v6([0xfe; 16], 65_000))];
    [Direction::Client, Direction::Server].into_iter().flat_map(move |direction| {
        [None, Some(80)]
            .into_iter()
            .flat_map(move |local_port| peers.into_iter().map(move |peer| Subject { direction, local_port, peer }))
    })
}

fn ask(settings: &Settings) {
    for subject in subjects() {
        let index = settings.choose(&subject);
        assert!(index <= settings.rule_count() && (index == 0 || settings.has_rules()));
        let needed = settings.needs_peer(subject.direction, subject.local_port.unwrap_or(0));
        let without = settings.choose(&Subject { peer: None, ..subject });
        // Without its port the library asks about any, so only a known one settles it.
        assert!(needed || subject.local_port.is_none() || !settings.enabled() || index == without, "{subject:?}");
    }
    for n in 0..=255 {
        let tuning = settings.tuning(n);
        // One number stands for sockets that are left alone.
        let none = n > settings.rule_count() && tuning.enabled();
        assert!(!none || tuning == &settings.base, "a rule that is not there is the base");
        assert!(!settings.base.enabled() || tuning.set.is_empty() || settings.sets_options());
        for option in tuning.set.iter() {
            assert!(option.id < 32 && !option.bytes().is_empty());
        }
    }
    settings.wants_program(b"/usr/bin/python3", b"x");
}

/// Reads the text of the rules and of the base again.
fn read_back(settings: &Settings) {
    let rule = |n| text(|put| settings.describe_rule(n, put));
    let rules = (1..=settings.rule_count()).map(rule).collect::<Vec<_>>().join("; ");
    let base = settings.base;
    let set = text(|put| base.set.describe(put));
    let variables = [
        ("TCPTUNE", if settings.enabled() { "on" } else { "off" }),
        ("TCPTUNE_NODELAY", base.nodelay.word()),
        ("TCPTUNE_CORK", base.cork.word()),
        ("TCPTUNE_RELEASE", base.release.word()),
        ("TCPTUNE_QUICKACK", base.quickack.word()),
        ("TCPTUNE_SET", &set),
        ("TCPTUNE_RULES", &rules),
    ];
    let again = read(&variables);
    assert_eq!(again.base, base);
    assert_eq!(again.rule_count(), settings.rule_count(), "{rules}");
    for n in 1..=settings.rule_count() {
        assert_eq!(again.tuning(n), settings.tuning(n), "rule {n} of {rules}");
        assert_eq!(text(|put| again.describe_rule(n, put)), rule(n), "what is shown of what was shown");
        assert_eq!(&as_rule(settings.tuning(n)), settings.tuning(n));
    }
    for subject in subjects() {
        assert_eq!(again.choose(&subject), settings.choose(&subject), "{subject:?} by {rules}");
    }
    assert_eq!(as_rule(&base), base);
}

/// A tuning given as the actions of a rule.
fn as_rule(tuning: &Tuning) -> Tuning {
    if !tuning.enabled() {
        // Nothing else of it is shown, nor means anything.
        let off = text(|put| tuning.describe(put));
        assert_eq!(off, "off");
        return *tuning;
    }
    *read(&[("TCPTUNE_RULES", &text(|put| tuning.describe(put)))]).tuning(1)
}

fn read(variables: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::DEFAULT;
    for (name, value) in variables {
        settings.apply(name.as_bytes(), value.as_bytes()).unwrap_or_else(|fault| panic!("{name}={value}: {fault:?}"));
    }
    settings.finish();
    settings
}

/// What is written piece by piece, as one text.
fn text(write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
    let mut bytes = Vec::new();
    write(&mut |piece| bytes.extend_from_slice(piece));
    String::from_utf8(bytes).expect("only text is written")
}
