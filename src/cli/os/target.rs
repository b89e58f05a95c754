//! Which processes are meant: by number, by the port they listen on, with their descendants. Reads /proc only.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;

use crate::errors::{CANNOT_EXECUTE, Failure, NOT_FOUND};
use crate::os::process::{inode, parent};

/// The number that was given.
pub fn number(text: &OsStr) -> Result<u32, Failure> {
    let digits = text.to_str().filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()));
    let Some(digits) = digits else {
        let given = text.to_string_lossy();
        return Err(Failure::own(format!("`{given}` is no process number: try `$(pidof {given})`, or --port N")));
    };
    digits.parse().map_err(|_| Failure::new(NOT_FOUND, format!("there is no process {digits}")))
}

/// Processes that have a socket listening on this port.
pub fn listening_on(port: u16) -> Result<Vec<u32>, Failure> {
    let listeners = listeners_now(port);
    let Some(&(_, user)) = listeners.first() else {
        return Err(Failure::new(
            NOT_FOUND,
            format!("no process listens on TCP port {port} in this network namespace"),
        ));
    };
    let owns = |pid: &u32| {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        let mut inodes = entries.flatten().filter_map(|e| inode(fs::read_link(e.path()).ok()?));
        inodes.any(|inode| listeners.iter().any(|(listener, _)| *listener == inode))
    };
    let found: Vec<u32> = all().into_iter().filter(owns).collect();
    if found.is_empty() {
        let message = format!(
            "the process that listens on port {port} cannot be seen from here (its socket is of uid {user}): try again as \
             root, in its PID namespace"
        );
        return Err(Failure::new(CANNOT_EXECUTE, message));
    }
    Ok(found)
}

/// Does any process listen on this port, in this network namespace?
pub fn is_listened_on(port: u16) -> bool {
    !listeners_now(port).is_empty()
}

/// Inode and user of each listener.
fn listeners_now(port: u16) -> Vec<(u64, u32)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    tables.iter().flat_map(|table| listeners(table, port)).collect()
}

/// Inode and user of each listener in a table of the kernel's.
fn listeners(table: &str, port: u16) -> Vec<(u64, u32)> {
    const LISTEN: &str = "0A";
    let wanted = format!("{port:04X}");
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let ours = local == wanted && *fields.get(3)? == LISTEN;
        ours.then_some((fields.get(9)?.parse().ok()?, fields.get(7)?.parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

/// These processes and all that they have started, directly and not.
pub fn with_descendants(pids: &[u32]) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = all().into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found: BTreeSet<u32> = pids.iter().copied().collect();
    let mut order = pids.to_vec();
    let mut next = 0;
    while let Some(&one) = order.get(next) {
        for &(child, _) in parents.iter().filter(|(_, parent)| *parent == one) {
            if found.insert(child) {
                order.push(child);
            }
        }
        next += 1;
    }
    order
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_listened_on, listeners, number, with_descendants};

    #[test]
    fn reads_the_table_of_sockets() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 777 1 0 100 0\n\
            \x20  1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 778 1 0 100 0\n\
            \x20  2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 779 1 0 100 0\n";
        assert_eq!(listeners(table, 8080), [(777, 1000)]);
        assert_eq!(listeners(table, 80), [(779, 0)]);
        assert_eq!(listeners(table, 81), []);
    }

    #[test]
    fn a_listener_is_seen_in_both_families_and_a_connection_is_none() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = std::net::TcpListener::bind(address).expect("loopback");
            let address = listener.local_addr().expect("bound");
            assert!(is_listened_on(address.port()), "{address}");
            let client = std::net::TcpStream::connect(address).expect("loopback");
            assert!(!is_listened_on(client.local_addr().expect("bound").port()));
            drop(listener);
            assert!(!is_listened_on(address.port()), "{address}");
        }
    }

    #[test]
    fn numbers_only() {
        assert_eq!(number("42".as_ref()).ok(), Some(42));
        for text in ["", "nginx", "-1", "4 2"] {
            assert_eq!(number(text.as_ref()).err().map(|f| f.code), Some(125), "{text}");
        }
        assert_eq!(number("99999999999".as_ref()).err().map(|f| f.code), Some(127));
    }

    #[test]
    fn finds_ourselves_below_our_parent() {
        let above = std::os::unix::process::parent_id();
        let found = with_descendants(&[above]);
        assert!(found.first() == Some(&above) && found.contains(&std::process::id()), "{found:?}");
    }
}
