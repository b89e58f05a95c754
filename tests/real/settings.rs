//! The settings reach the sockets: what TCPTUNE_SET, TCPTUNE_RULES, TCPTUNE_ONLY and TCPTUNE_SKIP ask for is in the kernel
//! afterwards, on the sockets they name and on no other, and what the application sets itself is left alone.

use crate::support;
use crate::support::{Mode, compile, finish, free_port};
use std::collections::BTreeSet;

/// The lines `ROLE OPTION VALUE` of tests/programs/settings.c.
fn options(address: &str, port: u16, own: &[&str], environment: &[(&str, &str)]) -> BTreeSet<String> {
    let mut command = Mode::Preloaded.command(compile("settings"));
    command.args([address, &port.to_string()]).args(own).envs(environment.iter().copied());
    let outcome = finish(&mut command);
    assert_eq!(support::text(&outcome.stderr), "", "{environment:?}");
    outcome.expect().lines().map(str::to_owned).collect()
}

/// What the kernel derives by itself from other options, or decides anew all the time.
const DERIVED: [&str; 5] = ["SO_SNDBUF", "SO_RCVBUF", "SO_PRIORITY", "TCP_MAXSEG", "TCP_WINDOW_CLAMP"];

/// Setting, then `OPTION VALUE` pairs that all of these roles have with it and none has without.
const SETTINGS: [(&str, &str, &[&str]); 27] = [
    ("keepalive=60/10/5", "lca", &["SO_KEEPALIVE 1", "TCP_KEEPIDLE 60", "TCP_KEEPINTVL 10", "TCP_KEEPCNT 5"]),
    ("keepalive=2m", "lca", &["SO_KEEPALIVE 1", "TCP_KEEPIDLE 120"]),
    ("user_timeout=30s", "lca", &["TCP_USER_TIMEOUT 30000"]),
    ("user_timeout=1500ms", "lca", &["TCP_USER_TIMEOUT 1500"]),
    // The kernel doubles the sizes of buffers.
    ("sndbuf=40k", "lca", &["SO_SNDBUF 81920"]),
    ("rcvbuf=40k", "lca", &["SO_RCVBUF 81920"]),
    ("congestion=reno", "lca", &["TCP_CONGESTION reno"]),
    ("notsent_lowat=128k", "lca", &["TCP_NOTSENT_LOWAT 131072"]),
    ("dscp=af21", "lca", &["IP_TOS 72"]),
    ("dscp=ef", "lca", &["IP_TOS 184"]),
    ("tos=0x10", "lca", &["IP_TOS 16"]),
    ("priority=5", "lca", &["SO_PRIORITY 5"]),
    ("ttl=33", "lca", &["IP_TTL 33"]),
    ("linger=5s", "lca", &["SO_LINGER 1/5"]),
    ("linger=0", "lca", &["SO_LINGER 1/0"]),
    ("maxseg=1200", "l", &["TCP_MAXSEG 1200"]),
    // The kernel counts in retransmissions: 1, 3, 7 … seconds.
    ("defer_accept=5s", "l", &["TCP_DEFER_ACCEPT 7"]),
    ("fastopen=256", "l", &["TCP_FASTOPEN 256"]),
    ("fastopen_connect=on", "c", &["TCP_FASTOPEN_CONNECT 1"]),
    ("busy_poll=50", "lca", &["SO_BUSY_POLL 50"]),
    ("thin_linear_timeouts=on", "lca", &["TCP_THIN_LINEAR_TIMEOUTS 1"]),
    ("mark=0x17", "lca", &["SO_MARK 23"]),
    ("max_pacing_rate=10m", "lca", &["SO_MAX_PACING_RATE 10485760"]),
    ("rcvlowat=100", "lca", &["SO_RCVLOWAT 100"]),
    ("syncnt=3", "lca", &["TCP_SYNCNT 3"]),
    ("window_clamp=256k", "l", &["TCP_WINDOW_CLAMP 262144"]),
    ("ttl=33,user_timeout=30s tos=16", "lca", &["IP_TTL 33", "TCP_USER_TIMEOUT 30000", "IP_TOS 16"]),
];

fn role(letter: char) -> &'static str {
    match letter {
        'l' => "listener",
        'c' => "client",
        'a' => "accepted",
        other => panic!("no role {other}"),
    }
}

/// The same for what only Linux 6.15 and newer have: for others the library is silent. At any rate of the kernel's timer these are
/// whole ticks.
const TIMERS: [(&str, &str, &[&str]); 3] = [
    ("delack_max=60ms", "lca", &["TCP_DELACK_MAX_US 60000"]),
    ("rto_min=100ms", "lca", &["TCP_RTO_MIN_US 100000"]),
    ("rto_max=10s", "lca", &["TCP_RTO_MAX_MS 10000"]),
];

#[test]
fn every_option_reaches_its_sockets_and_nothing_else_changes() {
    let base = options("127.0.0.1", free_port(), &[], &[]);
    let new = base.iter().any(|line| line.contains("TCP_DELACK_MAX_US"));
    if !new {
        for (setting, _, _) in TIMERS {
            assert_eq!(options("127.0.0.1", free_port(), &[], &[("TCPTUNE_SET", setting)]), base, "{setting}");
        }
    }
    for (setting, roles, values) in SETTINGS.into_iter().chain(TIMERS.into_iter().filter(|_| new)) {
        let set = options("127.0.0.1", free_port(), &[], &[("TCPTUNE_SET", setting)]);
        let mut wanted = BTreeSet::new();
        for letter in roles.chars() {
            wanted.extend(values.iter().map(|value| format!("{} {value}", role(letter))));
        }
        for line in &wanted {
            assert!(set.contains(line), "{setting}: no {line:?} in {:#?}", set.difference(&base));
            assert!(!base.contains(line), "{setting}: {line:?} is so without it");
        }
        let other = |line: &&String| !DERIVED.contains(&line.split(' ').nth(1).expect("an option"));
        let surplus: Vec<_> = set.difference(&base).filter(other).filter(|line| !wanted.contains(*line)).collect();
        assert!(surplus.is_empty(), "{setting}: also {surplus:?}");
    }
}

#[test]
fn ipv6_has_its_own_names_for_two_of_them() {
    let set = options("::1", free_port(), &[], &[("TCPTUNE_SET", "ttl=33 dscp=af21")]);
    for letter in "lca".chars() {
        for value in ["IPV6_UNICAST_HOPS 33", "IPV6_TCLASS 72"] {
            let line = format!("{} {value}", role(letter));
            assert!(set.contains(&line), "no {line:?} in {set:#?}");
        }
    }
}

#[test]
fn what_the_application_sets_itself_is_left_alone() {
    // Key, its value, what TCPTUNE_SET says, what the kernel has in the end.
    let cases = [
        ("ttl", "77", "ttl=33", "IP_TTL 77"),
        ("user_timeout", "1234", "user_timeout=30s", "TCP_USER_TIMEOUT 1234"),
        ("sndbuf", "30000", "sndbuf=40k", "SO_SNDBUF 60000"),
        ("keepalive", "0", "keepalive=60", "SO_KEEPALIVE 0"),
    ];
    for (key, value, setting, expected) in cases {
        for when in ["before", "after"] {
            let set = options("127.0.0.1", free_port(), &[when, key, value], &[("TCPTUNE_SET", setting)]);
            for letter in "lca".chars() {
                let line = format!("{} {expected}", role(letter));
                assert!(set.contains(&line), "{setting}, {value} {when}: no {line:?} in {set:#?}");
            }
        }
    }
}

/// The roles whose TTL is 33, and those whose TCP_NODELAY is on.
fn reached(address: &str, rules: &str) -> (String, String) {
    let port = free_port();
    let rules = rules.replace("PORT", &port.to_string());
    let set = options(address, port, &[], &[("TCPTUNE_RULES", &rules)]);
    let with =
        |value: &str| "lca".chars().filter(|letter| set.contains(&format!("{} {value}", role(*letter)))).collect();
    (with("IP_TTL 33"), with("TCP_NODELAY 1"))
}

#[test]
fn rules_choose_sockets() {
    let cases = [
        // Rules, roles with TTL 33, roles with TCP_NODELAY.
        ("set(ttl=33)", "lca", "lca"),
        ("port=PORT set(ttl=33)", "c", "lca"),
        ("port=1,PORT,3 set(ttl=33)", "c", "lca"),
        // (Without `client` the accepted end could match too: its remote port is any that the kernel gave the client.)
        ("client port=1-PORT set(ttl=33)", "c", "lca"),
        ("port=1 set(ttl=33)", "", "lca"),
        ("listen=PORT set(ttl=33)", "la", "lca"),
        ("listen=1 set(ttl=33)", "", "lca"),
        ("client set(ttl=33)", "c", "lca"),
        ("server set(ttl=33)", "la", "lca"),
        ("peer=127.0.0.0/8 set(ttl=33)", "ca", "lca"),
        ("peer=10.0.0.0/8,127.0.0.1 set(ttl=33)", "ca", "lca"),
        ("peer=10.0.0.0/8 set(ttl=33)", "", "lca"),
        ("client peer=127.0.0.1 port=PORT set(ttl=33)", "c", "lca"),
        ("server port=PORT set(ttl=33)", "", "lca"),
        // The first that matches.
        ("client off; set(ttl=33)", "la", "la"),
        ("port=PORT off; listen=PORT nodelay=off set(ttl=33)", "la", ""),
        ("set(ttl=44); set(ttl=33)", "", "lca"),
        ("off", "", ""),
        ("server off", "", "c"),
        ("nodelay=off; set(ttl=33)", "", ""),
        ("peer=127.0.0.1 client off", "", "la"),
        // The listener could not know the peer: what was inherited is taken back.
        ("peer=127.0.0.1 server off", "", "lc"),
        ("peer=127.0.0.1 server nodelay=off set(ttl=33)", "a", "lc"),
    ];
    for (rules, ttl, nodelay) in cases {
        assert_eq!(reached("127.0.0.1", rules), (ttl.to_owned(), nodelay.to_owned()), "{rules}");
    }
    assert_eq!(reached("::1", "peer=::1 set(ttl=33)"), ("ca".into(), "lca".into()));
    assert_eq!(reached("::1", "peer=127.0.0.0/8 set(ttl=33)"), (String::new(), "lca".into()));
}

#[test]
fn rules_come_after_the_base_wherever_they_stand() {
    let port = free_port();
    let environment = [
        ("TCPTUNE_SET", "ttl=33 user_timeout=9s"),
        ("TCPTUNE_NODELAY", "off"),
        ("TCPTUNE_RULES", "client nodelay=on set(ttl=44)"),
    ];
    let set = options("127.0.0.1", port, &[], &environment);
    for line in [
        "client TCP_NODELAY 1",
        "client IP_TTL 44",
        "client TCP_USER_TIMEOUT 9000",
        "listener TCP_NODELAY 0",
        "accepted TCP_NODELAY 0",
        "accepted IP_TTL 33",
        "accepted TCP_USER_TIMEOUT 9000",
    ] {
        assert!(set.contains(line), "no {line:?} in {set:#?}");
    }
}

#[test]
fn only_and_skip_choose_programs() {
    let tuned = |environment: &[(&str, &str)]| {
        options("127.0.0.1", free_port(), &[], environment).contains("client TCP_NODELAY 1")
    };
    let cases: [(&[(&str, &str)], bool); 9] = [
        (&[("TCPTUNE_ONLY", "program-settings")], true),
        (&[("TCPTUNE_ONLY", "other,prog*-sett?ngs")], true),
        (&[("TCPTUNE_ONLY", "program")], false),
        (&[("TCPTUNE_ONLY", "/nowhere/program-settings")], false),
        (&[("TCPTUNE_ONLY", "*/program-settings")], true),
        (&[("TCPTUNE_SKIP", "program-settings")], false),
        (&[("TCPTUNE_SKIP", "other:program-*")], false),
        (&[("TCPTUNE_SKIP", "other")], true),
        (&[("TCPTUNE_ONLY", "program-settings"), ("TCPTUNE_SKIP", "program-settings")], false),
    ];
    for (environment, expected) in cases {
        assert_eq!(tuned(environment), expected, "{environment:?}");
    }
}
