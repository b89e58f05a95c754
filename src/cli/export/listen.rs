//! `--listen`: a thread that talks to whoever asks, and this one, which collects for all of them at once. A collection is never
//! older than the request that it answers, and there is one at a time, however many ask.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use super::address::Address;
use super::exporter::Exporter;
use super::server::{self, Collected, Waiter};
use crate::errors::{Context, Failure, say};
use crate::os::ending::Ending;

/// A signal is noticed within this time.
const PATIENCE: Duration = Duration::from_millis(100);
/// Between two collections it rests for as long as one took, so that asking costs half a processor at most, but no longer
/// than this.
const REST: Duration = Duration::from_millis(250);

pub fn serve(address: &Address, exporter: &mut Exporter, ending: &Ending) -> Result<(), Failure> {
    let (listener, _place) = address.listen()?;
    say(listener.shown(address));
    let (sender, receiver) = channel::<Waiter>();
    let server = thread::Builder::new().name("tcptune-http".to_owned()).spawn(move || server::serve(listener, sender));
    let server = server.doing(|| "start a thread for --listen")?;
    let mut number = 0;
    while !ending.arrived() {
        let first = match receiver.recv_timeout(PATIENCE) {
            Ok(waiter) => waiter,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => {
                let ended = server.join().unwrap_or(Ok(()));
                return ended.doing(|| format!("serve on {address} (--listen)"));
            }
        };
        // Everybody who has asked by now; not who has gone meanwhile.
        let mut waiting: Vec<Waiter> = std::iter::once(first).chain(receiver.try_iter()).collect();
        waiting.retain(|waiter| !waiter.is_closed());
        if waiting.is_empty() {
            continue;
        }
        number += 1;
        let begin = Instant::now();
        let text = match exporter.text() {
            Ok(text) => Ok(Bytes::from(text)),
            Err(failure) => {
                say(&failure.message);
                Err(Bytes::from(failure.message + "\n"))
            }
        };
        let collected = Arc::new(Collected { number, text });
        for waiter in waiting {
            // Who has gone since does not mind.
            let _ = waiter.send(Arc::clone(&collected));
        }
        thread::sleep(begin.elapsed().min(REST));
    }
    Ok(())
}
