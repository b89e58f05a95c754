//! The services of a host in the order of the time that they lose, as data: `--json` prints it as it is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::doctor::conclude::{once, tell};
use crate::doctor::doubt::{self, Doubt, Looks, Reason};
use crate::doctor::report::{Told, Verdict};
use crate::doctor::words;
use crate::output::json::Document;
use crate::stalls::evidence::{self, Evidence, Side};
use crate::stalls::finding::{self, Kind};
use crate::stalls::host::{Extent, Host};
use crate::units::home::Home;

/// A service that loses time.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Row {
    /// Milliseconds that its exchanges waited, in each second.
    pub lost_ms_per_s: f64,
    pub waits_per_s: f64,
    /// What to call it.
    pub name: String,
    pub unit: Option<String>,
    pub container: Option<String>,
    /// Of a server its own port, of a client the other end's address.
    pub with: String,
    /// The end that holds: this process, or its peer on another machine.
    pub at_fault: Fault,
    /// The command that ends it.
    pub cure: Option<String>,
    #[serde(flatten)]
    pub told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    Process,
    Peer,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Ranking {
    pub verdict: Verdict,
    /// The worst first.
    pub services: Vec<Row>,
    /// What could not be told.
    pub doubts: Vec<Doubt>,
    /// Services and connections that were looked at, and exchanges on them.
    pub watched_services: usize,
    pub connections: u64,
    pub exchanges: u64,
    pub watched_s: f64,
    pub extent: Extent,
    /// Some of them were only looked at closely for a part of the time: what is said of these is an estimate.
    pub sampled: bool,
    /// What watching took, of one core.
    pub cost_percent: f64,
    /// Only the processes of this user could be seen.
    pub own_only: bool,
}

impl Document for Ranking {
    const NAME: &'static str = "doctor-all";
    const SCHEMA: u32 = 1;
}

pub fn rank(host: &Host, watched: Duration, cost: f64, own_only: bool) -> Ranking {
    let evidence = evidence::from_kernel(&host.watch);
    let (mut services, mut unjudged): (Vec<Row>, Vec<Evidence>) = (Vec::new(), Vec::new());
    for one in &evidence {
        let before = services.len();
        let grave = finding::judge(one).into_iter().filter(|finding| finding.kind.is_grave());
        services.extend(grave.map(|finding| row(host, watched, tell(finding, None, false))));
        if services.len() == before {
            unjudged.push(one.clone());
        }
    }
    services.sort_by(|a, b| b.lost_ms_per_s.total_cmp(&a.lost_ms_per_s));
    let looks = Looks { watched, longest_gap: host.extent.apart, counted: false };
    // Where something was found, that others did nothing worth judging is no doubt.
    let mut doubts = match services.is_empty() {
        true => doubt::doubts(&evidence, &looks),
        false => doubt::blind(&unjudged, &looks),
    };
    doubts.extend(left_out(&host.extent));
    let verdict = match (services.is_empty(), doubts.is_empty()) {
        (false, _) => Verdict::Found,
        (true, true) => Verdict::None,
        (true, false) => Verdict::Unknown,
    };
    let [connections, exchanges] = once(&evidence);
    Ranking {
        verdict,
        services,
        doubts,
        watched_services: evidence.iter().filter(|e| !e.other_end && e.connections > 0).count(),
        connections,
        exchanges,
        watched_s: watched.as_secs_f64(),
        extent: host.extent.clone(),
        sampled: evidence.iter().any(|e| e.sampled),
        cost_percent: cost * 100.0,
        own_only,
    }
}

/// More than can be watched is not known to be well.
fn left_out(extent: &Extent) -> Option<Doubt> {
    let named = |count: usize, what: &str| (count > 0).then(|| words::several(count as u64, what));
    let both = [named(extent.left_out, "connection"), named(extent.spaces_left_out, "network namespace")];
    let both: Vec<String> = both.into_iter().flatten().collect();
    (!both.is_empty()).then(|| Doubt {
        reason: Reason::TooSeldom,
        service: None,
        text: format!("{} were not watched: there are more than can be", both.join(" and ")),
        advice: "watch less at once: --port, --unit or --pid",
    })
}

fn row(host: &Host, watched: Duration, told: Told) -> Row {
    let finding = &told.finding;
    let seconds = watched.as_secs_f64().max(1e-3);
    let home = finding.pids.iter().find_map(|pid| host.watch.homes.get(pid)?.clone());
    let (unit, container) = match &home {
        Some(Home::Service(name)) => (Some(name.clone()), None),
        Some(Home::Container(name)) => (None, Some(name.clone())),
        None => (None, None),
    };
    let with = match finding.side {
        Side::Server => format!("port {}", finding.port),
        Side::Client => finding.service.clone(),
    };
    Row {
        lost_ms_per_s: finding.waited_s * 1e3 / seconds,
        waits_per_s: finding.waits as f64 / seconds,
        name: home.as_ref().map_or_else(|| finding.program.short(), |home| home.name().to_owned()),
        unit,
        container,
        with,
        at_fault: if finding.kind == Kind::Peer { Fault::Peer } else { Fault::Process },
        // The first command in the sentence.
        cure: told.change.split('`').nth(1).map(str::to_owned),
        told,
    }
}
