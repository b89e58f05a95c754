//! The table for scripts and files: one line for each process, blanks between the columns, no colours.

use super::columns::{self, COLUMNS, name_and_arguments};
use super::sample::{Line, Samples};
use crate::output::table::{self, Column};
use crate::output::{Width, line};

pub fn table(samples: &Samples) {
    let mut lines: Vec<&Line> = samples.lines.iter().collect();
    columns::sort(&mut lines, columns::CALLS_PER_SECOND, false);
    let mut titles: Vec<Column<'_>> =
        COLUMNS.iter().map(|column| Column::right(column.title, column.rank).at_least(column.width.into())).collect();
    titles.extend([Column::left("STATE", 1), Column::left("COMMAND", 0).cut(columns::COMMAND)]);
    let width = Width::of_stdout().table();
    // Where it may be cut, the directory that the program is in must not take the room.
    let command = |one: &Line| match name_and_arguments(&one.process) {
        (name, arguments) if width < usize::MAX => format!("{name} {arguments}"),
        _ => one.process.command.clone(),
    };
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|one| {
            // A script splits at blanks.
            let numbers = COLUMNS.iter().map(|column| (column.text)(one).replace(' ', ""));
            numbers.chain([state(one).to_owned(), command(one)]).collect()
        })
        .collect();
    let table = table::lines(&titles, rows.iter().map(Vec::as_slice), width);
    line(&table.head);
    table.rows.iter().for_each(|text| line(text));
}

pub fn state(line: &Line) -> &'static str {
    if line.process.running { "running" } else { "gone" }
}
