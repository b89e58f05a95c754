//! Two networks with a path of some milliseconds between them, by tests/measure/field/relay.c.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::field;
use crate::support::netns::Pair;
use crate::support::{Guard, Mode};

/// The addresses of the two ends of the relay.
pub const SERVER: &str = "10.78.0.1";
const CLIENT: &str = "10.78.0.2";
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Far {
    pub spaces: Pair,
    _relay: Guard,
}

impl Far {
    /// With a round trip of twice so many milliseconds.
    pub fn new(one_way: &str) -> Far {
        let spaces = Pair::new();
        let file = |name: &str| format!("/run/netns/{name}");
        let mut relay = Mode::Plain.command(field::compile("relay"));
        relay.args([&file(&spaces.server), SERVER, &file(&spaces.client), CLIENT, one_way]);
        let mut relay = Guard::spawn(relay.stdin(Stdio::piped()).stdout(Stdio::piped()));
        assert_eq!(relay.first_line(PATIENCE).trim_end(), "ready");
        Far { spaces, _relay: relay }
    }
}

/// What runs its arguments in a namespace.
pub fn inside(space: &str) -> Command {
    let mut command = Mode::Plain.command("ip");
    command.args(["netns", "exec", space]);
    command
}
