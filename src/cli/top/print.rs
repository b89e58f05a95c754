//! The table for scripts and files: one line for each process, blanks between the columns, no colours.

use super::columns::{self, COLUMNS};
use super::sample::{Line, Samples};
use crate::output::line;

pub fn table(samples: &Samples) {
    let titles: String =
        COLUMNS.iter().map(|column| format!("{:>width$}", column.title, width = column.width.into())).collect();
    line(&format!("{titles}  STATE    COMMAND"));
    let mut lines: Vec<&Line> = samples.lines.iter().collect();
    columns::sort(&mut lines, columns::CALLS_PER_SECOND, false);
    for one in lines {
        // A script splits at blanks.
        let cell = |text: String| text.replace(' ', "");
        let cells: String = COLUMNS
            .iter()
            .map(|column| format!("{:>width$}", cell((column.text)(one)), width = column.width.into()))
            .collect();
        line(&format!("{cells}  {:7}  {}", state(one), one.process.command));
    }
}

pub fn state(line: &Line) -> &'static str {
    if line.process.running { "running" } else { "gone" }
}
