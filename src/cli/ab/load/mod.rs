//! What load tools print: how much got done, what failed, and how long it took, in the tool's own numbers. One table of the tools that are
//! known, by the name of the command. Pure: text comes in. Which of the tools measure an open loop is in docs/ab.md.

mod apache;
mod hey;
mod memtier;
mod pgbench;
mod reading;
mod redis;
mod sysbench;
mod text;
mod vegeta;
mod wrk;

use reading::{Loop, Thing};
pub use reading::{Reading, Unread};

/// A load tool.
#[derive(Debug)]
pub struct Preset {
    /// Its command's name.
    pub name: &'static str,
    /// This and the next are what docs/ab.md says of it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the page is held against it"))]
    pub thing: Thing,
    #[cfg_attr(not(test), expect(dead_code, reason = "the page is held against it"))]
    pub schedule: Loop,
    /// What to give it so that it prints percentiles.
    pub advice: Option<&'static str>,
    read: fn(&str) -> Result<Reading, Unread>,
}

pub const PRESETS: [Preset; 10] = [
    Preset { name: "wrk", thing: Thing::Request, schedule: Loop::Closed, advice: Some("--latency"), read: wrk::read },
    Preset { name: "wrk2", thing: Thing::Request, schedule: Loop::Open, advice: Some("--latency"), read: wrk::read },
    Preset {
        name: "oha",
        thing: Thing::Request,
        schedule: Loop::OpenWith("--latency-correction -q RATE"),
        advice: None,
        read: hey::read,
    },
    Preset { name: "vegeta", thing: Thing::Request, schedule: Loop::Open, advice: None, read: vegeta::read },
    Preset { name: "hey", thing: Thing::Request, schedule: Loop::Closed, advice: None, read: hey::read },
    Preset { name: "ab", thing: Thing::Request, schedule: Loop::Closed, advice: None, read: apache::read },
    Preset {
        name: "pgbench",
        thing: Thing::Transaction,
        schedule: Loop::OpenWith("--rate=RATE"),
        advice: None,
        read: pgbench::read,
    },
    Preset { name: "redis-benchmark", thing: Thing::Request, schedule: Loop::Closed, advice: None, read: redis::read },
    Preset {
        name: "memtier_benchmark",
        thing: Thing::Operation,
        schedule: Loop::Closed,
        advice: Some("--print-percentiles 50,90,99,99.9"),
        read: memtier::read,
    },
    Preset {
        name: "sysbench",
        thing: Thing::Transaction,
        schedule: Loop::OpenWith("--rate=RATE"),
        advice: Some("--percentile=99"),
        read: sysbench::read,
    },
];

/// Commands that start another: of these the tool is one of the later words.
const STARTERS: [&str; 12] =
    ["env", "nice", "ionice", "taskset", "chrt", "numactl", "timeout", "stdbuf", "setsid", "sudo", "sh", "bash"];

impl Preset {
    /// The one that this command runs. Of a script the last, whose output comes out: `vegeta attack … | vegeta report`.
    pub fn of(command: &[String]) -> Option<&'static Self> {
        let first = base(command.first()?);
        if !STARTERS.contains(&first) {
            return Self::named(first);
        }
        let script = ["sh", "bash"].contains(&first).then(|| command.iter().position(|word| word == "-c")).flatten();
        match script.and_then(|at| command.get(at + 1)) {
            Some(script) => text::commands(script).iter().rev().find_map(|words| Self::of(words)),
            None => command.iter().skip(1).find_map(|word| Self::named(base(word))),
        }
    }

    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// What it printed, to stdout.
    pub fn read(&self, printed: &str) -> Result<Reading, Unread> {
        // Progress is written over, without colours or with.
        let plain = anstream::adapter::strip_str(printed).to_string().replace('\r', "\n");
        (self.read)(&plain)
    }
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::{Loop, PRESETS, Preset, Reading, Unread};
    use std::fs;

    fn of(line: &str) -> Option<&'static str> {
        let words = shell_words::split(line).expect("words");
        Preset::of(&words).map(|preset| preset.name)
    }

    #[test]
    fn a_tool_is_known_by_its_commands_name() {
        for (line, name) in [
            ("wrk -t2 http://127.0.0.1/", Some("wrk")),
            ("/opt/bin/wrk2 -R100 http://127.0.0.1/", Some("wrk2")),
            ("taskset -c 1 redis-benchmark -t get", Some("redis-benchmark")),
            ("sh -c 'echo GET http://x/ | vegeta attack -duration=5s | vegeta report'", Some("vegeta")),
            ("bash -c 'wrk http://x/ && pgbench -S'", Some("pgbench")),
            ("./load ab", None),
            ("sh -c 'exec ./load'", None),
            ("", None),
        ] {
            assert_eq!(of(line), name, "{line}");
        }
    }

    #[test]
    fn the_page_has_each_tool_with_its_loop() {
        let page = include_str!("../../../../docs/ab.md");
        for preset in &PRESETS {
            let schedule = match preset.schedule {
                Loop::Closed => "closed".to_owned(),
                Loop::Open => "open".to_owned(),
                Loop::OpenWith(option) => format!("closed; open with `{option}`"),
            };
            let row = format!("| `{}` | {schedule} | {} |", preset.name, preset.thing.word());
            let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("{row}"));
            assert!(preset.advice.is_none_or(|advice| line.contains(advice.trim_end_matches("=99"))), "{line}");
        }
    }

    /// Those that are recorded anew too: the other tests know the numbers of some.
    #[test]
    fn every_recorded_report_is_read() {
        let mut read = 0;
        for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/load")).expect("recorded reports") {
            let file = entry.expect("a file").path();
            let name = file.file_name().and_then(|name| name.to_str()).expect("text");
            let tool = |preset: &&Preset| {
                name.strip_prefix(preset.name).is_some_and(|rest| rest.starts_with('-') && name.ends_with(".txt"))
            };
            let Some(preset) = PRESETS.iter().find(tool) else { continue };
            let reading = preset.read(&fs::read_to_string(&file).expect("text"));
            if name.ends_with("-csv.txt") {
                assert!(matches!(reading, Err(Unread::Several(_))), "{name}: {reading:?}");
                continue;
            }
            let reading = reading.unwrap_or_else(|error| panic!("{name}: {error}"));
            let Reading { p50_ms, p90_ms, p99_ms, p999_ms, .. } = reading;
            let percentiles: Vec<f64> = [p50_ms, p90_ms, p99_ms, p999_ms].into_iter().flatten().collect();
            assert!(reading.rate_per_s > 0.0 && percentiles.is_sorted(), "{name}: {reading:?}");
            assert!(!name.ends_with("-errors.txt") || reading.errors.is_some_and(|n| n > 0), "{name}: {reading:?}");
            read += 1;
        }
        assert!(read >= 18, "{read}");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for preset in &PRESETS {
            for text in ["", "connection refused\n", "Requests/sec: many\n", "\u{0}\u{1b}[31m%%% 50% in secs\n50%\n"] {
                let error = preset.read(text).expect_err(preset.name);
                assert!(!error.to_string().is_empty());
            }
        }
    }
}
