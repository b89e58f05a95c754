//! Lists in pages that people write are complete: what the tables of the code have is there.

use std::path::Path;
use tcptune_policy::VARIABLES;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn the_readme_has_a_row_for_every_variable() {
    let readme = read("README.md");
    let rows: String = readme.lines().filter(|line| line.starts_with("| `TCPTUNE")).collect();
    for row in &VARIABLES {
        assert!(rows.contains(&format!("`{}`", row.name)), "README.md has no row for {}", row.name);
    }
}

/// doctor's findings by the names that `--json` gives them.
#[test]
fn the_page_of_doctor_has_every_finding() {
    let source = read("src/cli/stalls/kind.rs");
    let (_, list) = source.split_once("pub enum Kind {\n").expect("the list of findings");
    let (list, _) = list.split_once("\n}").expect("its end");
    let names = list.lines().map(str::trim).filter_map(|line| line.strip_suffix(','));
    let names: Vec<String> = names.filter(|line| !line.starts_with("//")).map(str::to_lowercase).collect();
    assert!(names.len() > 4, "{names:?}");
    let page = read("docs/doctor.md");
    for name in names {
        assert!(page.contains(&format!("(`{name}`)")), "docs/doctor.md does not tell of `{name}`");
    }
}
