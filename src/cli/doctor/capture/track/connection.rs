//! One connection, as it went by.

use std::net::SocketAddr;

use super::super::packets::Segment;
use super::end::End;

/// A connection between two addresses, which may have begun before the capture did.
#[derive(Debug)]
pub struct Connection {
    addresses: [SocketAddr; 2],
    ends: [End; 2],
    /// Which end opened it, if that was seen.
    client: Option<usize>,
    /// When data was seen first and last.
    data: Option<(i64, i64)>,
    pub last_seen: i64,
}

/// What is left of a connection when no more is seen of it.
pub struct Ended<'a> {
    pub client: (SocketAddr, &'a End),
    pub server: (SocketAddr, &'a End),
    /// Nanoseconds from the first data to the last.
    pub span: i64,
    pub round_trip: i64,
    /// Nothing of one end was seen, although the other sent.
    pub one_sided: bool,
}

impl Connection {
    pub fn new(segment: &Segment) -> Self {
        Self {
            addresses: [segment.from, segment.to],
            ends: [End::default(), End::default()],
            client: None,
            data: None,
            last_seen: segment.time,
        }
    }

    /// Is this the first packet of another connection between the same addresses?
    pub fn begins_anew(&self, segment: &Segment) -> bool {
        let [a, b] = &self.ends;
        let end = if segment.from == self.addresses[0] { a } else { b };
        segment.syn && segment.ack.is_none() && end.next.is_some() && end.first != Some(segment.seq)
    }

    pub fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.finished)
    }

    /// False: the packet had been seen before.
    pub fn see(&mut self, segment: &Segment) -> bool {
        let from = usize::from(segment.from != self.addresses[0]);
        let [a, b] = &mut self.ends;
        let (sender, other) = if from == 0 { (a, b) } else { (b, a) };
        self.last_seen = self.last_seen.max(segment.time);
        if sender.is_copy(segment) {
            return false;
        }
        if segment.syn && self.client.is_none() {
            self.client = Some(if segment.ack.is_some() { 1 - from } else { from });
        }
        sender.measure(segment, other);
        let was_shut = sender.note(segment);
        if let Some(ack) = segment.ack {
            other.acknowledged(ack, segment, was_shut);
        }
        if segment.length > 0 || segment.syn || segment.fin {
            sender.sent(segment, other);
        }
        sender.passed(segment);
        if segment.length > 0 {
            let first = self.data.map_or(segment.time, |(first, _)| first);
            self.data = Some((first, segment.time.max(first)));
        }
        true
    }

    /// None: it carried no data, and none was acknowledged that went unseen.
    pub fn end(&self) -> Option<Ended<'_>> {
        let [a, b] = &self.ends;
        let sides = [(self.addresses[0], a), (self.addresses[1], b)];
        let one_sided = !(a.seen && b.seen);
        // Where only acknowledgements went by, they tell that there was data.
        if self.data.is_none() && !(one_sided && (a.has_received() || b.has_received())) {
            return None;
        }
        // Where its beginning was not seen: servers have the lower port.
        let client = self.client.unwrap_or(usize::from(self.addresses[0].port() < self.addresses[1].port()));
        let span = self.data.map_or(0, |(first, last)| last.saturating_sub(first));
        let round_trip = a.round_trip(b);
        Some(Ended { client: sides[client], server: sides[1 - client], span, round_trip, one_sided })
    }
}
