//! Services in a network namespace of a test's own, so that nobody else's connections are seen (tests/programs/steady.py).

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{NOBODY, tcptune};
use crate::support::netns::Pair;
use crate::support::{Guard, Mode};

const PATIENCE: Duration = Duration::from_secs(30);
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/steady.py");

pub struct Scene {
    pair: Pair,
    as_nobody: bool,
    running: Vec<Guard>,
}

/// Both ends of a service.
pub struct Service {
    pub port: String,
    pub server: u32,
    pub client: u32,
}

impl Scene {
    pub fn new() -> Self {
        Self { pair: Pair::new(), as_nobody: false, running: Vec::new() }
    }

    /// From here on programs are started as a user that owns nothing, or as root again.
    pub fn as_nobody(&mut self, is: bool) {
        self.as_nobody = is;
    }

    /// A program inside.
    pub fn command(&self, program: &str) -> Command {
        self.inside(Mode::Plain.command("ip"), program)
    }

    /// The command inside, in a clean environment.
    pub fn tcptune(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        for (name, _) in tcptune().get_envs().filter(|(_, value)| value.is_none()) {
            command.env_remove(name);
        }
        self.inside(command, program)
    }

    fn inside(&self, mut command: Command, program: &str) -> Command {
        command.args(["netns", "exec", &self.pair.server]);
        if self.as_nobody {
            let id = NOBODY.to_string();
            command.args(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"]);
        }
        command.arg(program);
        command
    }

    /// A service whose server or client writes once or twice, with so many connections; the server thinks for so many
    /// milliseconds before it answers.
    pub fn service(&mut self, server: &str, client: &str, connections: u32, think: u32) -> Service {
        let python = || self.command("/usr/bin/python3");
        let mut serving =
            Guard::spawn(python().args([PROGRAM, "server", server, &think.to_string()]).stdout(Stdio::piped()));
        let port = serving.first_line(PATIENCE);
        let mut asking = python();
        asking.args([PROGRAM, "client", &port, client, &connections.to_string()]);
        let mut asking = Guard::spawn(asking.stdin(Stdio::piped()).stdout(Stdio::piped()));
        assert_eq!(asking.first_line(PATIENCE), "ready");
        let service = Service { port, server: serving.pid(), client: asking.pid() };
        self.running.extend([serving, asking]);
        service
    }

    /// Ends a service.
    pub fn end(&mut self, service: &Service) {
        self.running.retain(|guard| ![service.server, service.client].contains(&guard.pid()));
    }
}
