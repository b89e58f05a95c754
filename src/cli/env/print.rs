//! The settings as a table.

use super::report::{Report, Source};
use crate::output::{BAD, BOLD, FAINT, line, styled, wrapped};

pub fn table(report: &Report) {
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
        line(format!("{:21}{from}{}", row.name, wrapped(&shown, 63, 35)).trim_end());
    }
    for (n, rule) in report.rules.iter().enumerate() {
        line(&format!("{:21}{:14}{}", format!("  rule {}", n + 1), "", wrapped(&rule.rule, 63, 35)));
        line(&styled(FAINT, format_args!("{:35}gives {}", "", wrapped(&rule.tuning, 57, 41))));
    }
    line("");
    line(match (report.enabled, report.settings.iter().any(|row| row.error.is_some())) {
        (_, true) => "A setting is invalid: tuning is off for every program that is started like this.",
        (true, false) => "Tuning is on.",
        (false, false) => "Tuning is off.",
    });
    line(&match &report.preload {
        Some(entry) => format!("LD_PRELOAD names the library: {entry}"),
        None => "LD_PRELOAD does not name the library here; `tcptune run` puts it there.".to_owned(),
    });
}
