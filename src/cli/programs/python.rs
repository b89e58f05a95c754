//! Where an installer of Python packages puts the library. The command goes where the scripts of an environment are, the
//! library into the package.

use std::path::{Path, PathBuf};

/// The directories of the package `tcptune` below a prefix, as they exist.
pub fn packages(prefix: &Path) -> Vec<PathBuf> {
    let pythons = ["lib", "lib64"].into_iter().flat_map(|lib| versions(&prefix.join(lib)));
    // Debian's own pip installs into the second.
    let places = pythons.flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.join(name)));
    // `pip install --target` has no directory for a version.
    places.chain([prefix.to_owned()]).map(|place| place.join("tcptune")).filter(|package| package.is_dir()).collect()
}

/// `python3.8`, `python3.13t` and their like, in order.
fn versions(lib: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(lib).into_iter().flatten().flatten();
    let named = |entry: &std::fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b"python3");
    let mut found: Vec<PathBuf> = entries.filter(named).map(|entry| entry.path()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::packages;
    use std::fs::create_dir_all;

    #[test]
    fn finds_the_package_of_each_python_and_of_none() {
        let prefix = std::env::temp_dir().join(format!("tcptune-packages-{}", std::process::id()));
        let places = ["lib/python3.11/dist-packages/tcptune", "lib/python3.8/site-packages/tcptune", "tcptune"];
        let others = ["lib/python3.9/site-packages/other", "lib/perl5/site-packages/tcptune"];
        for place in places.iter().chain(&others) {
            create_dir_all(prefix.join(place)).expect("a directory");
        }
        let found = packages(&prefix);
        std::fs::remove_dir_all(&prefix).expect("its removal");
        assert_eq!(found, places.map(|place| prefix.join(place)));
        assert!(packages(&prefix).is_empty());
    }
}
