//! The findings as JUnit's XML, which every CI system shows beside the tests: one test case for each. A known one is skipped.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use crate::doctor::report::{Report, Told, Verdict};
use crate::errors::{Context, Failure};

use super::outcome::Standing;

const NAME: &str = "tcptune doctor";

pub fn document(report: &Report) -> Result<String, Failure> {
    let mut suite = TestSuite::new(NAME);
    suite.set_time(Duration::try_from_secs_f64(report.watched_s).unwrap_or_default());
    suite.add_property(Property::new("tcptune", env!("CARGO_PKG_VERSION")));
    for (n, told) in report.findings.iter().enumerate() {
        suite.add_test_case(case(told, n));
    }
    for doubt in report.doubts.iter().filter(|_| report.verdict == Verdict::Unknown) {
        let fails = report.gate.as_ref().is_some_and(|gate| gate.failed);
        let mut status =
            if fails { TestCaseStatus::non_success(NonSuccessKind::Error) } else { TestCaseStatus::skipped() };
        status.set_message(format!("could not tell: {}", doubt.text));
        status.set_description(doubt.advice);
        suite.add_test_case(named("could not tell", status));
    }
    if report.verdict == Verdict::None && report.findings.is_empty() {
        suite.add_test_case(named("no stall found", TestCaseStatus::success()));
    }
    let mut suites = Suites::new(NAME);
    suites.add_test_suite(suite);
    suites.to_string().doing(|| "write the findings as XML")
}

/// `before`: how many are before it. Two findings may differ in nothing but an ephemeral port or an address; names must differ.
fn case(told: &Told, before: usize) -> TestCase {
    let mut status = match told.standing {
        _ if told.fails() => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Some(Standing::Known) => TestCaseStatus::skipped(),
        _ => TestCaseStatus::success(),
    };
    let known = if told.standing == Some(Standing::Known) { "known: " } else { "" };
    status.set_type(told.key.kind.word()).set_message(format!("{known}{}", told.text)).set_description(body(told));
    let mut case = named(&format!("{}. {}", before + 1, told.key.shown()), status);
    case.set_classname(format!("tcptune.{}", told.key.program));
    if matches!(case.status, TestCaseStatus::Success { .. }) {
        case.set_system_out(body(told));
    }
    case
}

fn named(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname("tcptune").set_time(Duration::ZERO);
    case
}

/// What a person reads of it.
pub fn body(told: &Told) -> String {
    let mut lines = vec![told.text.clone(), format!("where: {}", told.place)];
    lines.extend(told.script_text.iter().map(|row| format!("your line: {row}")));
    lines.extend(told.called_by_text.iter().map(|row| format!("called by: {row}")));
    lines.extend(told.pattern_text.iter().map(|text| format!("what happens: {text}")));
    lines.extend(told.upstream.iter().map(|text| format!("in the program: {text}")));
    lines.push(format!("tcptune: {}", told.change));
    lines.extend(told.expected.iter().map(|text| format!("expected: {text}")));
    lines.join("\n")
}
