//! Text on stdout: colours only on a terminal. A closed or full stdout is no reason to crash, but is remembered.

use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};

pub const BOLD: Style = Style::new().bold();
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const NOTE: Style = AnsiColor::Yellow.on_default();
pub const FAINT: Style = Style::new().dimmed();

/// Why something did not arrive, if that was so.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// One line. anstream takes the colours out where they do not belong (no terminal, NO_COLOR).
pub fn line(text: &str) {
    keep(writeln!(anstream::stdout().lock(), "{text}"));
}

/// Text as it is.
pub fn raw(text: &[u8]) {
    keep(std::io::stdout().lock().write_all(text));
}

/// Writes out what is still waiting. An error: the reader of our output did not get all of it.
pub fn complete() -> Result<(), &'static std::io::Error> {
    keep(std::io::stdout().flush());
    LOST.get().map_or(Ok(()), Err)
}

fn keep(result: std::io::Result<()>) {
    // A reader that has seen enough (`| head`) is no failure.
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
    {
        // The first tells most.
        let _ = LOST.set(error);
    }
}

/// Text in a style.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `text` as lines of at most `width` columns, the second and later ones indented.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |l| l.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrapped("one two three", 7, 2), "one two\n  three");
        assert_eq!(wrapped("incomprehensible", 4, 1), "incomprehensible");
        assert_eq!(wrapped("", 4, 1), "");
    }
}
