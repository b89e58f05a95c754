//! The running systemd, asked and told through systemctl(1): it is there wherever systemd is, finds the way to the right
//! manager by itself, and asks for a password where one would do. Nothing is kept of what it said.

use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};

use crate::errors::{CANNOT_EXECUTE, Failure, plain};

/// Properties as they were printed; one that is a list may come more than once.
#[derive(Clone, Debug, Default)]
pub struct Properties(Vec<(String, String)>);

impl Properties {
    fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(|l| l.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    /// Empty where there is none.
    pub fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value)
    }

    /// Of a property that comes once for each of its values.
    pub fn all<'p>(&'p self, key: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A list of names.
    pub fn list(&self, key: &str) -> Vec<String> {
        self.get(key).split_ascii_whitespace().map(str::to_owned).collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Manager {
    /// The one of the calling user.
    pub user: bool,
}

impl Manager {
    /// What a unit is like.
    pub fn show(&self, unit: &str, keys: &[&str]) -> Result<Properties, Failure> {
        let keys = format!("--property={}", keys.join(","));
        Ok(Properties::parse(&self.asked(&["show", &keys, "--", unit])?))
    }

    /// Units that are loaded and match this pattern.
    pub fn loaded(&self, pattern: &str) -> Result<Vec<String>, Failure> {
        let text = self.asked(&["list-units", "--all", "--plain", "--no-legend", "--full", "--", pattern])?;
        Ok(text.lines().filter_map(|line| line.split_ascii_whitespace().next()).map(str::to_owned).collect())
    }

    /// A variable that every unit starts with.
    pub fn variable(&self, name: &str) -> Result<Option<String>, Failure> {
        let text = self.asked(&["show-environment"])?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Ok(value.map(str::to_owned))
    }

    pub fn reload(&self) -> Result<(), Failure> {
        self.asked(&["daemon-reload"]).map(drop)
    }

    /// Something done to units; what systemctl says about a failure.
    pub fn act(&self, verb: &str, units: &[&str]) -> Result<(), Failure> {
        let arguments: Vec<&str> = [verb, "--"].iter().chain(units).copied().collect();
        self.asked(&arguments).map(drop)
    }

    /// `systemctl` as one would type it.
    pub fn spelled(&self, rest: &str) -> String {
        format!("systemctl {}{rest}", if self.user { "--user " } else { "" })
    }

    fn asked(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new("systemctl");
        if self.user {
            command.arg("--user");
        }
        command.arg("--no-pager").args(arguments).stdin(Stdio::null());
        // Its words are read here; ours must not be tuned by what tunes our caller.
        command.env("LC_ALL", "C").env("SYSTEMD_COLORS", "0").env_remove("LD_PRELOAD");
        let Output { status, stdout, stderr } = command.output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::own(
                "there is no systemctl here: without systemd only an image can be changed, with --root DIR",
            ),
            _ => Failure::own(format!("systemctl cannot be started: {}", plain(&error))),
        })?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        Err(self.refusal(arguments.first().copied().unwrap_or_default(), &String::from_utf8_lossy(&stderr)))
    }

    fn refusal(&self, verb: &str, said: &str) -> Failure {
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").trim();
        if said.contains("not been booted with systemd") {
            return Failure::own(
                "systemd does not run here as the first process: without it only an image can be changed, with --root DIR",
            );
        }
        if self.user && (said.contains("connect to") || said.contains("XDG_RUNTIME_DIR")) {
            return Failure::own(format!("your own systemd cannot be reached (is this a login session?): {first}"));
        }
        let refused = ["Access denied", "authentication required", "Permission denied", "authorization"];
        if refused.iter().any(|words| said.contains(words)) {
            return Failure::new(CANNOT_EXECUTE, format!("systemctl {verb} was refused: {first}: try again as root"));
        }
        Failure::own(format!("{} failed: {first}", self.spelled(verb)))
    }
}
