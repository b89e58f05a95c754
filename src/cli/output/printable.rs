//! Names that others have chosen, made fit to be shown. Needs nothing else of the command, so that what reads such names can be
//! fuzzed by itself.

/// A name from a file or another process, as it may go to a terminal: control characters must not.
pub fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{9b}é"), "a?[31mb??é");
    }
}
