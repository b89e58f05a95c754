//! By what a finding is known from one run to the next: nothing that differs between two runs of the same tests, such as process
//! numbers, ephemeral ports, times and addresses. Pure.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::doctor::backtrace::chain::CalledBy;
use crate::stalls::evidence::Side;
use crate::stalls::finding::{Finding, Kind};
use crate::stalls::program::Program;

/// Cargo puts so many hexadecimal digits behind the names of test programs; they change with every change of the program.
const HASH: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Key {
    pub kind: Kind,
    /// The program's file without its directory; of an interpreter, of what it runs.
    pub program: String,
    pub side: Side,
    /// Of a client the other end's port, of a server its own.
    pub port: Port,
    /// With --backtrace: the function that called libc; of a script in Python, its own function.
    pub call: Option<String>,
}

/// A port that means something, or one that the kernel gave to who asked for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Port {
    Number(u16),
    Word(Word),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    Ephemeral,
}

impl Port {
    const EPHEMERAL: Self = Self::Word(Word::Ephemeral);

    fn of(port: u16, ephemeral: &RangeInclusive<u16>) -> Self {
        // 0: several of them.
        if port == 0 || ephemeral.contains(&port) { Self::EPHEMERAL } else { Self::Number(port) }
    }

    fn shown(self) -> String {
        match self {
            Self::Number(port) => format!("port {port}"),
            Self::Word(Word::Ephemeral) => "an ephemeral port".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    /// By hand, for a message that says what is allowed.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let number = value.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
        match (number, value.as_str()) {
            (Some(port), _) => Ok(Self::Number(port)),
            (_, Some("ephemeral")) => Ok(Self::EPHEMERAL),
            _ => Err(D::Error::custom(format!(
                "`port` is {value}: allowed is a number from 1 to 65535 or \"ephemeral\""
            ))),
        }
    }
}

impl Key {
    pub fn of(finding: &Finding, ephemeral: &RangeInclusive<u16>) -> Self {
        Self {
            kind: finding.kind,
            program: name(&finding.program),
            side: finding.side,
            port: Port::of(finding.port, ephemeral),
            call: None,
        }
    }

    /// In a sentence.
    pub fn shown(&self) -> String {
        let side = match self.side {
            Side::Client => "client with",
            Side::Server => "server at",
        };
        let call = self.call.as_ref().map(|call| format!(", in {call}")).unwrap_or_default();
        format!("{} of {} ({side} {}{call})", self.kind.word(), self.program, self.port.shown())
    }
}

/// The function that made the calls: the program's own, or a library's that it uses. An interpreter's tells nothing of what it runs,
/// and changes with its version.
pub fn call(program: &Program, called: &CalledBy) -> Option<String> {
    let frames = called.chains.first().filter(|_| !program.is_interpreter()).map(|chain| chain.frames.as_slice());
    frames.unwrap_or_default().iter().find_map(|frame| frame.function.clone())
}

fn name(program: &Program) -> String {
    let inline = program.command.split(' ').nth(1).is_some_and(|word| ["-c", "-e", "-"].contains(&word));
    let name = if program.is_interpreter() && inline { program.base().to_owned() } else { program.short() };
    match name.rsplit_once('-') {
        Some((before, hash)) if is_hash(hash) && !before.is_empty() => before.to_owned(),
        _ => name,
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{Port, call, name};
    use crate::doctor::backtrace::chain::{CalledBy, Chain, Frame};
    use crate::stalls::program::Program;

    fn program(file: &str, command: &str) -> Program {
        Program { file: file.into(), command: command.into(), ..Program::default() }
    }

    #[test]
    fn a_program_keeps_its_name_from_one_build_to_the_next() {
        let of = |file: &str, command: &str| name(&program(file, command));
        assert_eq!(
            of("/src/target/debug/deps/server-0a1b2c3d4e5f6789", "target/debug/deps/server-0a1b2c3d4e5f6789"),
            "server"
        );
        assert_eq!(of("/usr/bin/systemd-networkd", "systemd-networkd"), "systemd-networkd");
        assert_eq!(of("/usr/bin/python3.11", "python3 -m pytest tests"), "pytest");
        assert_eq!(of("/usr/bin/python3.11", "python3 -c import sys;exec(eval(sys.stdin.readline()))"), "python3.11");
        assert_eq!(of("/usr/bin/node", "node /app/node_modules/.bin/jest --ci"), "jest");
    }

    #[test]
    fn a_port_is_a_number_or_ephemeral() {
        let range = 32768..=60999;
        assert_eq!(
            [143, 32768, 61000, 0].map(|port| Port::of(port, &range)),
            [Port::Number(143), Port::EPHEMERAL, Port::Number(61000), Port::EPHEMERAL]
        );
        let read = |text: &str| serde_json::from_str::<Port>(text).map_err(|error| error.to_string());
        assert_eq!((read("143"), read("\"ephemeral\"")), (Ok(Port::Number(143)), Ok(Port::EPHEMERAL)));
        for wrong in ["0", "65536", "\"http\"", "null"] {
            let error = read(wrong).expect_err(wrong);
            assert!(error.contains("allowed is a number from 1 to 65535"), "{error}");
        }
    }

    #[test]
    fn the_call_is_the_first_function_that_has_a_name() {
        let frame = |function: Option<&str>| Frame {
            object: "/bin/client".to_owned(),
            offset: 1,
            function: function.map(str::to_owned),
            file: None,
            line: None,
        };
        let frames = vec![frame(None), frame(Some("write_body")), frame(Some("main"))];
        let called = CalledBy { samples: 1, chains: vec![Chain { samples: 1, mean_ms: 40.0, threads: 1, frames }] };
        assert_eq!(call(&program("/bin/client", "client"), &called).as_deref(), Some("write_body"));
        assert_eq!(call(&program("/usr/bin/perl", "perl x.pl"), &called), None);
        assert_eq!(call(&program("/bin/client", "client"), &CalledBy::default()), None);
    }
}
