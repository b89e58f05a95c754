//! Which rule is chosen, held against a naive model: rules as plain data, tried one after the other.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use support::{read, read_all};
use tcptune_policy::{Direction, Peer, Settings, Subject};

#[derive(Clone, Debug)]
struct Model {
    direction: Option<Direction>,
    ports: Vec<(u16, u16)>,
    listens: Vec<(u16, u16)>,
    networks: Vec<(Ipv4Addr, u32)>,
}

impl Model {
    fn holds(&self, direction: Direction, local_port: Option<u16>, peer: Option<(Ipv4Addr, u16)>) -> bool {
        let among = |list: &[(u16, u16)], port: Option<u16>| {
            list.is_empty() || port.is_some_and(|port| list.iter().any(|(low, high)| *low <= port && port <= *high))
        };
        let near = self.networks.is_empty()
            || peer.is_some_and(|(address, _)| {
                self.networks.iter().any(|(network, bits)| {
                    let rest = 32 - bits;
                    u64::from(network.to_bits()) >> rest == u64::from(address.to_bits()) >> rest
                })
            });
        self.direction.is_none_or(|wanted| wanted == direction)
            && among(&self.ports, peer.map(|(_, port)| port))
            && among(&self.listens, local_port)
            && near
    }

    fn text(&self) -> String {
        let list = |items: &[(u16, u16)]| items.iter().map(|(a, b)| format!("{a}-{b}")).collect::<Vec<_>>().join(",");
        let networks = self.networks.iter().map(|(a, bits)| format!("{a}/{bits}")).collect::<Vec<_>>().join(",");
        let mut words = vec!["cork=off".to_owned()];
        words.extend(self.direction.map(|d| if d == Direction::Client { "client".into() } else { "server".into() }));
        words.extend((!self.ports.is_empty()).then(|| format!("port={}", list(&self.ports))));
        words.extend((!self.listens.is_empty()).then(|| format!("listen={}", list(&self.listens))));
        words.extend((!self.networks.is_empty()).then(|| format!("peer={networks}")));
        words.join(" ")
    }
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Client), Just(Direction::Server)]
}

/// Few ports and addresses, so that they meet.
fn models() -> impl Strategy<Value = Vec<Model>> {
    let ranges = || vec((1u16..9, 0u16..3).prop_map(|(low, more)| (low, low + more)), 0..3);
    let networks = vec((addresses(), prop::sample::select([0u32, 8, 30, 31, 32].as_slice())), 0..3);
    let model = (option::of(directions()), ranges(), ranges(), networks)
        .prop_map(|(direction, ports, listens, networks)| Model { direction, ports, listens, networks });
    vec(model, 0..8)
}

fn addresses() -> impl Strategy<Value = Ipv4Addr> {
    (0u8..2, 0u8..8).prop_map(|(net, host)| Ipv4Addr::new(10 + net, 0, 0, host))
}

fn settings(models: &[Model]) -> Settings {
    let text = models.iter().map(Model::text).collect::<Vec<_>>().join(";");
    read("TCPTUNE_RULES", text.as_bytes()).expect(&text)
}

fn peer_of(address: Ipv4Addr, port: u16, mapped: bool) -> Peer {
    if mapped { Peer::from_v6(address.to_ipv6_mapped().octets(), port) } else { Peer::from_v4(address.octets(), port) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_first_rule_that_holds_is_chosen(
        models in models(),
        direction in directions(),
        local_port in option::of(1u16..12),
        peer in option::of((addresses(), 1u16..12)),
        mapped in any::<bool>(),
    ) {
        let expected = models.iter().position(|model| model.holds(direction, local_port, peer)).map_or(0, |n| n + 1);
        let peer = peer.map(|(address, port)| peer_of(address, port, mapped));
        let settings = settings(&models);
        let chosen = settings.choose(&Subject { direction, local_port, peer });
        prop_assert_eq!(usize::from(chosen), expected);
        prop_assert_eq!(settings.has_rules(), !models.is_empty());
        prop_assert_eq!(settings.needs_local_port(), models.iter().any(|model| !model.listens.is_empty()));
    }

    #[test]
    fn where_the_peer_is_not_needed_it_makes_no_difference(
        models in models(), direction in directions(), local_port in 1u16..12,
    ) {
        let settings = settings(&models);
        let choice = |peer| settings.choose(&Subject { direction, local_port: Some(local_port), peer });
        let mut differs = false;
        for net in 10..12 {
            for host in 0..8 {
                for port in 1..12 {
                    let peer = Peer::from_v4([net, 0, 0, host], port);
                    differs |= choice(Some(peer)) != choice(None);
                }
            }
        }
        let needed = settings.needs_peer(direction, local_port);
        prop_assert!(needed || !differs);
        // With the port unknown, what may be needed for any port is needed.
        prop_assert!(settings.needs_peer(direction, 0) || !needed);
    }
}

#[test]
fn a_switched_off_process_has_no_rules_in_force() {
    let settings = read_all(&[("TCPTUNE_RULES", b"on cork=off"), ("TCPTUNE", b"off")]).expect("valid");
    let any = Subject { direction: Direction::Client, local_port: None, peer: None };
    assert_eq!(settings.choose(&any), 0);
    assert!(!settings.enabled() && !settings.tuning(0).enabled());
}

#[test]
fn the_last_rule_can_leave_everything_else_alone() {
    let settings = read("TCPTUNE_RULES", b"port=143 on; off").expect("valid");
    let tuned = |port| {
        let address = IpAddr::from([127, 0, 0, 1]);
        let IpAddr::V4(v4) = address else { unreachable!("it is IPv4") };
        let peer = Some(Peer::from_v4(v4.octets(), port));
        settings.tuning(settings.choose(&Subject { direction: Direction::Client, local_port: None, peer })).enabled()
    };
    assert!(tuned(143) && !tuned(144));
    assert!(settings.needs_peer(Direction::Client, 0));
}
