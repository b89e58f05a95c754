//! The table, for an issue or a pull request.

use std::fmt::Write;

use crate::ab::measures::Source;
use crate::ab::print::interval;
use crate::ab::report::Report;
use crate::ab::schedule::Side;

pub fn page(report: &Report) -> String {
    let mut page = String::new();
    for verdict in report.arms.iter().filter_map(|arm| arm.verdict.as_ref()) {
        let _ = writeln!(page, "**{}**\n", escape(verdict));
    }
    let several = report.arms.len() > 2;
    if several {
        for arm in &report.arms {
            let _ = writeln!(page, "- {}: `{}`", escape(&arm.name), arm.description.replace('`', "'"));
        }
        page.push('\n');
    } else {
        let _ = writeln!(page, "`{}`\n", report.subject.command.replace('`', "'"));
    }
    if let Some(server) = &report.subject.server {
        let _ = writeln!(page, "served by `{}`\n", server.replace('`', "'"));
    }
    let candidate = if several { "candidate" } else { report.name(Side::CANDIDATE) };
    let baseline = escape(report.name(Side::BASELINE));
    let _ = writeln!(page, "| median | {baseline} | {} | ratio (95 % interval) |", escape(candidate));
    page.push_str("|---|--:|--:|--:|\n");
    for row in &report.measures {
        let mark = if row.of.source == Source::Namespace { " (whole network namespace)" } else { "" };
        let [a, b] = [&row.baseline, &row.candidate]
            .map(|s| format!("{} ± {:.0} %", row.of.unit.show(s.median), 100.0 * s.spread()));
        let whose = if several { format!("{}: ", escape(report.name(row.arm))) } else { String::new() };
        let _ = writeln!(page, "| {}{mark} | {a} | {whose}{b} | {} |", row.of.label, interval(row));
    }
    let machine = &report.machine;
    let _ = writeln!(
        page,
        "\n{} runs of each in random order; {}, {} CPUs, {}; tcptune {}.",
        report.blocks(),
        machine.kernel,
        machine.processors,
        machine.congestion_control,
        report.tcptune
    );
    for warning in &report.warnings {
        let _ = writeln!(page, "\nWarning: {}.", escape(warning));
    }
    page
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}
