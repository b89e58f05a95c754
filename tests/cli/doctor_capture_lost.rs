//! `tcptune doctor --pcap` on a path that loses packets, behind the place of the capture or before it, or takes its time with some.

use crate::doctor_capture::{expect, judged, plain};
use crate::support::cli::packets::{MS, Packet, Talk};

#[test]
fn what_is_sent_again_is_no_stall() {
    // Each first piece is lost and sent again after 200 ms, and the rest leaves when that is acknowledged.
    let mut talk = Talk::new(0, MS / 10);
    for _ in 0..30 {
        talk.data(true, 100);
        talk.pause(200 * MS);
        let again = *talk.packets.last().expect("just sent");
        talk.packets.push(Packet { time: again.time + 200 * MS, ..again });
        talk.cross(false);
        talk.acknowledge(false);
        talk.data(true, 2);
        talk.cross(false);
        talk.data(false, 102);
    }
    expect(&judged(&plain(&talk.packets)), 0, "none", None);
}

/// A client asks so many times; one question in so many comes 200 ms and a little later, on a tick of its kernel's clock.
fn late(questions: u64, one_in: u64) -> Vec<Packet> {
    let mut talk = Talk::new(5 * MS, 0);
    let begin = talk.packets[2].time;
    let mut ticks = 0;
    for n in 0..questions {
        ticks += if n % one_in == 0 { 56 } else { 3 };
        talk.at(begin + ticks * 4 * MS + n * n * 7919 % 90_000);
        talk.data(true, 35);
        talk.data(false, 1_000);
    }
    talk.packets
}

#[test]
fn what_was_lost_before_the_capture_may_have_been_held() {
    // To who captures behind the loss, what is sent again comes as late as what is corked.
    for one_in in [20, 100] {
        let report = judged(&plain(&late(600, one_in)));
        expect(&report, 2, "unknown", Some("lost-or-held"));
        let text = report.0["doubts"][0]["text"].as_str().expect("a text");
        assert!(text.starts_with(&format!("{} of 600 small pieces that 10.0.0.2 sent", 600 / one_in)), "{text}");
    }
    // Three in an hour are nothing, and one in two is no accident.
    expect(&judged(&plain(&late(6_000, 2_000))), 0, "none", None);
    let (report, code) = judged(&plain(&late(100, 2)));
    assert_eq!((code, report["findings"][0]["kind"].as_str()), (1, Some("cork")), "{report:#}");
}

#[test]
fn what_took_longer_on_its_way_was_held_too() {
    // At the server: of each three pieces that were held one takes 4 ms more to come.
    let mut talk = Talk::new(10 * MS, 0);
    for n in 0..60 {
        talk.data(true, 100);
        talk.pause(41 * MS);
        talk.acknowledge(false);
        talk.cross(true);
        talk.pause(if n % 3 == 0 { 4 * MS } else { 0 });
        talk.data(true, 2);
        talk.data(false, 102);
        talk.cross(true);
    }
    let (report, code) = judged(&plain(&talk.packets));
    let found = &report["findings"][0];
    assert_eq!((code, found["kind"].as_str(), found["waits"].as_u64()), (1, Some("nagle"), Some(60)), "{report:#}");
    let saved = found["gain"]["saved_ms"].as_f64().expect("a number");
    assert!((61.0..64.0).contains(&saved), "{found:#}");
}
