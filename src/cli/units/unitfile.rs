//! Reads unit files and environment files as systemd does: sections, continued lines, quoted words. What systemd would
//! pass over with a warning is passed over here too.

/// One assignment of a unit file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub section: String,
    pub key: String,
    pub value: String,
}

/// All assignments, in order.
pub fn assignments(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    let mut section = String::new();
    for line in logical_lines(text) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            found.push(Assignment {
                section: section.clone(),
                key: key.trim_end().to_owned(),
                value: value.trim_start().to_owned(),
            });
        }
    }
    found
}

/// Lines with what a backslash at the end continues, without comments: those may stand inside a continued line.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut whole = open.take().unwrap_or_default();
        match line.strip_suffix('\\') {
            Some(start) => {
                whole.push_str(start);
                whole.push(' ');
                open = Some(whole);
            }
            None => lines.push(whole + line),
        }
    }
    lines.extend(open);
    lines
}

/// The words of a value, unquoted and unescaped. Ends where systemd would give up: at an unknown escape or an open quote.
pub fn words(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return found;
        }
        // Bytes, because \xNN may give a part of a character.
        let mut word = Vec::new();
        let mut quote = None;
        loop {
            match (rest.next(), quote) {
                (None, None) => break,
                (None, Some(_)) => return found,
                (Some('\\'), _) => match unescaped(&mut rest) {
                    Some(bytes) => word.extend(bytes),
                    None => return found,
                },
                (Some(c), Some(open)) if c == open => quote = None,
                (Some(c @ ('"' | '\'')), None) => quote = Some(c),
                (Some(c), None) if c.is_ascii_whitespace() => break,
                (Some(c), _) => word.extend(c.to_string().bytes()),
            }
        }
        found.push(String::from_utf8_lossy(&word).into_owned());
    }
}

/// What stands for the escape whose backslash has been read.
fn unescaped(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Vec<u8>> {
    let c = rest.next()?;
    let mut number = |first: Option<char>, digits: usize, radix: u32| {
        let text: String = first.into_iter().chain(rest.by_ref().take(digits)).collect();
        u32::from_str_radix(&text, radix).ok().filter(|_| text.len() == digits + usize::from(first.is_some()))
    };
    let code = match c {
        'a' => 7,
        'b' => 8,
        't' => 9,
        'n' => 10,
        'v' => 11,
        'f' => 12,
        'r' => 13,
        's' => 32,
        '\\' | '"' | '\'' => c as u32,
        'x' => return number(None, 2, 16).map(|n| vec![n as u8]),
        '0'..='7' => return number(Some(c), 2, 8).and_then(|n| u8::try_from(n).ok()).map(|b| vec![b]),
        'u' => number(None, 4, 16)?,
        'U' => number(None, 8, 16)?,
        _ => return None,
    };
    Some(char::from_u32(code)?.to_string().into_bytes())
}

/// The variables of an environment file, in order. Their values are taken as they are: no specifier is expanded there.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while rest.peek().is_some() {
        while rest.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        if rest.next_if(|c| ['#', ';'].contains(c)).is_some() {
            // A backslash continues a comment too.
            while let Some(c) = rest.next() {
                if c == '\n' {
                    break;
                }
                if c == '\\' {
                    rest.next();
                }
            }
            continue;
        }
        let mut name = String::new();
        let mut named = false;
        while let Some(c) = rest.next_if(|&c| c != '\n') {
            if c == '=' {
                named = true;
                break;
            }
            name.push(c);
        }
        if !named {
            rest.next();
            continue;
        }
        let value = assigned(&mut rest);
        let name = name.trim().to_owned();
        found.retain(|(other, _)| *other != name);
        found.push((name, value));
    }
    found
}

/// The value behind the sign of equality, up to the end of the line.
fn assigned(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut value = String::new();
    // White space at the end counts only where it is quoted or escaped.
    let mut kept = 0;
    let mut quote = None;
    // Quotes and white space are special up to the first plain character, and no longer.
    let mut plain = false;
    while let Some(c) = rest.next() {
        let space = c.is_ascii_whitespace();
        match (c, quote) {
            ('\n', None) => break,
            ('\'' | '"', None) if !plain => quote = Some(c),
            (_, None) if !plain && space => continue,
            ('\'' | '"', Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => match rest.next() {
                Some('\n') | None => continue,
                Some(next) => {
                    if quote.is_some() && !"\"\\`$".contains(next) {
                        value.push('\\');
                    }
                    plain |= quote.is_none();
                    value.push(next);
                }
            },
            (c, _) => {
                plain |= quote.is_none();
                value.push(c);
                if quote.is_none() && space {
                    continue;
                }
            }
        }
        kept = value.len();
    }
    value.truncate(kept);
    value
}

#[cfg(test)]
mod tests {
    use super::{assignments, environment_file, words};

    #[test]
    fn sections_comments_and_continued_lines() {
        let text =
            "# a\n[Unit]\nDescription = x\n[Service]\nEnvironment=A=1 \\\n# between\n  B=2\n;c\nExecStart=/bin/x\n";
        let found = assignments(text);
        let row = |n: usize| (found[n].section.as_str(), found[n].key.as_str(), found[n].value.as_str());
        assert_eq!(found.len(), 3);
        assert_eq!(row(0), ("Unit", "Description", "x"));
        assert_eq!((row(1).1, words(row(1).2)), ("Environment", vec!["A=1".to_owned(), "B=2".to_owned()]));
        assert_eq!(row(2), ("Service", "ExecStart", "/bin/x"));
    }

    #[test]
    fn words_as_systemd_splits_them() {
        for (value, meant) in [
            ("A=1 B=2", vec!["A=1", "B=2"]),
            ("\"A=1 2\" 'B=\"x\"'", vec!["A=1 2", "B=\"x\""]),
            ("A=\"x y\"z", vec!["A=x yz"]),
            ("A=a\\x20b \"B=\\\"\\\\\"", vec!["A=a b", "B=\"\\"]),
            ("A=\\u00e9\\101\\ttab", vec!["A=\u{e9}A\ttab"]),
            ("A=1 B=\\q C=3", vec!["A=1"]),
            ("A=1 \"B=2", vec!["A=1"]),
            ("", vec![]),
        ] {
            assert_eq!(words(value), meant, "{value}");
        }
    }

    #[test]
    fn environment_files() {
        let text = "# x\nA=1\n  B = two words  \nC=\"a \\\"b\\\" \\n\" \nD='x\\y'\nE=a\\\nb\nbad line\nA=2\n;F=1\nG=\nH=a\\ \nI='x'  # y \nL=a\"b\"c\n";
        let found = environment_file(text);
        let pairs: Vec<(&str, &str)> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let meant = [
            ("B", "two words"),
            ("C", "a \"b\" \\n"),
            ("D", "x\\y"),
            ("E", "ab"),
            ("A", "2"),
            ("G", ""),
            ("H", "a "),
            ("I", "x# y"),
            ("L", "a\"b\"c"),
        ];
        assert_eq!(pairs, meant);
    }
}
