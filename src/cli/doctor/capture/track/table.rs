//! All connections of a capture, and the services that they are added up to. Bounded: the longest idle make room.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use super::super::packets::Segment;
use super::connection::{Connection, Ended};
use super::waits::Sum;

/// Connections at a time: a kilobyte each.
const CONNECTIONS: usize = 50_000;
const SERVICES: usize = 10_000;
/// Clients of a service that are known by name.
const CLIENTS: usize = 16;

/// Who the clients of a service are.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    pub known: BTreeSet<IpAddr>,
    /// There were others.
    pub more: bool,
}

/// One end of all connections of a service.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub sum: Sum,
    /// Segments in which the same answers would fit.
    pub fewest: u64,
    /// Its address and the other's, on the connection that waited most, and for how long.
    pub example: Option<(SocketAddr, SocketAddr, i64)>,
}

/// All connections with one address and port.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub client: Side,
    pub server: Side,
    pub clients: Hosts,
    /// Of which both ends were seen, and of which one was.
    pub connections: u64,
    pub one_sided: u64,
    /// The end that was seen of the latter.
    pub seen_end: Option<SocketAddr>,
    pub exchanges: u64,
    /// Nanoseconds of use, added up.
    pub span: i64,
    /// The shortest.
    pub round_trip: Option<i64>,
}

#[derive(Debug, Default)]
pub struct Table {
    connections: HashMap<(SocketAddr, SocketAddr), Box<Connection>>,
    pub services: HashMap<SocketAddr, Service>,
    /// When the first and the last segment came by.
    pub times: Option<(i64, i64)>,
    /// Packets that were there twice.
    pub copies: u64,
    /// Connections that made room and may have lived on, and services for which there was none.
    pub evicted: u64,
    pub left_out: u64,
}

impl Table {
    pub fn see(&mut self, segment: &Segment) {
        let (first, last) = self.times.unwrap_or((segment.time, segment.time));
        self.times = Some((first.min(segment.time), last.max(segment.time)));
        let key = (segment.from.min(segment.to), segment.from.max(segment.to));
        if self.connections.get(&key).is_some_and(|connection| connection.begins_anew(segment)) {
            self.end(key);
        }
        if self.connections.len() >= CONNECTIONS && !self.connections.contains_key(&key) {
            self.make_room();
        }
        let connection = self.connections.entry(key).or_insert_with(|| Box::new(Connection::new(segment)));
        self.copies += u64::from(!connection.see(segment));
    }

    /// No more will come.
    pub fn finish(&mut self) {
        let mut keys: Vec<_> = self.connections.keys().copied().collect();
        // The same capture has the same report.
        keys.sort_unstable();
        for key in keys {
            self.end(key);
        }
    }

    /// An eighth of all is taken as ended: those that are over, and those that were idle for longest.
    fn make_room(&mut self) {
        let lives = |one: &Connection| (!one.is_over(), one.last_seen);
        let mut all: Vec<_> = self.connections.iter().map(|(key, one)| (lives(one), *key)).collect();
        let part = all.len() / 8;
        all.select_nth_unstable(part);
        for ((alive, _), key) in all.drain(..=part) {
            self.evicted += u64::from(alive);
            self.end(key);
        }
    }

    fn end(&mut self, key: (SocketAddr, SocketAddr)) {
        let Some(connection) = self.connections.remove(&key) else { return };
        let Some(ended) = connection.end() else { return };
        if self.services.len() >= SERVICES && !self.services.contains_key(&ended.server.0) {
            self.left_out += 1;
            return;
        }
        self.services.entry(ended.server.0).or_default().add(&ended);
    }
}

impl Service {
    fn add(&mut self, ended: &Ended<'_>) {
        let ((client_address, client), (server_address, server)) = (ended.client, ended.server);
        if self.clients.known.len() < CLIENTS || self.clients.known.contains(&client_address.ip()) {
            self.clients.known.insert(client_address.ip());
        } else {
            self.clients.more = true;
        }
        if ended.one_sided {
            self.one_sided += 1;
            self.seen_end = Some(if client.seen { client_address } else { server_address });
            return;
        }
        let exchanges = client.sum.segments.min(server.sum.segments);
        self.connections += 1;
        self.exchanges += exchanges;
        self.span = self.span.saturating_add(ended.span);
        self.round_trip = Some(self.round_trip.map_or(ended.round_trip, |least| least.min(ended.round_trip)));
        self.client.add((client_address, server_address), &client.sum, exchanges, client.mss(server));
        self.server.add((server_address, client_address), &server.sum, exchanges, server.mss(client));
    }
}

impl Side {
    fn add(&mut self, (own, other): (SocketAddr, SocketAddr), sum: &Sum, exchanges: u64, mss: u32) {
        let answers = exchanges.max(1);
        self.fewest += answers * (sum.bytes / answers).max(1).div_ceil(mss.max(1).into());
        self.sum.merge(sum);
        let waited = sum.nagle.total.saturating_add(sum.corked.total);
        if self.example.is_none_or(|(.., most)| waited > most) {
            self.example = Some((own, other, waited));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::packets::Segment;
    use super::{CONNECTIONS, Table};
    use std::net::SocketAddr;

    #[test]
    fn more_connections_than_there_is_room_for_are_all_counted() {
        let mut table = Table::default();
        let all = CONNECTIONS as u64 * 2;
        for n in 0..all {
            let client: SocketAddr = ([10, 1, (n / 60_000) as u8, 1], 1024 + (n % 60_000) as u16).into();
            let server: SocketAddr = ([10, 0, 0, 1], 80).into();
            // Of every second connection the end is seen.
            for (from, to, seq, fin) in [(client, server, 1, n % 2 == 0), (server, client, 2, n % 2 == 0)] {
                table.see(&Segment {
                    time: n as i64 * 1000,
                    from,
                    to,
                    seq,
                    ack: Some(3 - seq),
                    syn: false,
                    fin,
                    rst: false,
                    push: true,
                    window: 100,
                    length: 10,
                    stamps: None,
                    mss: None,
                });
            }
            assert!(table.connections.len() <= CONNECTIONS);
        }
        table.finish();
        let services: Vec<_> = table.services.values().collect();
        assert_eq!((services.len(), services[0].connections, services[0].exchanges), (1, all, all));
        assert!(services[0].clients.known.len() <= super::CLIENTS);
        assert!((1..=all / 2).contains(&table.evicted), "{}", table.evicted);
    }
}
