//! What stands below the options in the help of a subcommand, as data: its exit statuses and examples. The help, the man pages
//! and docs/exit-status.md are made from it.

use crate::output;

/// Column in which the explanation of an example begins, where its command leaves room.
const COLUMN: usize = 48;
/// No line is longer: examples are not wrapped.
const WIDTH: usize = 80;

/// Of one subcommand.
pub struct Help {
    /// A status and what it means.
    pub exit: &'static [(&'static str, &'static str)],
    /// A command line and what it does; the first are for the short help.
    pub examples: &'static [(&'static str, &'static str)],
    /// How many of them are in the short help.
    pub first: usize,
}

impl Help {
    /// For `-h`.
    pub fn short(&self) -> String {
        format!("Examples:\n{}", examples(self.examples.get(..self.first).unwrap_or(self.examples)))
    }

    /// For `--help`.
    pub fn long(&self) -> String {
        let mut text = "Exit status:\n".to_owned();
        for (status, meaning) in self.exit {
            text.push_str(&output::paragraph(&format!("  {status:<5}"), meaning, 7, WIDTH));
            text.push('\n');
        }
        format!("{text}\nExamples:\n{}", examples(self.examples))
    }
}

/// Commands, with what they do behind them or, where there is no room, below.
fn examples(rows: &[(&str, &str)]) -> String {
    let widest = rows.iter().map(|(command, _)| command.len()).filter(|width| *width + 4 <= COLUMN).max();
    let column = widest.map_or(COLUMN, |widest| widest + 5);
    let mut text = String::new();
    for (command, meaning) in rows {
        let fits = command.len() + 5 <= column && column + meaning.len() <= WIDTH;
        match meaning.is_empty() {
            true => text.push_str(&format!("  {command}\n")),
            false if fits => text.push_str(&format!("  {command:<0$}{meaning}\n", column - 2)),
            false => text.push_str(&format!("  {command}\n      {meaning}\n")),
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::Help;

    const HELP: Help = Help {
        exit: &[("0", "done"), ("125", "wrong use")],
        examples: &[("tcptune x", "does x"), ("tcptune y --long-option and-its-value and-more-of-it-still", "does y")],
        first: 1,
    };

    #[test]
    fn every_example_is_indented() {
        assert_eq!(HELP.short(), "Examples:\n  tcptune x   does x");
        let long = "Exit status:\n  0    done\n  125  wrong use\n\nExamples:\n  tcptune x   does x\n  \
                    tcptune y --long-option and-its-value and-more-of-it-still\n      does y";
        assert_eq!(HELP.long(), long);
    }
}
