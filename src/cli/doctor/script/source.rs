//! Finds in a script's source what was sent before it waits: the last line that sends of those that must have been run before. Where
//! branches and loops leave a choice, none is named.

/// What cannot be passed: what is above these was not run before, or is another function.
const ENDS: [&str; 8] = ["def", "async def", "class", "else", "elif", "except", "finally", "case"];
const LOOPS: [&str; 3] = ["while", "for", "async for"];

/// The number of that line and its text; `waits` is the number of the line that waits, from 1.
pub fn last_write(source: &str, waits: u32) -> Option<(u32, &str)> {
    let lines: Vec<&str> = source.lines().map(code).collect();
    let mut at = usize::try_from(waits).ok()?.checked_sub(1)?;
    let mut depth = indent(lines.get(at)?);
    let found = |at: usize| Some((u32::try_from(at + 1).ok()?, lines[at].trim()));
    if sends(lines[at]) {
        return found(at);
    }
    // Deeper lines between two of the same depth: a statement's continuation, or a block.
    let mut deeper: Option<usize> = None;
    while at > 0 {
        at -= 1;
        let line = lines[at];
        let here = indent(line);
        if line.trim().is_empty() {
            continue;
        }
        if here > depth {
            deeper = deeper.or_else(|| sends(line).then_some(at));
            continue;
        }
        let is = |words: &[&str]| words.iter().any(|word| begins(line, word));
        if here == depth {
            if line.trim_end().ends_with(':') {
                // A block stands there, which may have been run or not: what it sends leaves a choice.
                if sends(line) || deeper.is_some() || is(&ENDS) {
                    return None;
                }
            } else if sends(line) {
                return found(at);
            } else if let Some(part) = deeper {
                return found(part);
            }
            deeper = None;
            continue;
        }
        if is(&ENDS) || deeper.is_some() {
            return None;
        }
        // Later in a loop is before, too, when it is run again.
        let rest = lines[at + 1..].iter().take_while(|line| line.trim().is_empty() || indent(line) > here);
        if is(&LOOPS) && rest.into_iter().any(|line| sends(line)) {
            return None;
        }
        if sends(line) {
            return found(at);
        }
        depth = here;
    }
    None
}

/// Without a comment.
fn code(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn begins(line: &str, word: &str) -> bool {
    let rest = line.trim_start().strip_prefix(word);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Is there a call of a function whose name says that it sends?
fn sends(line: &str) -> bool {
    if begins(line, "def") || begins(line, "async def") {
        return false;
    }
    line.match_indices('(').any(|(at, _)| {
        let before = line[..at].trim_end();
        let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        name.starts_with("send") || name.starts_with("write") || name == "flush"
    })
}

#[cfg(test)]
mod tests {
    use super::last_write;

    /// The number of the line with `# waits`, and of the one with `# this`, if there is one.
    fn check(source: &str) {
        let at = |mark: &str| {
            let found = source.lines().position(|line| line.ends_with(mark));
            found.map(|at| u32::try_from(at + 1).expect("a short source"))
        };
        let waits = at("# waits").expect("a line that waits");
        assert_eq!(last_write(source, waits).map(|(line, _)| line), at("# this"), "{source}");
    }

    #[test]
    fn the_last_line_that_sends_is_found() {
        check("def append(s):\n    s.send(head)\n    s.send(body)  # this\n    return s.recv(9)  # waits\n");
        check("def append(s):\n    s.sendall(  # this\n        body)\n    x = 1\n\n    s.recv(9)  # waits\n");
        check("s.send(body)  # this\nwhile left:\n    left -= len(s.recv(left))  # waits\n");
        check(
            "write_body(s)  # this\nwith lock:\n    try:\n        s.recv(9)  # waits\n    except OSError:\n        s.send(sorry)\n",
        );
        check("for one in all:\n    s.send(one)  # this\n    s.recv(9)  # waits\n");
        check("s.send(a)\nif much:\n    count += 1\nf.flush()  # this\nif any:\n    count += 1\ns.recv(9)  # waits\n");
    }

    #[test]
    fn where_there_is_a_choice_none_is_named() {
        check("def read(s):\n    return s.recv(9)  # waits\n");
        check("s.send(a)\nif much:\n    s.send(b)\ns.recv(9)  # waits\n");
        check("s.send(a)\nif much:\n    s.send(b)\nelse:\n    s.recv(9)  # waits\n");
        check("s.send(a)\nfor one in all:\n    s.recv(9)  # waits\n    s.send(one)\n");
        check("resend = 1\ns.recv(9)  # waits\n");
        check("# s.send(a)\ns.recv(9)  # waits\n");
    }

    #[test]
    fn nonsense_is_none() {
        assert_eq!(last_write("", 1), None);
        assert_eq!(last_write("s.send(a)\n", 0), None);
        assert_eq!(last_write("s.send(a)\n", 7), None);
    }
}
