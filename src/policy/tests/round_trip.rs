//! What is written reads back as the same: option sets, tunings and rules.

mod support;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use support::{read, read_all, text};
use tcptune_policy::{Direction, Peer, Settings, Subject, Tuning};

fn entries() -> impl Strategy<Value = String> {
    let switch = || prop::sample::select(["on", "off", "yes", "0"].as_slice());
    let entry = prop_oneof![
        (1u32..40_000, 1u32..100, 1u32..=127, 1usize..=3).prop_map(|(idle, interval, count, fields)| {
            let fields = [idle.min(32_767).to_string(), interval.to_string(), count.to_string()][..fields].join("/");
            format!("keepalive={fields}")
        }),
        switch().prop_map(|word| format!("keepalive={word}")),
        (100u32..90_000_000).prop_map(|n| format!("user_timeout={}", n.min(86_400_000))),
        (1u32..24).prop_map(|n| format!("user_timeout={n}h")),
        (2u32..1 << 20).prop_map(|n| format!("sndbuf={n}k")),
        (2_048u32..=1 << 30).prop_map(|n| format!("rcvbuf={n}")),
        "congestion=[a-z_]{1,15}",
        (0u32..=1 << 30).prop_map(|n| format!("notsent_lowat={n}")),
        (0u8..64).prop_map(|n| format!("dscp={n}")),
        any::<u8>().prop_map(|n| format!("tos={n:#x}")),
        (0u32..=2_147_483_647).prop_map(|n| format!("priority={n}")),
        (1u8..).prop_map(|n| format!("ttl={n}")),
        (0u32..=3_600).prop_map(|n| format!("linger={n}s")),
        Just("linger=OFF".to_owned()),
        (88u16..=32_767).prop_map(|n| format!("maxseg={n}")),
        (0u32..=60).prop_map(|n| format!("defer_accept={n}m")),
        any::<u16>().prop_map(|n| format!("fastopen={n}")),
        switch().prop_map(|word| format!("fastopen_connect={word}")),
        switch().prop_map(|word| format!("QuickAck={word}")),
        (0u32..=1_000).prop_map(|n| format!("busy_poll={n}ms")),
        switch().prop_map(|word| format!("thin_linear_timeouts={word}")),
        any::<u32>().prop_map(|n| format!("mark={n:#x}")),
        (1u64 << 10..=1 << 40).prop_map(|n| format!("max_pacing_rate={n}")),
        (1u32..=1 << 30).prop_map(|n| format!("rcvlowat={n}")),
        (1u8..=127).prop_map(|n| format!("syncnt={n}")),
        (1u32..=1_024).prop_map(|n| format!("window_clamp={n}m")),
        (1u32..=200).prop_map(|n| format!("delack_max={n}ms")),
        (1_000u32..=200_000).prop_map(|n| format!("rto_min={n}")),
        (1u32..=120).prop_map(|n| format!("rto_max={n}s")),
    ];
    (vec(entry, 1..9), prop::sample::select([" ", ",", ", ", "\t"].as_slice())).prop_map(|(list, gap)| list.join(gap))
}

fn lists(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec(item, 1..4).prop_map(|items| items.join(","))
}

fn rules() -> impl Strategy<Value = String> {
    let ports =
        || {
            lists((1u16..=65_000, 0u16..500, any::<bool>()).prop_map(|(first, more, one)| {
                if one { first.to_string() } else { format!("{first}-{}", first + more) }
            }))
        };
    let networks = lists(prop_oneof![
        (any::<[u8; 4]>(), 0u8..=32).prop_map(|(a, bits)| format!("{}/{bits}", std::net::Ipv4Addr::from(a))),
        (any::<[u8; 16]>(), 0u8..=128).prop_map(|(a, bits)| format!("{}/{bits}", std::net::Ipv6Addr::from(a))),
        Just("::1".to_owned()),
    ]);
    let conditions = (
        option::of(prop::sample::select(["client", "Server"].as_slice()).prop_map(str::to_owned)),
        option::of(ports().prop_map(|list| format!("port={list}"))),
        option::of(ports().prop_map(|list| format!("LISTEN={list}"))),
        option::of(networks.prop_map(|list| format!("peer={list}"))),
    )
        .prop_map(|(a, b, c, d)| [a, b, c, d]);
    let word = |key: &'static str, words: &'static [&'static str]| {
        option::of(prop::sample::select(words).prop_map(move |word| format!("{key}={word}")))
    };
    let actions = (
        option::of(Just("on".to_owned())),
        word("nodelay", &["on", "off", "force", "no"]),
        word("cork", &["auto", "off"]),
        word("release", &["own", "all"]),
        word("quickack", &["on", "off", "AUTO", "1"]),
        option::of(entries().prop_map(|list| format!("set({list})"))),
        any::<bool>(),
    )
        .prop_map(|(a, b, c, d, e, f, off)| {
            let list = if off { Vec::new() } else { [a, b, c, d, e, f].into_iter().flatten().collect::<Vec<_>>() };
            if list.is_empty() { vec!["off".to_owned()] } else { list }
        });
    let rule = (conditions, actions)
        .prop_flat_map(|(conditions, actions)| {
            Just(conditions.into_iter().flatten().chain(actions).collect::<Vec<_>>()).prop_shuffle()
        })
        .prop_map(|words| words.join("  "));
    vec(rule, 1..6).prop_map(|rules| rules.join(" ; ") + ";")
}

/// The text of all rules.
fn written(settings: &Settings) -> String {
    let rule = |n| text(|put| settings.describe_rule(n, put));
    (1..=settings.rule_count()).map(rule).collect::<Vec<_>>().join("; ")
}

/// A tuning given as the actions of a rule.
fn as_rule(tuning: &Tuning) -> Tuning {
    let actions = text(|put| tuning.describe(put));
    *read("TCPTUNE_RULES", actions.as_bytes()).expect(&actions).tuning(1)
}

/// Sockets of all kinds.
fn subjects() -> impl Iterator<Item = Subject> {
    let peers = [None, Some(Peer::from_v4([10, 0, 0, 1], 143)), Some(Peer::from_v6([0xfe; 16], 65_000))];
    [Direction::Client, Direction::Server].into_iter().flat_map(move |direction| {
        peers.into_iter().map(move |peer| Subject { direction, local_port: Some(443), peer })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn option_sets(entries in entries()) {
        let set = read("TCPTUNE_SET", entries.as_bytes()).expect(&entries).base.set;
        let written = text(|put| set.describe(put));
        prop_assert_eq!(read("TCPTUNE_SET", written.as_bytes()).expect(&written).base.set, set, "{}", written);
    }

    #[test]
    fn rules_and_their_tunings(rules in rules(), base in entries(), first in any::<bool>()) {
        let mut variables: [(&str, &[u8]); 3] =
            [("TCPTUNE_RULES", rules.as_bytes()), ("TCPTUNE_SET", base.as_bytes()), ("TCPTUNE_CORK", b"off")];
        let settings = read_all(&variables).expect(&rules);
        // The order of the environment does not matter.
        variables.reverse();
        prop_assert!(read_all(&variables).expect(&rules) == settings);
        let again = written(&settings);
        variables[2].1 = again.as_bytes();
        let second = read_all(&variables).expect(&again);
        prop_assert_eq!(written(&second), again.clone());
        for n in 0..=settings.rule_count() {
            prop_assert_eq!(second.tuning(n), settings.tuning(n));
        }
        for subject in subjects() {
            prop_assert_eq!(second.choose(&subject), settings.choose(&subject), "{}", again);
        }
        for n in 0..=settings.rule_count() {
            prop_assert_eq!(as_rule(settings.tuning(n)), *settings.tuning(n));
        }
        if first {
            // What a rule sets itself is laid over the base, and finishing twice changes nothing.
            let mut twice = settings;
            twice.finish();
            prop_assert!(twice == settings);
        }
    }
}

#[test]
fn a_rule_starts_from_the_base() {
    let settings = read_all(&[
        ("TCPTUNE_RULES", b"port=143 cork=off set(sndbuf=4m keepalive=off); off"),
        ("TCPTUNE_NODELAY", b"force"),
        ("TCPTUNE_SET", b"keepalive=60/10/5 sndbuf=1m ttl=9"),
        ("TCPTUNE_QUICKACK", b"auto"),
    ])
    .expect("valid");
    let described = |n| text(|put| settings.tuning(n).describe(put));
    assert_eq!(described(1), "nodelay=force cork=off release=own quickack=auto set(keepalive=off sndbuf=4m ttl=9)");
    assert_eq!(described(2), "off");
    assert_eq!(written(&settings), "port=143 cork=off set(keepalive=off sndbuf=4m); off");
}
