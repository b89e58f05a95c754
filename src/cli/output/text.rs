//! Text on stdout: colours only on a terminal. A closed or full stdout is no reason to crash, but is remembered.

use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

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

/// `head` and behind it `text`, in lines of at most `width` columns, the second and later ones indented. What cannot be broken, a
/// path, may be longer.
pub fn paragraph(head: &str, text: &str, indent: usize, width: usize) -> String {
    if text.is_empty() {
        return head.trim_end().to_owned();
    }
    let indent = " ".repeat(indent);
    let options = Options::new(width)
        .initial_indent(head)
        .subsequent_indent(&indent)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let mut filled = textwrap::fill(&with_units_kept(text), options);
    filled.truncate(filled.trim_end().len());
    filled.replace(KEPT, " ")
}

/// A blank at which no line ends.
pub(super) const KEPT: char = '\u{a0}';
const UNITS: [&str; 9] = ["%", "h", "kB", "MB", "min", "ms", "s", "us", "µs"];

/// A number stays with its unit.
pub(super) fn with_units_kept(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let unit = word.trim_end_matches(|c: char| !c.is_alphabetic() && c != '%');
        if UNITS.contains(&unit) && kept.ends_with(' ') && kept.trim_end().ends_with(|c: char| c.is_ascii_digit()) {
            kept.pop();
            kept.push(KEPT);
        }
        kept.push_str(word);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{BOLD, paragraph, styled};

    #[test]
    fn wraps_between_words() {
        assert_eq!(paragraph("", "one two three", 2, 7), "one two\n  three");
        assert_eq!(paragraph("", "incomprehensible", 1, 4), "incomprehensible");
        assert_eq!(paragraph("label ", "", 1, 4), "label");
        assert_eq!(paragraph("", "waited 42.5 ms: 5.1 s of 6 s", 0, 12), "waited\n42.5 ms:\n5.1 s of 6 s");
        assert_eq!(paragraph("", "run tcp-tune --pid 4711", 0, 14), "run tcp-tune\n--pid 4711");
    }

    #[test]
    fn the_head_takes_room_and_a_style_takes_none() {
        assert_eq!(paragraph("found: ", "one two", 2, 10), "found: one\n  two");
        let bold = paragraph(&styled(BOLD, "found: "), &styled(BOLD, "one two three"), 2, 14);
        assert_eq!(anstream::adapter::strip_str(&bold).to_string(), "found: one two\n  three");
    }
}
