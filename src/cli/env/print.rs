//! The settings as a table.

use super::report::{Report, Source};
use crate::output::{BAD, BOLD, FAINT, Width, line, paragraph, styled};

/// Where values begin.
const INDENT: usize = 35;

pub fn table(report: &Report) {
    let width = Width::of_stdout().sentence();
    line(&styled(BOLD, format_args!("{:21}{:14}{}", "setting", "from", "value")));
    for row in &report.settings {
        let from = match row.source {
            _ if row.error.is_some() => styled(BAD, format_args!("{:14}", "invalid")),
            Source::Default => styled(FAINT, format_args!("{:14}", "default")),
            Source::Environment => format!("{:14}", "environment"),
        };
        let shown = match (&row.error, row.value.as_str()) {
            (Some(_), _) => row.written.clone().unwrap_or_default().escape_debug().to_string(),
            (None, "") => "-".to_owned(),
            (None, value) => value.escape_debug().to_string(),
        };
        line(&paragraph(&format!("{:21}{from}", row.name), &shown, INDENT, width));
    }
    for (n, rule) in report.rules.iter().enumerate() {
        line(&paragraph(&format!("{:INDENT$}", format!("  rule {}", n + 1)), &rule.rule, INDENT, width));
        line(&styled(FAINT, paragraph(&format!("{:INDENT$}gives ", ""), &rule.tuning, INDENT + 6, width)));
    }
    line("");
    let say = |text: &str| line(&paragraph("", text, 2, width));
    say(match (report.enabled, report.settings.iter().any(|row| row.error.is_some())) {
        (_, true) => "A setting is invalid: tuning is off for every program that is started like this.",
        (true, false) => "Tuning is on.",
        (false, false) => "Tuning is off.",
    });
    say(&match &report.preload {
        Some(entry) => format!("LD_PRELOAD names the library: {entry}"),
        None => "LD_PRELOAD does not name the library here; `tcptune run` puts it there.".to_owned(),
    });
}
