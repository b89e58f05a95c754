//! The kernel's tables of TCP sockets: who listens, in this network namespace.

use std::fs;

/// Does any process listen on this port?
pub fn is_listened_on(port: u16) -> bool {
    !listeners(port).is_empty()
}

/// Inode and user of each listener.
pub fn listeners(port: u16) -> Vec<(u64, u32)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    tables.iter().flat_map(|table| of_table(table, port)).collect()
}

pub fn of_table(table: &str, port: u16) -> Vec<(u64, u32)> {
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

#[cfg(test)]
mod tests {
    use super::{is_listened_on, of_table};

    #[test]
    fn reads_the_table_of_sockets() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 777 1 0 100 0\n\
            \x20  1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 778 1 0 100 0\n\
            \x20  2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 779 1 0 100 0\n";
        assert_eq!(of_table(table, 8080), [(777, 1000)]);
        assert_eq!(of_table(table, 80), [(779, 0)]);
        assert_eq!(of_table(table, 81), []);
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
}
