//! Any text as a unit file and as an environment file: words that are quoted again are read as the same words, a comment says
//! nothing, and of a variable that is set twice the last counts.

#[path = "../../../../src/cli/units/unitfile.rs"]
#[allow(dead_code)]
mod reader;

use std::collections::BTreeSet;

use reader::{assignments, environment_file, words};

pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let found = assignments(&text);
    assert!(found.len() <= text.matches('=').count());
    for assignment in &found {
        assert!(!assignment.key.contains('='), "{assignment:?}");
        again(&words(&assignment.value));
    }
    again(&words(&text));
    let more = assignments(&format!("{text}\n# X=1\n;Y=1\n"));
    assert!(!more.iter().any(|one| one.key.starts_with(['#', ';'])), "{more:?}");

    let variables = environment_file(&text);
    let names: BTreeSet<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), variables.len(), "a name twice in {variables:?}");
    for (name, value) in &variables {
        assert!(!name.contains(['=', '\n']), "{name:?}");
        let quoted: String =
            value.chars().flat_map(|c| ['\\'].into_iter().filter(move |_| "\"\\`$".contains(c)).chain([c])).collect();
        assert_eq!(environment_file(&format!("X=0\nX=\"{quoted}\"\n")), [("X".to_owned(), value.clone())]);
    }
}

/// Quoted, they come back.
fn again(found: &[String]) {
    let quoted = |word: &String| -> String {
        let escaped: String = word
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' => format!("\\{}", byte as char),
                b' '..=b'~' => (byte as char).to_string(),
                byte => format!("\\x{byte:02x}"),
            })
            .collect();
        format!("\"{escaped}\"")
    };
    let line: Vec<String> = found.iter().map(quoted).collect();
    assert_eq!(words(&line.join(" ")), found);
}
