//! What docs/ has from the tables that the library uses: the reference page of all settings (settings.md), and the list of hooks
//! (hooks.txt).

use std::fmt::Write;

use tcptune_policy::hooks::HOOKS;
use tcptune_policy::{MAX_RULES, OPTION_TEXTS, OPTIONS, RULE_WORDS, RuleWord, VARIABLES};

const HEAD: &str = "\
# Settings

<!-- Written by `tcptune generate settings`; change the tables in src/policy instead. -->

All settings are environment variables of the tuned program. `tcptune run` has an option for each; a systemd unit sets them with
`Environment=` lines. `tcptune env` shows which settings are in force, where each comes from, and what is wrong with it.

An empty value means the default. Case does not matter. A value that cannot be understood turns tuning off for the process, with
one line on stderr that names it; the program runs as if the library were not there. `tcptune run` refuses to start it instead
(exit status 125). What a program sets on its own sockets is left alone, unless a setting says `force`.
";

/// The whole page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Variables\n\n| variable | values | default | example |\n|---|---|---|---|\n");
    for row in &VARIABLES {
        let default = if row.default.is_empty() { "none".to_owned() } else { code(row.default) };
        let cells = [code(row.name), escape(row.values), default, code(row.example)];
        table_row(&mut page, &cells);
    }
    page.push('\n');
    for row in &VARIABLES {
        section(&mut page, row.name, row.meaning);
    }
    page.push_str(
        "## Options of `TCPTUNE_SET`\n\n\
         Entries of the form `key=value`, separated by blanks or commas. Sizes take `k`, `m` and `g` (1024 each), times `us`, `ms`, `s`, `m` \
         and `h`; a bare number is in the option's own unit. An option that the kernel refuses (a congestion control that it lacks, \
         a missing privilege) is silently ignored.\n\n\
         | key | values | set on | kernel options | example |\n|---|---|---|---|---|\n",
    );
    for (row, text) in OPTIONS.iter().zip(&OPTION_TEXTS) {
        let mut values = String::from_utf8_lossy(row.value()).into_owned();
        if !row.low.as_str().is_empty() {
            let _ = write!(values, ", {} to {}", row.low.as_str(), row.high.as_str());
        }
        let cells =
            [code(text.key), escape(&values), row.when().words().to_owned(), escape(text.kernel), code(text.example)];
        table_row(&mut page, &cells);
    }
    page.push('\n');
    for text in &OPTION_TEXTS {
        section(&mut page, text.key, text.meaning);
    }
    let _ = write!(
        page,
        "## Rules\n\n\
         `TCPTUNE_RULES` holds up to {MAX_RULES} rules, separated by `;`. A rule consists of words separated by blanks: conditions, all of \
         which must be met, and at least one action. A rule without a condition matches every socket. The first rule that matches \
         counts; its actions override the other settings.\n\n",
    );
    rule_words(&mut page, "condition", |word| word.condition);
    rule_words(&mut page, "action", |word| !word.condition);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The names that the library of this machine exports, sorted, one a line.
pub fn hooks() -> String {
    let mut names: Vec<&str> = HOOKS.iter().filter(|hook| hook.exists(usize::BITS)).map(|hook| hook.name).collect();
    names.sort_unstable();
    names.iter().flat_map(|name| [name, "\n"]).collect()
}

fn rule_words(page: &mut String, kind: &str, wanted: fn(&RuleWord) -> bool) {
    let _ = writeln!(page, "| {kind} | values | meaning | example |\n|---|---|---|---|");
    for word in RULE_WORDS.iter().filter(|word| wanted(word)) {
        table_row(page, &[code(word.syntax), escape(word.values), escape(word.meaning), code(word.example)]);
    }
    page.push('\n');
}

fn table_row(page: &mut String, cells: &[String]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn section(page: &mut String, name: &str, meaning: &str) {
    let _ = writeln!(page, "**`{name}`** {}\n", escape(meaning));
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// Text that Markdown would take for markup.
fn escape(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        if matches!(c, '|' | '*' | '_' | '<' | '>' | '[' | ']') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}
