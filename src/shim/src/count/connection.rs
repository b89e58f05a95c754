//! The beginning and the end of connections: the service and arm for which they count, why they are tuned or not, and
//! what the kernel has counted by the time they are closed. Runs a few times in the life of a connection, and only if
//! counting is on.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::Release};

use engine::local_port;
use policy::counters::tally::{self, Burst};
use policy::counters::{
    Arm, CLIENT, Counter, FREE, Head, READY, SERVER, SERVICES, Service, TAKEN, answer_bucket, answers_at, arm_at,
    service_at, service_word_at,
};
use policy::socket::{APP_CORK, NO_HOLD, NODELAY_APP, NODELAY_ON, NODELAY_OURS, Socket};
use policy::{Nodelay, Peer, UNTOUCHED};

use super::record::{
    self, CLASSED, COPIED, Counts, HOLDS_ITSELF, IN_CONTROL, LISTENS, LONG, Record, SERVICE, STALLING, SUSPECT,
    SUSPECT_CORK, USED,
};
use super::{file, trace};
use crate::arch::{coarse_ticks, cycles};
use crate::kernel;
use crate::machine::{LIBRARY, Linux};
use crate::start::settings;

/// How many receives are checked for pauses, after each burst and on a new connection.
pub(super) const WATCHED: u32 = 32;

/// The service that stands for all connections that found no free one.
const OTHERS: usize = SERVICES - 1;

/// The program has opened a connection, or has begun to.
#[cold]
pub(crate) fn connected(fd: c_int, socket: Socket, peer: Option<Peer>) {
    let Some((file, record)) = record::of_new(fd) else { return };
    let service = match peer {
        Some(peer) => find(file, CLIENT, peer.port(), peer.address()),
        None => OTHERS,
    };
    begin(file, fd, record, service, socket);
}

/// A listener is open.
#[cold]
pub(crate) fn listening(fd: c_int, socket: Socket) {
    let Some((file, record)) = record::of_new(fd) else { return };
    let service = find(file, SERVER, local_port::<Linux>(fd), [0; 16]);
    record.forget();
    record.state.store(LISTENS | of_arm(socket) | (service as u32) << SERVICE, Relaxed);
}

/// A listener has accepted a connection.
#[cold]
pub(crate) fn accepted(listener: c_int, fd: c_int, socket: Socket) {
    let Some((file, record)) = record::of_new(fd) else { return };
    let known = record::of(listener).filter(|listener| listener.is(LISTENS)).map(Record::service);
    let service = known.unwrap_or_else(|| find(file, SERVER, local_port::<Linux>(fd), [0; 16]));
    begin(file, fd, record, service, socket);
}

/// A connection came from elsewhere: inherited, or passed by another process.
#[cold]
pub(crate) fn given(fd: c_int, socket: Socket) {
    let Some((file, record)) = record::of_new(fd) else { return };
    let service = find(file, SERVER, local_port::<Linux>(fd), [0; 16]);
    begin(file, fd, record, service, socket);
}

fn of_arm(socket: Socket) -> u32 {
    if socket.tuning() == UNTOUCHED { IN_CONTROL } else { 0 }
}

fn begin(file: *mut u8, fd: c_int, record: &'static Record, service: usize, socket: Socket) {
    if record.counts().is_some() && !record.is(LISTENS) {
        // The record's last connection was closed by a call that no hook saw.
        finish(record);
    }
    record.renew();
    record.nagle.store(0, Relaxed);
    record.watch.store(WATCHED, Relaxed);
    record.opened.store(coarse_ticks(), Relaxed);
    record.state.store(USED | of_arm(socket) | (service as u32) << SERVICE, Relaxed);
    let counts = resume(file, fd, record);
    if let Some(counts) = counts {
        counts.add(Counter::Connections, 1);
    }
}

/// Begins to count a connection, or resumes.
pub(super) fn resume(file: *mut u8, fd: c_int, record: &Record) -> Option<Counts> {
    if !record.is(USED) {
        return None;
    }
    let arm = if record.is(IN_CONTROL) { Arm::Control } else { Arm::Tuned };
    let counts = Counts::at(file, service_at(record.service()).wrapping_add(arm_at(arm)));
    record.count(counts, false);
    changed(fd);
    Some(counts)
}

/// Finds the entry of a service, or takes a free one.
fn find(file: *mut u8, direction: u64, port: u16, address: [u8; 16]) -> usize {
    let [first, last] = halves(address);
    let key = [
        (Service::Direction, direction),
        (Service::Port, u64::from(port)),
        (Service::AddressFirst, first),
        (Service::AddressLast, last),
    ];
    for number in 0..OTHERS {
        let at = |word| file::word(file, service_at(number).wrapping_add(service_word_at(word)));
        let state = at(Service::State);
        if state.load(Relaxed) == FREE && state.compare_exchange(FREE, TAKEN, Relaxed, Relaxed).is_ok() {
            for (word, value) in key {
                at(word).store(value, Relaxed);
            }
            // Release ordering: another process reads what was written before.
            state.store(READY, Release);
            return number;
        }
        // An entry that another thread is writing at this moment is passed over. At worst a service then has two
        // entries.
        if state.load(Relaxed) == READY && key.iter().all(|&(word, value)| at(word).load(Relaxed) == value) {
            return number;
        }
    }
    OTHERS
}

fn halves(address: [u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = address;
    [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes(rest)]
}

/// The program has changed an option on which the counting depends.
#[cold]
pub(crate) fn changed(fd: c_int) {
    let Some(record) = record::if_any(fd) else { return };
    let Some(counts) = record.counts() else { return };
    let socket = LIBRARY.get(fd);
    record.word.store(socket.low(), Relaxed);
    let simple = is_simple(record, socket);
    if simple && record.is_simple() {
        return;
    }
    record.sizes.store(u64::MAX, Relaxed);
    record.without(STALLING | SUSPECT | SUSPECT_CORK);
    record.count(counts, simple);
}

/// The library has given Nagle's algorithm back to a connection for the rest of a long burst, or has ended that.
pub(super) fn nagle(fd: c_int, on: bool) {
    if let Some(record) = record::if_any(fd) {
        record.nagle.store(u32::from(on), Relaxed);
    }
}

/// Is it certain that no wait on this connection is due to Nagle's algorithm or to data that the program holds? Never while
/// stacks are sampled, because then every call matters.
#[inline(always)]
pub(super) fn is_simple(record: &Record, socket: Socket) -> bool {
    socket.0 & (NODELAY_ON | APP_CORK) == NODELAY_ON && !record.is(HOLDS_ITSELF) && !trace::on()
}

/// Counts the burst, which is over. `answer` is the time from its last call to the first byte of the answer.
#[cold]
#[inline(never)]
pub(super) fn burst_ended(record: &'static Record, counts: Counts, answer: Option<u32>) {
    let burst = tally::burst(record.tally.load(Relaxed));
    let last_alone = record.last.load(Relaxed) != 0;
    let several = burst.calls > 1 || record.is(LONG);
    counts.add(Counter::Bursts, 1);
    counts.add_some(Counter::Several, u32::from(several));
    add(&record.bursts, 1);
    part(record, counts, burst, last_alone);
    record.without(LONG);
    if !record.is(CLASSED) {
        class(record, counts);
    }
    LIBRARY.heed();
    let Some(delay) = answer else { return };
    counts.add(Counter::Exchanges, 1);
    counts.add(Counter::ExchangeDelay, u64::from(delay));
    add(&record.exchanges, 1);
    record.delay.store(record.delay.load(Relaxed).wrapping_add(u64::from(delay)), Relaxed);
    counts.bucket(answers_at(answer_bucket(delay)));
    let small = last_alone || record.sizes.load(Relaxed) & 0xffff < tally::SMALL as u64;
    counts.add_some(Counter::Exposed, u32::from(several && small));
}

/// The burst goes on, but its tally is full: adds it up so far.
#[cold]
#[inline(never)]
pub(super) fn burst_goes_on(record: &'static Record, counts: Counts) {
    part(record, counts, tally::burst(record.tally.load(Relaxed)), false);
    record.with(LONG);
    LIBRARY.heed();
}

fn part(record: &Record, counts: Counts, burst: Burst, last_alone: bool) {
    record.begin();
    add(&record.calls, burst.calls);
    counts.add_some(Counter::Runts, burst.runts(last_alone));
    counts.add_some(Counter::Tiny, burst.tiny);
    counts.add_some(Counter::Floods, u32::from(burst.flood() != 0 && !record.is(LONG)));
    counts.add_some(Counter::FloodCalls, if record.is(LONG) { burst.tiny } else { burst.flood() });
}

fn add(word: &AtomicU32, more: u32) {
    word.store(word.load(Relaxed).wrapping_add(more), Relaxed);
}

/// Counts why a connection is tuned or not. Done when its first burst is over, because most programs set their options
/// only after opening it.
fn class(record: &Record, counts: Counts) {
    record.with(CLASSED);
    let socket = Socket::of(record.word.load(Relaxed), 0);
    let settings = settings();
    let tuning = settings.tuning(socket.tuning());
    counts.add(
        if settings.observing() {
            Counter::SkippedObserving
        } else if record.is(IN_CONTROL) {
            Counter::SkippedControl
        } else if socket.has(NODELAY_OURS) {
            Counter::Tuned
        } else if socket.has(NODELAY_ON) {
            Counter::SkippedProgramOn
        } else if !tuning.enabled() || matches!(tuning.nodelay, Nodelay::Off) {
            Counter::SkippedRule
        } else if socket.has(NODELAY_APP) {
            Counter::SkippedProgramOff
        } else {
            Counter::SkippedKernel
        },
        1,
    );
    if socket.has(NO_HOLD) {
        counts.add(Counter::NeverHeld, 1);
    }
}

/// The descriptor is about to be closed.
#[cold]
pub(super) fn closing(fd: c_int, record: &'static Record) {
    if record.counts().is_none() || !LIBRARY.is_enabled() {
        record.forget();
        return;
    }
    // While the socket has another descriptor, it is that one's close that counts.
    let last = !record.is(COPIED) || !has_copy(record);
    if last && let Some(info) = kernel::tcp_info(fd) {
        sample(record, &info);
    }
    if last {
        finish(record);
    }
    record.forget();
}

/// Is there another record of the same socket? It was opened at the same time, for the same service.
fn has_copy(record: &'static Record) -> bool {
    let mut found = false;
    record::each(|_, other| {
        found |= other.is(COPIED)
            && !core::ptr::eq(other, record)
            && other.opened.load(Relaxed) == record.opened.load(Relaxed)
            && other.service() == record.service();
    });
    found
}

/// Counts what remains to be counted of a connection that is closed, or has been.
fn finish(record: &'static Record) {
    let Some(counts) = record.counts() else { return };
    if record.tally.load(Relaxed) != 0 {
        burst_ended(record, counts, None);
    } else if !record.is(CLASSED) {
        class(record, counts);
    }
    counts.add(Counter::Closed, 1);
    if let Some(mean) = record.delay.load(Relaxed).checked_div(u64::from(record.exchanges.load(Relaxed))) {
        counts.add(Counter::Compared, 1);
        counts.add(Counter::MeanDelay, mean);
        counts.add(Counter::MeanDelaySquare, mean.saturating_mul(mean));
    }
    counts.add(Counter::ConnectionTime, u64::from(coarse_ticks().wrapping_sub(record.opened.load(Relaxed))));
    if let Some(file) = file::known() {
        let last = file::head(file, Head::LastCycles).load(Relaxed);
        if cycles().wrapping_sub(last) > SELDOM {
            file::refresh_clock(file);
        }
    }
}

/// How often the header's clocks are refreshed at most, in cycles: about once a second on x86. (On AArch64, whose
/// counter mostly runs at 24 to 50 MHz, every 40 to 90 seconds.)
const SELDOM: u64 = 1 << 31;

fn sample(record: &'static Record, info: &kernel::TcpInfo) {
    let Some(counts) = record.counts() else { return };
    if record.tally.load(Relaxed) != 0 {
        burst_ended(record, counts, None);
    }
    for (counter, more) in [
        (Counter::Sampled, 1),
        (Counter::SegmentsSent, info.segments_sent()),
        (Counter::SegmentsReceived, info.segments_received()),
        (Counter::Retransmissions, info.retransmissions()),
        (Counter::RoundTrip, info.round_trip()),
        (Counter::SampledCalls, record.calls.load(Relaxed)),
        (Counter::SampledBursts, record.bursts.load(Relaxed)),
    ] {
        counts.add(counter, u64::from(more));
    }
}

/// The socket has another descriptor now.
#[cold]
pub(super) fn copied(fd: c_int, new: c_int) {
    let Some(record) = record::of(fd) else { return };
    if !record.is(USED | LISTENS) {
        return;
    }
    let Some((_, copy)) = record::of_new(new) else { return };
    record.with(COPIED);
    copy.renew();
    for (to, from) in [(&copy.opened, &record.opened), (&copy.state, &record.state)] {
        to.store(from.load(Relaxed), Relaxed);
    }
    copy.nagle.store(record.nagle.load(Relaxed), Relaxed);
    if let Some(counts) = record.counts() {
        // On the slower path to begin with: the engine has not recorded the new descriptor yet.
        copy.count(counts, false);
        copy.sent.store(coarse_ticks(), Relaxed);
        copy.word.store(record.word.load(Relaxed), Relaxed);
    }
}
