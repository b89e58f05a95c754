//! Network namespaces of a test's own, joined by a veth pair with Ethernet's MTU; removed at the end.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Two namespaces, `server` (10.77.0.1) and `client` (10.77.0.2), with loopback up in both.
pub struct Pair {
    pub server: String,
    pub client: String,
}

pub const SERVER_ADDRESS: &str = "10.77.0.1";
pub const CLIENT_ADDRESS: &str = "10.77.0.2";

impl Pair {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let pair = Pair { server: format!("tcptune-s-{id}"), client: format!("tcptune-c-{id}") };
        ip(&["netns", "add", &pair.server]);
        ip(&["netns", "add", &pair.client]);
        let (left, right) = ("veth-s", "veth-c");
        ip(&[
            "link",
            "add",
            left,
            "netns",
            &pair.server,
            "mtu",
            "1500",
            "gso_max_segs",
            "1",
            "type",
            "veth",
            "peer",
            "name",
            right,
            "netns",
            &pair.client,
            "mtu",
            "1500",
        ]);
        for (space, link, address) in [(&pair.server, left, SERVER_ADDRESS), (&pair.client, right, CLIENT_ADDRESS)] {
            ip(&["-n", space, "address", "add", &format!("{address}/24"), "dev", link]);
            ip(&["-n", space, "link", "set", link, "up", "gso_max_segs", "1"]);
            ip(&["-n", space, "link", "set", "lo", "up"]);
        }
        pair
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for space in [&self.server, &self.client] {
            // Nothing is left to do when it cannot be removed; the name is unique, so nobody else is in the way.
            drop(Command::new("ip").args(["netns", "delete", space]).output());
        }
    }
}

/// Runs ip(8), which must succeed.
fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("ip runs (iproute2)");
    assert!(output.status.success(), "ip {arguments:?}: {}", super::text(&output.stderr));
}
