//! The table, for an issue or a pull request.

use std::fmt::Write;

use crate::ab::measures::Source;
use crate::ab::print::interval;
use crate::ab::report::Report;

pub fn page(report: &Report) -> String {
    let [baseline, candidate] = &report.arms;
    let mut page = format!("**{}**\n\n", escape(&report.verdict));
    let _ = writeln!(page, "`{}`\n", report.subject.command.replace('`', "'"));
    if let Some(server) = &report.subject.server {
        let _ = writeln!(page, "served by `{}`\n", server.replace('`', "'"));
    }
    let _ =
        writeln!(page, "| median | {} | {} | ratio (95 % interval) |", escape(&baseline.name), escape(&candidate.name));
    page.push_str("|---|--:|--:|--:|\n");
    for row in &report.measures {
        let mark = if row.of.source == Source::Namespace { " (whole network namespace)" } else { "" };
        let [a, b] = [&row.baseline, &row.candidate]
            .map(|s| format!("{} ± {:.0} %", row.of.unit.show(s.median), 100.0 * s.spread()));
        let _ = writeln!(page, "| {}{mark} | {a} | {b} | {} |", row.of.label, interval(row));
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
