//! A server that is started for one run and ended after it: settings are read at a program's start, so each arm needs its own.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::executor::Usage;
use super::process::{self, Output, Process};
use crate::errors::Failure;
use crate::os::proc::is_listened_on;
use crate::settings::Pair;

/// How long it may take to listen, and its predecessor to let go of the port.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);

pub struct Server(Process);

impl Server {
    /// Start it and wait until it listens. The port is looked up in the kernel's tables: a connection to try it out would be a
    /// first customer.
    pub fn start(words: &[OsString], environment: &[Pair], port: u16, show: bool) -> Result<Self, Failure> {
        let name = words.first().map(|word| word.display().to_string()).unwrap_or_default();
        if !patiently(Duration::from_secs(5), || Ok(!is_listened_on(port)))? {
            return Err(Failure::own(format!(
                "--ready-port {port}: another process listens there already; end it or take another port"
            )));
        }
        let process = Process::start(words, environment, Output::shown(show))?;
        let ready = patiently(PATIENCE, || {
            if is_listened_on(port) {
                return Ok(true);
            }
            if process.has_ended(PAUSE)? {
                return Err(Failure::own(format!(
                    "the server `{name}` ended before it listened on port {port}: it must stay in the foreground \
                     (--show-output shows what it says)"
                )));
            }
            Ok(false)
        })?;
        if !ready {
            let seconds = PATIENCE.as_secs();
            return Err(Failure::own(format!("the server `{name}` does not listen on port {port} after {seconds} s")));
        }
        Ok(Self(process))
    }

    pub fn stop(mut self) -> Result<Usage, Failure> {
        Ok(self.0.stop()?.usage)
    }
}

/// Ask again until the answer is yes, for this long.
fn patiently(time: Duration, mut answer: impl FnMut() -> Result<bool, Failure>) -> Result<bool, Failure> {
    let deadline = Instant::now() + time;
    while !answer()? {
        process::interrupted()?;
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(true)
}
