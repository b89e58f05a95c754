//! The descriptor table and the release path in every order of two threads' steps: runs the models of tests/search/loom, which are a
//! workspace of their own.
//!
//! Nothing is judged here: the models say whether they hold.

use crate::support;
use crate::support::turn;
use std::path::Path;
use std::process::Command;

/// How many models there are: none may be left out by mistake.
const MODELS: usize = 10;

#[test]
fn every_model_holds_in_every_order() {
    // It takes every processor.
    let _turn = turn::beside_its_file();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--release", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/search/loom/Cargo.toml"))
        .arg("--target-dir")
        .arg(support::build_dir().join("loom"))
        .args(["--", "--nocapture"])
        .output()
        .expect("cargo starts");
    let (printed, said) = (support::text(&output.stdout), support::text(&output.stderr));
    assert!(output.status.success(), "{printed}{said}");
    let models: Vec<&str> = printed.lines().filter(|line| line.ends_with(" orders")).collect();
    assert_eq!(models.len(), MODELS, "{printed}");
    println!("{}", models.join("\n"));
}
