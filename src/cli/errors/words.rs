//! The pieces that lines about wrong use are made of.

use std::borrow::Cow;

/// The longest value that is shown whole.
const LONGEST: usize = 80;

/// A word of the command line as it could be typed again, on one line and not too long.
pub fn shown(word: &str) -> String {
    let mut text: String = word.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.len() < word.len() && word.chars().count() > LONGEST {
        text.push_str("...");
    }
    // Quotes where there is something that they keep together; other characters stand as they are.
    let quoted =
        if text.is_empty() || text.contains([' ', ';']) { shell_words::quote(&text) } else { Cow::Borrowed(&*text) };
    quoted.into_owned()
}

/// "a, b or c".
pub fn list(words: &[impl AsRef<str>]) -> String {
    joined(words, "or")
}

/// "a, b and c".
pub fn all(words: &[impl AsRef<str>]) -> String {
    joined(words, "and")
}

fn joined(words: &[impl AsRef<str>], last_gap: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} {last_gap} {}", before.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{list, shown};

    #[test]
    fn words_stay_on_one_line() {
        assert_eq!((shown("a"), shown(""), shown("a b")), ("a".into(), "''".into(), "'a b'".into()));
        assert_eq!(shown("a\nb\u{1b}[0m"), "a?b?[0m");
        assert_eq!(shown(&"x".repeat(100)), format!("{}...", "x".repeat(80)));
    }

    #[test]
    fn lists_end_with_or() {
        assert_eq!(
            (list(&["a"]), list(&["a", "b"]), list(&["a", "b", "c"])),
            ("a".into(), "a or b".into(), "a, b or c".into())
        );
    }
}
