//! `--fail-on`, `--baseline`: which findings fail, which are known, and which exit status that makes. What is found is not
//! changed by it.

pub mod baseline;
pub mod class;
pub mod junit;
pub mod key;
pub mod outcome;
pub mod sarif;

use super::args::DoctorArgs;
use super::report::{Report, Verdict};
use crate::errors::{Failure, NO, OK, UNKNOWN};
use crate::os::files::Target;
use baseline::Baseline;
use class::Class;
use key::Key;
use outcome::{Outcome, Standing};

/// A signal that ended a command, as shells give it.
const SIGNAL: i32 = 128;

/// What was asked for, found before the watch.
pub struct Gate {
    fail_on: Option<Vec<Class>>,
    baseline: Option<Baseline>,
    name: Option<String>,
    write: bool,
    junit: Option<Target>,
    sarif: Option<Target>,
    /// What runs is a command, whose own exit status counts.
    of_command: bool,
}

impl Gate {
    pub fn of(args: &DoctorArgs) -> Result<Self, Failure> {
        let baseline = args.baseline.as_deref().map(|file| Baseline::read(file, args.write_baseline)).transpose()?;
        let usual = || Class::USUAL.to_vec();
        let tried = |option, file: &Option<_>| file.as_deref().map(|file| Target::tried(option, file)).transpose();
        Ok(Self {
            fail_on: args.gated().then(|| if args.fail_on.is_empty() { usual() } else { args.fail_on.clone() }),
            baseline,
            name: args.baseline.as_ref().map(|file| file.display().to_string()),
            write: args.write_baseline,
            junit: tried("--junit", &args.junit)?,
            sarif: tried("--sarif", &args.sarif)?,
            of_command: !args.command.is_empty(),
        })
    }

    /// Says of each finding what it means here, and writes the files.
    pub fn apply(&self, report: &mut Report) -> Result<(), Failure> {
        if let Some(fail_on) = &self.fail_on {
            let known = self.baseline.as_ref().map(|baseline| baseline.known.as_slice()).unwrap_or_default();
            for told in &mut report.findings {
                let listed = fail_on.iter().any(|class| class.has(told.finding.kind));
                let is_known = self.write || known.iter().any(|known| known.covers(&told.key));
                told.standing = Some(match (listed, is_known) {
                    (false, _) => Standing::Unlisted,
                    (true, false) => Standing::New,
                    (true, true) => Standing::Known,
                });
            }
            let count = |which| report.findings.iter().filter(|told| told.standing == Some(which)).count() as u64;
            let undecided = report.verdict == Verdict::Unknown && fail_on.contains(&Class::Unknown);
            let is_unused = |known: &&baseline::Known| !report.findings.iter().any(|told| known.covers(&told.key));
            report.gate = Some(Outcome {
                fail_on: fail_on.clone(),
                failed: count(Standing::New) > 0 || undecided,
                baseline: self.name.clone(),
                new_findings: count(Standing::New),
                known_findings: count(Standing::Known),
                unused: known.iter().filter(is_unused).cloned().collect(),
                written: self.write,
            });
        }
        if let (Some(baseline), true) = (&self.baseline, self.write) {
            let listed = report.findings.iter().filter(|told| told.standing == Some(Standing::Known));
            baseline.write(&listed.map(|told| told.key.clone()).collect::<Vec<Key>>())?;
        }
        if let Some(file) = &self.junit {
            file.write(junit::document(report)?.as_bytes(), None)?;
        }
        if let Some(file) = &self.sarif {
            file.write(sarif::document(report)?.as_bytes(), None)?;
        }
        Ok(())
    }

    /// Without a gate the status tells what was found. With one, a command that failed comes first: its status means something to
    /// who runs it, and the report tells the rest.
    pub fn status(&self, report: &Report) -> u8 {
        let Some(outcome) = &report.gate else { return plain(report.verdict) };
        let own = match report.command {
            // It was ended by us, when its time was over.
            _ if report.stopped || !self.of_command => OK,
            Some(ended) => {
                let status = ended.status.or(ended.signal.map(|signal| SIGNAL + signal)).unwrap_or_default();
                u8::try_from(status).unwrap_or(NO)
            }
            // It goes on after a signal to us: nothing is known of how it would have ended.
            None => UNKNOWN,
        };
        match (own, outcome.failed, outcome.new_findings) {
            (OK, true, 0) => UNKNOWN,
            (OK, true, _) => NO,
            (own, ..) => own,
        }
    }
}

/// By the verdict alone.
pub const fn plain(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::None => OK,
        Verdict::Found => NO,
        Verdict::Unknown => UNKNOWN,
    }
}
