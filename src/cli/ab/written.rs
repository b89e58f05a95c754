//! Arms that are commands of their own, as they are written: `cork=off GODEBUG=x=1 ./client --fast`. What stands before the
//! command is its environment; a setting of the library there means that the arm has the library.

use std::ffi::OsString;

use super::line::split;
use crate::errors::{Failure, shown};

/// One arm.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    pub name: Option<String>,
    /// As it was given, without its name.
    pub line: String,
    /// NAME=VALUE.
    pub settings: Vec<OsString>,
    pub command: Vec<OsString>,
}

/// An operand.
pub fn operand(line: &str, shell: Option<&str>) -> Result<Written, Failure> {
    arm(None, line, shell).map_err(|why| Failure::own(format!("{}: {why}", shown(line))))
}

/// The value of `--arm`: `NAME=COMMAND`.
pub fn named(given: &str, shell: Option<&str>) -> Result<Written, Failure> {
    let wrong = |why: String| Failure::of_option("--arm", given, why);
    let form = "allowed is NAME=COMMAND, as in fast='gzip -1 file'";
    let (name, line) = given.split_once('=').ok_or_else(|| wrong(form.to_owned()))?;
    let name = name.trim();
    if name.is_empty() || name.contains(['\'', '"']) {
        return Err(wrong(form.to_owned()));
    }
    arm(Some(name.to_owned()), line, shell).map_err(wrong)
}

/// The error is what stands behind the value.
fn arm(name: Option<String>, line: &str, shell: Option<&str>) -> Result<Written, String> {
    let mut settings = Vec::new();
    let mut rest = line.trim();
    while let Some((word, behind)) = assignment(rest) {
        let mut plain = shell_words::split(word).map_err(|_| "a quote is not closed".to_owned())?;
        settings.push(OsString::from(plain.pop().unwrap_or_default()));
        rest = behind;
    }
    let command = split(rest, shell)?;
    Ok(Written { name, line: line.trim().to_owned(), settings, command })
}

/// A first word that is NAME=VALUE, quoted as in a shell, and what stands behind it.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, _) = line.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_name) {
        return None;
    }
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => return Some((&line[..at], line[at..].trim_start())),
            _ => {}
        }
    }
    Some((line, ""))
}

#[cfg(test)]
mod tests {
    use super::{Written, named, operand};

    fn parts(written: &Written) -> (Vec<&str>, Vec<&str>) {
        let text = |words: &'_ [std::ffi::OsString]| -> Vec<String> {
            words.iter().map(|word| word.to_str().expect("text").to_owned()).collect()
        };
        let leak = |words: Vec<String>| words.into_iter().map(|word| &*word.leak()).collect();
        (leak(text(&written.settings)), leak(text(&written.command)))
    }

    #[test]
    fn what_stands_before_the_command_is_its_environment() {
        let given = operand("cork=off A='x y' B=\"p q\"\\ r ./client a=b 'c d'", None).expect("valid");
        assert_eq!(parts(&given), (vec!["cork=off", "A=x y", "B=p q r"], vec!["./client", "a=b", "c d"]));
        let plain = operand("gzip -1", None).expect("valid");
        assert_eq!(parts(&plain), (vec![], vec!["gzip", "-1"]));
        let shell = operand("X=1 echo $X | wc", Some("sh")).expect("valid");
        assert_eq!(parts(&shell), (vec!["X=1"], vec!["sh", "-c", "echo $X | wc"]));
    }

    #[test]
    fn a_name_stands_before_an_equals_sign() {
        let given = named("new one=T=1 ./client --x=y", None).expect("valid");
        assert_eq!((given.name.as_deref(), given.line.as_str()), (Some("new one"), "T=1 ./client --x=y"));
        assert_eq!(parts(&given), (vec!["T=1"], vec!["./client", "--x=y"]));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |given: &str| named(given, None).expect_err("invalid").message;
        for wrong in ["x", "=true", "'a b'=true"] {
            assert!(said(wrong).contains(": allowed is NAME=COMMAND"), "{}", said(wrong));
        }
        assert_eq!(said("a="), "--arm a=: the command is empty");
        assert_eq!(said("a=X=1"), "--arm a=X=1: the command is empty");
        let open = operand("./client 'x", None).expect_err("invalid").message;
        assert!(open.starts_with("\"./client 'x\": ") || open.contains("a quote is not closed"), "{open}");
        assert!(operand("X='1 ./client", None).is_err());
    }
}
