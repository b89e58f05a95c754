//! `tcptune doctor --pcap` on captures that are made by hand: in every format and wrapping, cut, damaged, of one direction, from
//! the middle of a connection.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::cli::capture::report;
use crate::support::cli::packets::{CLIENT, Format, Ip, Link, MS, Packet, Talk, capture};
use crate::support::cli::{ended, tcptune};
use crate::support::{Guard, ScratchDir};

const WHOLE: usize = 1 << 16;
const PATIENCE: Duration = Duration::from_secs(20);
const DELAY: u64 = 41 * MS;

/// A connection that stalls in nearly every exchange, captured at the client.
fn stalled() -> Vec<Packet> {
    Talk::new(0, MS / 10).stalls(30, 100, DELAY).packets
}

/// What doctor says of these bytes.
pub fn judged(bytes: &[u8]) -> (Value, i32) {
    let scratch = ScratchDir::new("capture");
    report(&scratch.file("x.pcap", bytes), &[])
}

pub fn plain(packets: &[Packet]) -> Vec<u8> {
    capture(packets, Link::Ethernet, Ip::V4, Format::Micro, WHOLE)
}

/// The stall of the client of `stalled`.
#[track_caller]
fn expect_stall((report, code): &(Value, i32), waits: std::ops::RangeInclusive<u64>) {
    assert_eq!((*code, report["verdict"].as_str()), (1, Some("found")), "{report:#}");
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 1, "{report:#}");
    let found = &findings[0];
    assert_eq!((found["kind"].as_str(), found["side"].as_str()), (Some("nagle"), Some("client")), "{found:#}");
    assert!(found["waits"].as_u64().is_some_and(|n| waits.contains(&n)), "{waits:?}: {found:#}");
    assert!(found["wait_ms"].as_f64().is_some_and(|ms| (40.0..42.5).contains(&ms)), "{found:#}");
}

#[track_caller]
pub fn expect(report: &(Value, i32), code: i32, verdict: &str, reason: Option<&str>) {
    let (report, given) = report;
    assert_eq!((*given, report["verdict"].as_str()), (code, Some(verdict)), "{report:#}");
    assert_eq!(report["doubts"][0]["reason"].as_str(), reason, "{report:#}");
}

#[test]
fn every_wrapping_of_packets_is_read() {
    for link in Link::ALL {
        for ip in [Ip::V4, Ip::V6, Ip::V6Extended] {
            let report = judged(&capture(&stalled(), link, ip, Format::Micro, WHOLE));
            expect_stall(&report, 30..=30);
        }
    }
}

#[test]
fn every_format_and_clock_is_read() {
    for format in [Format::Micro, Format::Nano, Format::Ng(3), Format::Ng(6), Format::Ng(9)] {
        let report = judged(&capture(&stalled(), Link::Ethernet, Ip::V4, format, WHOLE));
        expect_stall(&report, 30..=30);
        let span = report.0["findings"][0]["span_s"].as_f64().expect("a number");
        assert!((1.2..1.3).contains(&span), "{format:?}: {span}");
    }
}

#[test]
fn it_is_the_same_stall_wherever_it_was_captured() {
    for round_trip in [0, 1, 10, 40, 200] {
        for part in [0, 30, 50, 100] {
            let client = round_trip * MS / 2 * part / 100;
            let talk = Talk::new(client, round_trip * MS / 2 - client).stalls(30, 100, DELAY);
            let (report, code) = judged(&plain(&talk.packets));
            let found = &report["findings"][0];
            assert_eq!((code, found["kind"].as_str()), (1, Some("nagle")), "{round_trip} {part} {report:#}");
            assert_eq!((found["side"].as_str(), found["waits"].as_u64()), (Some("client"), Some(30)), "{found:#}");
            let number = |name: &str| found[name].as_f64().expect("a number");
            assert!((number("wait_ms") - 41.0 - round_trip as f64).abs() < 1.0, "{round_trip} {part} {found:#}");
            assert!((number("round_trip_ms") - round_trip as f64).abs() < 0.5, "{round_trip} {part} {found:#}");
            // Without the connection's beginning the way is known from what is acknowledged at once.
            let (later, code) = judged(&plain(&talk.packets[5..]));
            assert!(code == 1 && later["findings"][0]["kind"] == "nagle", "{round_trip} {part} {later:#}");
        }
    }
}

#[test]
fn acknowledgements_of_other_systems_are_delayed_for_longer_or_less() {
    for delay in [10, 25, 100, 200, 500] {
        let (report, code) = judged(&plain(&Talk::new(0, MS / 10).stalls(20, 100, delay * MS).packets));
        let found = &report["findings"][0];
        assert_eq!((code, found["kind"].as_str(), found["waits"].as_u64()), (1, Some("nagle"), Some(20)), "{report:#}");
        let text = found["pattern_text"].as_str().unwrap_or_default();
        assert_eq!(text.contains("by 40 ms"), (20..80).contains(&delay), "{delay} {text}");
    }
}

#[test]
fn a_round_trip_that_a_piece_waited_for_is_told_from_a_delay() {
    for part in [0, 50, 100] {
        let client = 20 * MS * part / 100;
        let (report, code) = judged(&plain(&Talk::new(client, 20 * MS - client).stalls(30, 100, 0).packets));
        let found = &report["findings"][0];
        assert_eq!((code, found["kind"].as_str(), found["waits"].as_u64()), (1, Some("nagle"), Some(30)), "{report:#}");
        assert!(found["text"].as_str().is_some_and(|t| t.contains("a round trip of 40.")), "{found:#}");
    }
    // Nearby nobody can tell, and nothing is lost.
    expect(&judged(&plain(&Talk::new(0, MS / 10).stalls(30, 100, 0).packets)), 0, "none", None);
}

#[test]
fn healthy_exchanges_at_any_distance_are_no_stall() {
    for round_trip in [0, 1, 10, 40, 200] {
        for part in [0, 50, 100] {
            let client = round_trip * MS / 2 * part / 100;
            let talk = Talk::new(client, round_trip * MS / 2 - client).healthy(50);
            expect(&judged(&plain(&talk.packets)), 0, "none", None);
        }
    }
}

#[test]
fn a_program_that_writes_later_by_itself_is_no_stall() {
    // Pieces of a stream at times of their own, which the other end acknowledges after 40 ms where nothing came before.
    let stream = |pause: &dyn Fn(u64) -> u64, at_once: bool| {
        let mut talk = Talk::new(0, MS / 10);
        for n in 0..60 {
            let pause = pause(n);
            talk.data(true, 100);
            if pause > DELAY || at_once {
                let delay = if at_once { MS / 10 } else { DELAY };
                talk.pause(delay);
                talk.acknowledge(false);
                talk.pause(pause - delay);
            } else {
                talk.pause(pause);
            }
        }
        judged(&plain(&talk.packets))
    };
    for pause in [30, 50, 60, 100, 500] {
        expect(&stream(&|_| pause * MS, false), 0, "none", None);
        expect(&stream(&|_| pause * MS, true), 0, "none", None);
    }
    // As slow as acknowledgements are, which take a little longer each time or not: 24 and 25 pictures in a second among them.
    for period in [400, 404, 407, 410, 413, 4167 / 10, 420, 425, 430] {
        let mut talk = Talk::new(0, MS / 10);
        let begin = talk.packets[2].time;
        for n in 0..100 {
            let (now, delay) = (begin + n * period * MS / 10, (400 + n * n * 7 % 10) * MS / 10);
            talk.at(now + n * 13 % 7 * 10_000);
            talk.data(true, 100);
            if delay < period * MS / 10 {
                talk.at(now + delay);
                talk.acknowledge(false);
            }
        }
        expect(&judged(&plain(&talk.packets)), 0, "none", None);
    }
    // Now and then in time with an acknowledgement.
    expect(&stream(&|n| (42 + n % 20) * MS, false), 0, "none", None);
}

#[test]
fn a_super_segment_counts_as_its_last_part() {
    // 5,000 bytes in one packet: three full segments and a part, behind which the rest waits.
    let cut = Talk::new(0, MS / 10).stalls(30, 5_000, DELAY).packets;
    let report = judged(&plain(&cut));
    expect_stall(&report, 30..=30);
    // 120 segments of the client's, one for each answer.
    assert_eq!(report.0["findings"][0]["segments"], 150, "{:#}", report.0);
}

#[test]
fn what_is_kept_of_packets_may_be_little() {
    // Ethernet, IPv4, TCP and its timestamps are 66 bytes; at 54 the options are gone, and the lengths are those on the wire.
    for snaplen in [96, 66, 60, 54] {
        let report = judged(&capture(&stalled(), Link::Ethernet, Ip::V4, Format::Micro, snaplen));
        expect_stall(&report, 30..=30);
        assert_eq!(report.0["findings"][0]["pattern_bytes"], serde_json::json!([100, 2]));
    }
    let report = judged(&capture(&stalled(), Link::Ethernet, Ip::V4, Format::Micro, 40));
    expect(&report, 2, "unknown", Some("cut-short"));
}

#[test]
fn one_direction_tells_nothing_and_says_so() {
    for client in [true, false] {
        let mut packets = stalled();
        packets.retain(|packet| packet.from_client == client);
        let report = judged(&plain(&packets));
        expect(&report, 2, "unknown", Some("one-direction"));
        let text = report.0["doubts"][0]["text"].as_str().expect("a text");
        let end = if client { "10.0.0.2:40000" } else { "10.0.0.1:8080" };
        assert!(text.starts_with(&format!("only what {end} sent was captured")), "{text}");
    }
    // Acknowledgements alone, of a stream.
    let mut talk = Talk::new(0, 0);
    for _ in 0..50 {
        talk.data(true, 1000);
        talk.acknowledge(false);
    }
    talk.packets.retain(|packet| !packet.from_client);
    expect(&judged(&plain(&talk.packets)), 2, "unknown", Some("one-direction"));
}

#[test]
fn too_little_tells_nothing_and_says_so() {
    expect(&judged(&plain(&Talk::new(0, 0).healthy(3).packets)), 2, "unknown", Some("too-few-exchanges"));
    expect(&judged(&plain(&Talk::new(0, 0).packets)), 2, "unknown", Some("nothing-seen"));
    expect(&judged(&plain(&[])), 2, "unknown", Some("nothing-seen"));
    // Every third packet is missing.
    let mut n = 0;
    let mut lossy = Talk::new(0, 0).healthy(100).packets;
    lossy.retain(|_| {
        n += 1;
        n % 3 > 0
    });
    expect(&judged(&plain(&lossy)), 2, "unknown", Some("packets-missing"));
}

#[test]
fn a_flood_of_tiny_segments_is_one() {
    let mut talk = Talk::new(0, 0);
    for n in 0..4_000 {
        talk.data(true, 50);
        talk.pause(MS / 4);
        if n % 2 == 1 {
            talk.acknowledge(false);
        }
    }
    let (report, code) = judged(&plain(&talk.packets));
    assert_eq!((code, report["findings"][0]["kind"].as_str()), (1, Some("flood")), "{report:#}");
    assert_eq!(report["findings"][0]["segments"], 4_000, "{report:#}");
}

#[test]
fn packets_that_were_captured_twice_count_once() {
    let twice: Vec<Packet> = stalled().into_iter().flat_map(|packet| [packet, packet]).collect();
    let report = judged(&capture(&twice, Link::Sll2, Ip::V4, Format::Micro, WHOLE));
    expect_stall(&report, 30..=30);
    assert_eq!(report.0["findings"][0]["segments"], 60, "{:#}", report.0);
    assert!(report.0["notes"].to_string().contains("captured twice"), "{:#}", report.0);
}

#[test]
fn a_damaged_capture_is_read_as_far_as_it_goes() {
    let whole = plain(&stalled());
    let short = judged(&whole[..whole.len() - 5_000]);
    expect_stall(&short, 10..=29);
    assert!(short.0["notes"].to_string().contains("the capture ends within a packet"), "{:#}", short.0);
    for format in [Format::Micro, Format::Ng(6)] {
        let mut torn = capture(&stalled(), Link::Ethernet, Ip::V4, format, WHOLE);
        let at = torn.len() - 5_000;
        torn[at..].fill(0xff);
        let torn = judged(&torn);
        expect_stall(&torn, 10..=29);
        let notes = torn.0["notes"].to_string();
        assert!(notes.contains("the capture is damaged after"), "{notes}");
        assert_eq!(torn.0["notes"].as_array().map(Vec::len), Some(1), "{notes}");
    }
}

#[test]
fn many_services_that_cannot_be_judged_are_counted() {
    let mut packets = Vec::new();
    for service in 0..30 {
        let talk = Talk::new(0, 0).healthy(2).packets;
        packets.extend(talk.into_iter().map(|packet| Packet { port: 9000 + service, ..packet }));
    }
    let report = judged(&plain(&packets));
    expect(&report, 2, "unknown", Some("too-few-exchanges"));
    assert_eq!(report.0["doubts"].as_array().map(Vec::len), Some(12), "{:#}", report.0);
    assert!(report.0["notes"].to_string().contains("18 services"), "{:#}", report.0);
}

#[test]
fn fragments_are_left_out_and_counted() {
    let mut bytes = plain(&stalled());
    let (mut at, mut count) = (24, 0);
    while at < bytes.len() {
        let length = u32::from_le_bytes(*bytes[at + 8..].first_chunk().expect("a length"));
        // More fragments follow, says the header of IP behind that of Ethernet.
        bytes[at + 16 + 14 + 6] = 0x20;
        at += 16 + length as usize;
        count += 1;
    }
    let report = judged(&bytes);
    expect(&report, 2, "unknown", Some("nothing-seen"));
    assert_eq!(report.0["capture"]["fragments"], count, "{:#}", report.0);
    assert!(report.0["notes"].to_string().contains("are fragments"), "{:#}", report.0);
}

#[test]
fn a_port_picks_its_connections() {
    let scratch = ScratchDir::new("capture");
    let file = scratch.file("x.pcap", plain(&stalled()));
    expect_stall(&report(&file, &["--port", "8080"]), 30..=30);
    expect_stall(&report(&file, &["--port", &CLIENT.1.to_string()]), 30..=30);
    expect(&report(&file, &["--port", "80"]), 2, "unknown", Some("nothing-seen"));
}

#[test]
fn it_says_what_to_do_at_the_sender_and_where_that_is() {
    let scratch = ScratchDir::new("capture");
    let file = scratch.file("x.pcap", plain(&stalled()));
    let (code, out, err) = ended(tcptune().args(["doctor", "--pcap"]).arg(&file));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let text = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "stall found: 30 of 30 exchanges with 10.0.0.1:8080 waited 41.",
        "where 10.0.0.2, client, socket 10.0.0.2:40000 -> 10.0.0.1:8080",
        "100 bytes are sent at once; Nagle's algorithm holds the next 2 bytes until they are acknowledged",
        "send once",
        "on the client (10.0.0.2) start the program with `tcptune run -- COMMAND`",
        "`tcptune doctor --port 8080` there",
        "123 packets, 123 segments of TCP",
    ] {
        assert!(text.contains(words), "{words}: {out}");
    }
    // Nobody knows in which language the program is written.
    assert!(!text.contains("C: "), "{out}");
}

#[test]
fn a_pipe_is_read_while_it_is_written() {
    let bytes = plain(&stalled());
    let mut command = tcptune();
    command.args(["doctor", "--json", "--pcap", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut doctor = Guard::spawn(&mut command);
    let lines = doctor.lines();
    let mut pipe = doctor.child.stdin.take().expect("piped");
    for piece in bytes.chunks(1_001) {
        pipe.write_all(piece).expect("it reads");
        std::thread::sleep(Duration::from_millis(2));
    }
    // The program that captures lives on; Ctrl-C asks for what there is.
    std::thread::sleep(Duration::from_millis(300));
    let sent = std::process::Command::new("kill").args(["-INT", &doctor.pid().to_string()]).status();
    assert!(sent.expect("kill starts").success());
    assert_eq!(doctor.wait(PATIENCE).code(), Some(1));
    let report: Value = serde_json::from_str(&lines.rest(PATIENCE).concat()).expect("valid JSON");
    expect_stall(&(report, 1), 30..=30);
    drop(pipe);
}

#[test]
fn mistakes_are_answered_in_one_line() {
    let scratch = ScratchDir::new("capture");
    let file = |name: &str, bytes: &[u8]| scratch.file(name, bytes).display().to_string();
    let text = file("text", b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n and so on and on");
    let packed = file("x y.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00");
    let empty = file("empty", b"");
    let nowhere = scratch.join("nowhere").display().to_string();
    let here = scratch.path().display().to_string();
    for (name, words) in [
        (&text, "is no capture: allowed is a file in pcap or pcapng format"),
        (&empty, "is no capture"),
        (&packed, "x y.gz' | tcptune doctor --pcap -`"),
        (&nowhere, "nowhere: cannot be read: No such file"),
        (&here, "Is a directory"),
    ] {
        let (code, out, err) = ended(tcptune().args(["doctor", "--pcap", name]));
        assert_eq!((code, out.as_str(), err.lines().count()), (125, "", 1), "{name}: {err}");
        assert!(err.starts_with("tcptune: ") && err.contains(words) && err.contains(name.as_str()), "{words}: {err}");
    }
    for other in [&["--pid", "1"][..], &["--duration", "1"], &["--interval", "2"], &["--follow"], &["--", "true"]] {
        let (code, _, err) = ended(tcptune().args(["doctor", "--pcap", &text]).args(other));
        assert!(code == 125 && err.contains("allowed is either this or"), "{other:?}: {code} {err}");
    }
}
