//! Whatever stands in the environment, reading it ends: with settings, or with a fault that points into the value and is
//! one printable line. Bytes alone would fail at the first one, so most cases are made of the grammar's own pieces.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::{read, text};
use tcptune_policy::{Direction, Peer, Settings, Subject, VARIABLES};

/// The longest line the library has room for.
const LINE_ROOM: usize = 512;

const PIECES: &[&str] = &[
    "port=",
    "listen=",
    "peer=",
    "client",
    "server",
    "off",
    "on",
    "nodelay=",
    "cork=",
    "release=",
    "quickack=",
    "set(",
    ")",
    ";",
    ",",
    " ",
    "\t",
    "/",
    "-",
    ":",
    "=",
    "0",
    "1",
    "143",
    "65535",
    "65536",
    "8000-8010",
    "10.0.0.0/8",
    "fe80::/10",
    "::1",
    "::ffff:1.2.3.4/97",
    "force",
    "auto",
    "own",
    "all",
    "keepalive=60/10/5",
    "user_timeout=",
    "30s",
    "1m",
    "4g",
    "linger=off",
    "congestion=bbr",
    "dscp=af21",
    "tos=0xff",
    "max_pacing_rate=1024g",
    "reuseport=1",
    "python*",
    "[a-",
    "]",
    "\u{7f}",
    "\n",
    "é",
    "18446744073709551615",
    "99999999999999999999",
];

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => pieces(), 1 => vec(any::<u8>(), 0..200), 1 => vec(prop::sample::select(b"=;, ()/:.-".as_slice()), 0..40)]
}

fn check(name: &str, value: &[u8]) {
    let mut settings = Settings::DEFAULT;
    let result = settings.apply(name.as_bytes(), value);
    settings.finish();
    let Err(fault) = result else { return ask(&settings) };
    assert!(fault.start <= fault.end && fault.end as usize <= value.len(), "{fault:?} in {value:?}");
    assert!(!settings.enabled(), "a fault turns tuning off");
    assert_eq!(fault.variable(), name);
    let line = text(|put| fault.line(value, put));
    let end = "; tuning is off for this process\n";
    assert!(line.starts_with(&format!("tcptune: {name}: `")) && line.ends_with(end), "{line}");
    assert!(line.bytes().filter(|b| *b == b'\n').count() == 1 && line.len() <= LINE_ROOM, "{} {line}", line.len());
    assert!(line.trim_end().bytes().all(|b| matches!(b, b' '..=b'~')), "{line:?}");
    assert_eq!(line, format!("tcptune: {}{end}", text(|put| fault.reason(value, put))));
    ask(&settings);
}

/// Every question has an answer.
fn ask(settings: &Settings) {
    for direction in [Direction::Client, Direction::Server] {
        for local_port in [None, Some(80)] {
            for peer in [None, Some(Peer::from_v4([10, 1, 2, 3], 143)), Some(Peer::from_v6([0; 16], 0))] {
                let index = settings.choose(&Subject { direction, local_port, peer });
                assert!(index <= settings.rule_count());
                settings
                    .tuning(index)
                    .set
                    .iter()
                    .for_each(|option| assert!(option.id < 32 && !option.bytes().is_empty()));
            }
            settings.needs_peer(direction, local_port.unwrap_or(0));
        }
    }
    assert_eq!(settings.tuning(255), &settings.base, "a rule that is not there is the base");
    settings.wants_program(b"/usr/bin/python3", b"x");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_of_any_variable_is_read_or_refused(variable in 0..VARIABLES.len(), value in values()) {
        check(VARIABLES[variable].name, &value);
    }

    #[test]
    fn any_other_variable_is_ignored(name in "TCPTUNE[A-Za-z_=]{0,9}", value in values()) {
        prop_assume!(VARIABLES.iter().all(|variable| variable.name != name));
        let settings = read(&name, &value);
        prop_assert_eq!(settings, read("PATH", b""));
    }

    #[test]
    fn patterns_never_fail_but_by_length(list in vec(any::<u8>(), 0..1500), exe in vec(any::<u8>(), 0..60)) {
        let settings = read("TCPTUNE_SKIP", &list);
        prop_assert_eq!(settings.is_err(), list.trim_ascii().len() > 1024 && list.len() > 1024);
        if let Ok(settings) = settings {
            settings.wants_program(&exe, &exe);
        }
    }
}

#[test]
fn the_longest_lines_fit() {
    check("TCPTUNE_SET", "x".repeat(70_000).as_bytes());
    check("TCPTUNE_SET", format!("{}{}", " ".repeat(99_000), "\x01".repeat(100)).as_bytes());
    check("TCPTUNE_RULES", format!("{}peer={}", " ".repeat(99_000), "9".repeat(100)).as_bytes());
    check("TCPTUNE_ONLY", "y".repeat(2_000).as_bytes());
}

#[test]
fn more_rules_ports_or_networks_than_there_is_room_for_are_refused() {
    let rules = |count: usize| vec!["port=1 off"; count].join(";");
    assert_eq!(read("TCPTUNE_RULES", rules(30).as_bytes()).expect("there is room").rule_count(), 30);
    check("TCPTUNE_RULES", rules(31).as_bytes());
    assert!(read("TCPTUNE_RULES", rules(31).as_bytes()).is_err());
    for (word, item, room) in [("port", "1", 96), ("listen", "1-2", 96), ("peer", "::1", 64)] {
        let rule = |count: usize| format!("{word}={} off", vec![item; count].join(","));
        assert!(read("TCPTUNE_RULES", rule(room).as_bytes()).is_ok());
        check("TCPTUNE_RULES", rule(room + 1).as_bytes());
        assert!(read("TCPTUNE_RULES", rule(room + 1).as_bytes()).is_err());
    }
}
