//! Findings as sentences. Numbers come from the finding; nothing is judged here.

use std::time::Duration;

use super::target::Target;
use crate::output::words::{self, milliseconds as ms, number};
use crate::stalls::evidence::Side;
use crate::stalls::finding::{Finding, Kind};

/// The verdict in one sentence.
pub fn verdict(finding: &Finding, target: &Target) -> String {
    let f = finding;
    let with = &f.service;
    let of_time = format!("{} of {}", time(f.waited_s), time(f.span_s));
    match f.kind {
        Kind::Flood if f.flood_calls > 0 => format!(
            "{} of {} calls sent a tiny piece to {with} by itself, {} segments in all where {} would do",
            number(f.flood_calls),
            number(f.calls),
            number(f.segments),
            number(f.fewest_segments)
        ),
        Kind::Flood => format!(
            "{} segments of {} bytes on average went to {with} where {} would do",
            number(f.segments),
            f.bytes_sent / f.segments.max(1),
            number(f.fewest_segments)
        ),
        Kind::Runts => format!(
            "an answer to {with} takes {} segments where {} would do",
            words::per(f.segments, f.exchanges),
            words::per(f.fewest_segments, f.exchanges)
        ),
        Kind::Peer => format!(
            "{} of {} exchanges with {with} paused {} until this end's delayed acknowledgement: {of_time}",
            number(f.waits),
            number(f.exchanges),
            ms(f.wait_ms)
        ),
        Kind::Paced => {
            let things = match f.side {
                Side::Client => "requests to",
                Side::Server => "answers to",
            };
            format!(
                "{things} {with} leave one round trip after the other: one waits {} on average for the acknowledgement of those before, \
                 and takes {} then",
                ms(f.wait_ms),
                ms(f.gain.as_ref().map_or(0.0, |gain| gain.before_ms - f.wait_ms))
            )
        }
        Kind::Held => format!(
            "the library held data for {with} {} for more than 1 ms, {} at worst",
            several(f.waits, "time"),
            ms(f.longest_ms.unwrap_or(0.0))
        ),
        Kind::Nagle | Kind::Cork if f.stream => format!(
            "data for {with} was held {} times, {} each time and {} for an average byte, {}: {of_time}",
            number(f.waits),
            ms(f.wait_ms),
            ms(f.gain.as_ref().map_or(0.0, |g| g.saved_ms)),
            cause(f, target),
        ),
        Kind::Nagle | Kind::Cork => format!(
            "{} of {} exchanges with {with} waited {} {}: {of_time}",
            number(f.waits),
            number(f.exchanges),
            ms(f.wait_ms),
            cause(f, target),
        ),
    }
}

fn cause(f: &Finding, target: &Target) -> String {
    match (f.kind, f.delayed()) {
        (Kind::Cork, _) if f.held_by_library => "because the library holds its data".to_owned(),
        (Kind::Cork, _) if target.loaded.as_ref().is_some_and(|l| l.holds && !l.idle) => {
            "because its data is held, by the library or by the program itself (MSG_MORE or TCP_CORK)".to_owned()
        }
        (Kind::Cork, _) => "because the program itself holds its data (MSG_MORE or TCP_CORK)".to_owned(),
        (_, true) => "for a delayed acknowledgement".to_owned(),
        (_, false) if f.wait_ms > 2.0 * f.round_trip_ms => "for an acknowledgement".to_owned(),
        (_, false) => format!("for an acknowledgement, a round trip of {}", ms(f.round_trip_ms)),
    }
}

/// Who, and on which socket.
pub fn place(f: &Finding, target: &Target) -> String {
    let pids = match f.pids.as_slice() {
        [] => String::new(),
        [one] if target.living.is_empty() => format!(" (process {one}, which has ended)"),
        [one] => format!(" (process {one})"),
        [first, .., last] => format!(" ({} processes, {first} to {last})", f.pids.len()),
    };
    let side = match (f.side, f.other_end) {
        (Side::Client, false) => "client",
        (Side::Server, false) => "server",
        (Side::Client, true) => "the other end, a client",
        (Side::Server, true) => "the other end, a server",
    };
    let connections = match f.connections {
        0 | 1 => String::new(),
        n => format!(", {}", several(n, "connection")),
    };
    let socket = f.socket.as_ref().map(|(local, peer)| format!(", socket {local} -> {peer}")).unwrap_or_default();
    format!("{}{pids}, {side}{connections}{socket}", f.program.shown())
}

/// The pattern of calls behind it.
pub fn pattern(f: &Finding) -> Option<String> {
    let bytes = |n: &u64| several(*n, "byte");
    let nodelay = f.options.map(|o| if o.nodelay { "TCP_NODELAY is on" } else { "TCP_NODELAY is off" });
    let (held, left) = match f.pattern.split_last() {
        Some(split) if f.waits > 0 && f.kind != Kind::Held => split,
        _ => return nodelay.map(str::to_owned),
    };
    let left: Vec<String> = left.iter().map(bytes).collect();
    let left = left.join(", ");
    let so = nodelay.map(|text| format!("; {text}")).unwrap_or_default();
    Some(match f.kind {
        Kind::Cork if left.is_empty() => format!("{} are held though nothing is in flight{so}", bytes(held)),
        Kind::Cork => format!("{left} are in flight, and {} are held behind them{so}", bytes(held)),
        Kind::Paced => {
            let [looks, seen] = f.looks.unwrap_or_default();
            format!(
                "in {} of {} samples {} were unsent on average, behind {left} that Nagle's algorithm waits for; their ACK comes at \
                 once, with an answer{so}",
                number(seen),
                number(looks),
                bytes(held),
            )
        }
        Kind::Peer => format!("the other end sends one write and holds {} until we acknowledge it", bytes(held)),
        _ if f.delayed() => format!(
            "{left} are sent at once; Nagle's algorithm holds the next {} until they are acknowledged, which the other end's kernel \
             delays{}{so}",
            bytes(held),
            // Linux's; other systems take longer.
            if f.wait_ms - f.round_trip_ms < 80.0 { " by 40 ms" } else { "" }
        ),
        _ => {
            format!(
                "{left} are sent at once; Nagle's algorithm holds the next {} until they are acknowledged{so}",
                bytes(held)
            )
        }
    })
}

/// What to expect from a cure.
pub fn expected(f: &Finding) -> Option<String> {
    let gain = f.gain.as_ref()?;
    if f.kind == Kind::Paced {
        return Some(format!(
            "{} -> {} per {}; with as many in flight, up to {:.1} times as many in the same time",
            ms(gain.before_ms),
            ms(gain.after_ms),
            gain.per,
            gain.before_ms / gain.after_ms.max(1e-3)
        ));
    }
    if f.stream {
        return Some(format!("data arrives {} earlier", ms(gain.saved_ms)));
    }
    // Looks are milliseconds apart: what is left by less than that is not known better.
    let after = if gain.after_ms < 1.0 { "less than 1 ms".to_owned() } else { ms(gain.after_ms) };
    let rest = (f.span_s - f.waited_s).max(f.exchanges as f64 * 1e-3).min(f.span_s);
    let up_to = if gain.after_ms < 1.0 { "at most " } else { "" };
    Some(format!(
        "{} -> {after} per {}; {} would take {up_to}{}",
        ms(gain.before_ms),
        gain.per,
        time(f.span_s),
        time(rest)
    ))
}

pub fn time(seconds: f64) -> String {
    words::time(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// A number of things.
pub fn several(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{several, time};

    #[test]
    fn numbers_read_well() {
        assert_eq!([several(1, "wait"), several(1_500, "wait")], ["1 wait", "1,500 waits"]);
        assert_eq!(time(-0.001), time(0.0));
    }
}
