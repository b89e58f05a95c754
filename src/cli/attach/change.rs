//! What is done to one borrowed socket: setting what is asked for, or putting back what was there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use tcptune_policy::{OptionSet, SockOpt};

use super::record::{Entry, Nodelay, Record, Saved};
use crate::errors::{Failure, plain};
use crate::os::option::integer;
use crate::os::socket::Socket;
use crate::os::timers;
use crate::settings;

/// An entry of --set: as it was written, and what it means.
pub struct Wish {
    text: String,
    set: OptionSet,
}

/// What every socket is to get.
pub struct Plan {
    pub nodelay: Option<bool>,
    pub wishes: Vec<Wish>,
    pub dry: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    pub before: bool,
    pub after: bool,
    pub changed: bool,
    /// Options that were set or put back.
    pub options: Vec<String>,
    /// What the kernel refused, and why.
    pub refused: Vec<String>,
}

/// The entries of --set, each by itself so that it can be named.
pub fn wishes(given: &[OsString]) -> Result<Vec<Wish>, Failure> {
    let separates = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let entries = given.iter().flat_map(|value| value.as_bytes().split(separates)).filter(|entry| !entry.is_empty());
    let read = |entry: &[u8]| {
        let reading = settings::read(&[("TCPTUNE_SET".into(), OsString::from_vec(entry.to_vec()))]);
        match reading.faults.first() {
            Some(wrong) => Err(Failure::of_option("--set", OsStr::from_bytes(entry), &wrong.what)),
            None => {
                let set = reading.settings.base.set;
                // Of what the kernel refuses for every socket, one line says all.
                match timers::objection(&set) {
                    Some(why) => Err(Failure::of_option("--set", OsStr::from_bytes(entry), why)),
                    None => Ok(Wish { text: String::from_utf8_lossy(entry).into_owned(), set }),
                }
            }
        }
    };
    entries.map(read).collect()
}

/// Set what the plan says. The entry holds what was done to this socket before, and then what was done now.
pub fn tune(socket: &Socket, plan: &Plan, entry: &mut Entry) -> Outcome {
    let mut outcome = start(socket);
    if let Some(wanted) = plan.nodelay.filter(|&wanted| wanted != outcome.before)
        && set_nodelay(socket, wanted, plan.dry, &mut outcome)
    {
        let before = entry.nodelay.map_or(outcome.before, |change| change.before);
        entry.nodelay = (before != wanted).then_some(Nodelay { before, after: wanted });
    }
    for wish in &plan.wishes {
        grant(socket, wish, plan.dry, entry, &mut outcome);
    }
    outcome
}

/// Put back what the entry says, unless the program has changed it since.
pub fn restore(socket: &Socket, entry: &Entry, dry: bool) -> Outcome {
    let mut outcome = start(socket);
    if let Some(change) = entry.nodelay.filter(|change| change.after == outcome.before) {
        set_nodelay(socket, change.before, dry, &mut outcome);
    }
    for saved in &entry.options {
        if saved.before == saved.after || socket.option(saved.level, saved.name).ok().as_ref() != Some(&saved.after) {
            continue;
        }
        let value = settable(saved);
        match if dry { Ok(()) } else { socket.set_option(saved.level, saved.name, &value) } {
            Ok(()) => {
                outcome.changed = true;
                outcome.options.push(format!("option {}/{}", saved.level, saved.name));
            }
            Err(error) => outcome.refused.push(format!("option {}/{}: {}", saved.level, saved.name, plain(&error))),
        }
    }
    outcome
}

/// What a socket has from its listener, or nothing yet.
pub fn entry(socket: &Socket, inode: u64, record: &Record) -> Entry {
    let known = record.sockets.get(&socket.cookie).cloned();
    let port = socket.local().map(|address| address.port());
    let inherited = || {
        if socket.listening || socket.peer().is_none() {
            return None;
        }
        record.inherited(port, socket.nodelay().ok()?)
    };
    let mut entry = known.or_else(inherited).unwrap_or_default();
    entry.inode = inode;
    entry.listens = port.filter(|_| socket.listening);
    entry
}

fn start(socket: &Socket) -> Outcome {
    let mut outcome = Outcome::default();
    match socket.nodelay() {
        Ok(on) => (outcome.before, outcome.after) = (on, on),
        Err(error) => outcome.refused.push(format!("reading TCP_NODELAY: {}", plain(&error))),
    }
    outcome
}

fn set_nodelay(socket: &Socket, on: bool, dry: bool, outcome: &mut Outcome) -> bool {
    if let Err(error) = if dry { Ok(()) } else { socket.set_nodelay(on) } {
        outcome.refused.push(format!("TCP_NODELAY: {}", plain(&error)));
        return false;
    }
    outcome.after = on;
    outcome.changed = true;
    true
}

/// One entry of --set. An option may have a call for each address family: one that is taken is enough.
fn grant(socket: &Socket, wish: &Wish, dry: bool, entry: &mut Entry, outcome: &mut Outcome) {
    let fits = |option: &SockOpt| match socket.listening {
        true => option.when.listen,
        false => option.when.accept || option.when.connect,
    };
    let mut results: Vec<(u8, Result<(), String>)> = Vec::new();
    for option in wish.set.iter().filter(fits) {
        let result = if dry { Ok(()) } else { set(socket, &option, entry) };
        match results.iter_mut().find(|(id, _)| *id == option.id) {
            Some((_, before)) if before.is_err() => *before = result,
            Some(_) => (),
            None => results.push((option.id, result)),
        }
    }
    if let Some((_, Err(reason))) = results.iter().find(|(_, result)| result.is_err()) {
        outcome.refused.push(format!("{}: {reason}", wish.text));
    } else if !results.is_empty() {
        outcome.changed = true;
        outcome.options.push(wish.text.clone());
    }
}

fn set(socket: &Socket, option: &SockOpt, entry: &mut Entry) -> Result<(), String> {
    let refused = |error: std::io::Error| plain(&error);
    let before = socket.option(option.level, option.name).map_err(refused)?;
    socket.set_option(option.level, option.name, option.bytes()).map_err(refused)?;
    // The kernel may take another value than was given: it doubles buffers.
    let after = socket.option(option.level, option.name).map_err(refused)?;
    match entry.options.iter_mut().find(|saved| (saved.level, saved.name) == (option.level, option.name)) {
        Some(saved) => saved.after = after,
        None => entry.options.push(Saved { level: option.level, name: option.name, before, after }),
    }
    Ok(())
}

/// The value that, when set, gives the value that was read.
fn settable(saved: &Saved) -> Vec<u8> {
    let doubled = saved.level == libc::SOL_SOCKET && [libc::SO_SNDBUF, libc::SO_RCVBUF].contains(&saved.name);
    match integer(&saved.before).filter(|_| doubled) {
        Some(size) => (size / 2).to_ne_bytes().to_vec(),
        None => saved.before.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, entry, restore, tune, wishes};
    use crate::attach::record::Record;
    use crate::os::option::integer;
    use crate::os::socket::Socket;
    use std::net::TcpListener;

    fn listener() -> Socket {
        let socket = TcpListener::bind("127.0.0.1:0").expect("loopback");
        Socket::new(socket.into()).unwrap_or_else(|what| panic!("{what}"))
    }

    #[test]
    fn puts_back_what_it_set() {
        let socket = listener();
        let read = |level, name| socket.option(level, name).ok().and_then(|b| integer(&b));
        let size = || read(libc::SOL_SOCKET, libc::SO_SNDBUF);
        let before = size();
        let given = ["keepalive=61/10/5,sndbuf=100000".into(), "dscp=af21".into()];
        let plan = Plan { nodelay: Some(true), wishes: wishes(&given).expect("valid"), dry: false };
        let mut remembered = entry(&socket, 1, &Record::default());
        let outcome = tune(&socket, &plan, &mut remembered);
        assert!(outcome.changed && !outcome.before && outcome.after && outcome.refused.is_empty(), "{outcome:?}");
        assert_eq!(outcome.options, ["keepalive=61/10/5", "sndbuf=100000", "dscp=af21"]);
        assert_eq!((read(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), size()), (Some(61), Some(200_000)));
        let outcome = restore(&socket, &remembered, false);
        assert!(outcome.before && !outcome.after && outcome.refused.is_empty(), "{outcome:?}");
        assert_eq!((read(libc::SOL_SOCKET, libc::SO_KEEPALIVE), size()), (Some(0), before));
        assert!(!restore(&socket, &remembered, false).changed);
    }

    #[test]
    fn names_what_is_not_valid() {
        let failure = wishes(&["ttl=0".into()]).err().expect("not valid");
        assert!(failure.message.starts_with("--set ttl=0: allowed is"), "{failure:?}");
    }

    #[test]
    fn a_refused_option_is_told() {
        let socket = listener();
        let plan = Plan { nodelay: None, wishes: wishes(&["congestion=none_such".into()]).expect("valid"), dry: false };
        let outcome = tune(&socket, &plan, &mut entry(&socket, 1, &Record::default()));
        assert!(!outcome.changed && outcome.refused[0].starts_with("congestion=none_such: "), "{outcome:?}");
    }
}
