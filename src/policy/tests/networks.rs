//! Addresses and networks, held against the standard library's.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use support::{read, text};
use tcptune_policy::{Direction, Peer, Subject};

fn rule(network: &str) -> Result<tcptune_policy::Settings, tcptune_policy::Fault> {
    read("TCPTUNE_RULES", format!("peer={network} off").as_bytes())
}

fn peer(address: IpAddr) -> Peer {
    match address {
        IpAddr::V4(v4) => Peer::from_v4(v4.octets(), 1),
        IpAddr::V6(v6) => Peer::from_v6(v6.octets(), 1),
    }
}

/// Is the address matched by a rule for this network?
fn matched(network: &str, address: IpAddr) -> bool {
    let subject = Subject { direction: Direction::Client, local_port: None, peer: Some(peer(address)) };
    rule(network).expect("a network").choose(&subject) == 1
}

/// The same by arithmetic on the standard library's types. An IPv4-mapped address is an IPv4 address.
fn expected(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    let shared = |a: u128, b: u128, width: u32| (a ^ b).checked_shr(width - bits).unwrap_or(0) == 0;
    match (network, address.to_canonical()) {
        (IpAddr::V4(n), IpAddr::V4(a)) => shared(n.to_bits().into(), a.to_bits().into(), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => shared(n.to_bits(), a.to_bits(), 128),
        _ => false,
    }
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        // Groups of zeros, which are written as a gap.
        (any::<u128>(), any::<u8>()).prop_map(|(bits, keep)| {
            let mask = (0..8).fold(0u128, |mask, n| if keep >> n & 1 == 1 { mask | 0xffff << (16 * n) } else { mask });
            IpAddr::V6(Ipv6Addr::from_bits(bits & mask))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn networks_hold_the_addresses_they_should(
        base in addresses(), length in 0u32..=128, flip in 0u32..128, mapped in any::<bool>(),
    ) {
        let width = if base.is_ipv4() { 32 } else { 128 };
        let bits = length % (width + 1);
        // An address that differs in one bit, so that both answers are frequent.
        let near = match base {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() ^ 1 << (flip % 32))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() ^ 1 << flip)),
        };
        let asked = match near {
            IpAddr::V4(v4) if mapped => IpAddr::V6(v4.to_ipv6_mapped()),
            other => other,
        };
        // A mapped base is an IPv4 network with other numbers; the unit tests have it.
        prop_assume!(base.to_canonical() == base);
        let network = format!("{base}/{bits}");
        prop_assert_eq!(matched(&network, asked), expected(base, bits, asked), "{} in {}", asked, network);
        prop_assert!(matched(&base.to_string(), base));
        prop_assert!(!matched(&base.to_string(), near));
    }

    #[test]
    fn just_what_the_standard_library_accepts_is_an_address(text in "[0-9a-fA-F:.]{0,20}|([0-9a-f]{0,5}:){2,8}[0-9a-f.]{0,9}|([0-9]{1,3}\\.){3}[0-9]{1,3}") {
        prop_assert_eq!(rule(&text).is_ok(), text.parse::<IpAddr>().is_ok(), "{}", text);
    }

    #[test]
    fn a_network_is_written_as_the_standard_library_writes_it(base in addresses()) {
        prop_assume!(base.to_canonical() == base);
        let rule = rule(&base.to_string()).expect("an address");
        // Only the standard library writes the long dead IPv4-compatible addresses with dots.
        let dotted = matches!(base, IpAddr::V6(v6) if base.to_string().contains('.') && v6.to_ipv4_mapped().is_none());
        prop_assume!(!dotted);
        prop_assert_eq!(text(|put| rule.describe_rule(1, put)), format!("peer={base} off"));
    }
}

#[test]
fn addresses_that_only_differ_in_what_is_behind_the_length_are_one_network() {
    let texts = ["10.9.8.7/8", "10.0.0.0/8", "::ffff:10.1.1.1/104"].map(|network| {
        let rule = rule(network).expect("a network");
        text(|put| rule.describe_rule(1, put))
    });
    assert_eq!(texts, ["peer=10.0.0.0/8 off"; 3]);
}
