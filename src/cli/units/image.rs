//! Units in an image, a directory tree that no systemd runs in: where their files are. Links are followed inside it only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::name::Name;
use crate::errors::{Failure, NO, NOT_FOUND};
use crate::os::files::Tree;

/// systemd's directories for units, first come first served.
pub const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A unit's files, as they are called inside.
pub struct Files {
    pub name: Name,
    pub fragment: Option<PathBuf>,
    pub dropins: Vec<PathBuf>,
}

/// Where the unit and its drop-ins are.
pub fn find(tree: &Tree, name: &Name) -> Result<Files, Failure> {
    let mut name = name.clone();
    let mut fragment = file(tree, name.text());
    if fragment.is_none() {
        fragment = name.template().and_then(|template| file(tree, &template));
    }
    if let Some(path) = &fragment {
        let real = tree.resolved(path);
        if real == Path::new("/dev/null") {
            return Err(Failure::new(NO, format!("`{}` is masked in the image, so it cannot start", name.text())));
        }
        // A link to a unit of another name is an alias.
        let target = real.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let of_template = name.template().is_some_and(|template| template == target);
        if target != name.text() && !of_template && Name::of(&target).kind() == name.kind() {
            name = Name::of(&target);
        }
    }
    let script = Path::new("/etc/init.d").join(name.stem());
    if fragment.is_none() && tree.read(&script).is_err() {
        let root = tree.shown("/".as_ref());
        let root = root.display();
        return Err(Failure::new(NOT_FOUND, format!("there is no unit `{}` in the image {root}", name.text())));
    }
    let dropins = dropins(tree, &name);
    Ok(Files { name, fragment, dropins })
}

fn file(tree: &Tree, name: &str) -> Option<PathBuf> {
    // A link to /dev/null counts, though there may be no such file inside.
    let exists = |directory: &&&str| tree.is_named(&Path::new(directory).join(name));
    DIRECTORIES.iter().find(exists).map(|directory| Path::new(directory).join(name))
}

/// Drop-ins of the unit, its template, its prefixes and its kind, in the order of their names; the first of a name holds.
fn dropins(tree: &Tree, name: &Name) -> Vec<PathBuf> {
    let mut owners = vec![name.text().to_owned()];
    owners.extend(name.template());
    let dashes = name.prefix().match_indices('-').map(|(at, _)| format!("{}-.{}", &name.prefix()[..at], name.kind()));
    owners.extend(dashes.collect::<Vec<_>>().into_iter().rev());
    owners.push(name.kind().to_owned());
    let mut found: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for base in DIRECTORIES {
        for owner in &owners {
            let directory = Path::new(base).join(format!("{owner}.d"));
            let names = tree.directory(&directory).and_then(|directory| directory.names()).unwrap_or_default();
            for file in names.into_iter().filter(|file| Path::new(file).extension().is_some_and(|e| e == "conf")) {
                let path = directory.join(&file);
                found.entry(file).or_insert(path);
            }
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::os::files::Tree;
    use crate::units::name::Name;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    fn tree(name: &str, files: &[&str]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("tcptune-image-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, "[Service]\n").expect("written");
        }
        root
    }

    fn image(root: &Path) -> Tree {
        Tree::image(root).unwrap_or_else(|f| panic!("{}", f.message))
    }

    fn name(text: &str) -> Name {
        Name::parse(text.as_ref()).unwrap_or_else(|f| panic!("{}", f.message))
    }

    #[test]
    fn files_in_systemds_order() {
        let root = tree(
            "order",
            &[
                "usr/lib/systemd/system/a-b@.service",
                "etc/systemd/system/a-b@.service.d/20.conf",
                "usr/lib/systemd/system/a-b@.service.d/20.conf",
                "usr/lib/systemd/system/a-.service.d/30.conf",
                "etc/systemd/system/service.d/10.conf",
                "etc/systemd/system/a-b@x.service.d/40.conf",
                "etc/systemd/system/a-b@x.service.d/note",
            ],
        );
        let found = find(&image(&root), &name("a-b@x")).unwrap_or_else(|f| panic!("{}", f.message));
        assert_eq!(found.fragment.as_deref(), Some(Path::new("/usr/lib/systemd/system/a-b@.service")));
        let meant = [
            "/etc/systemd/system/service.d/10.conf",
            "/etc/systemd/system/a-b@.service.d/20.conf",
            "/usr/lib/systemd/system/a-.service.d/30.conf",
            "/etc/systemd/system/a-b@x.service.d/40.conf",
        ];
        assert_eq!(found.dropins, meant.map(PathBuf::from));
        assert_eq!(find(&image(&root), &name("none")).err().map(|f| f.code), Some(127));
        fs::remove_dir_all(root).expect("ours");
    }

    #[test]
    fn links_stay_inside() {
        let root = tree("links", &["usr/lib/systemd/system/real.service", "etc/x"]);
        symlink("/usr/lib/systemd/system/real.service", root.join("etc/alias.service")).expect("made");
        fs::create_dir_all(root.join("etc/systemd/system")).expect("made");
        symlink("../../alias.service", root.join("etc/systemd/system/alias.service")).expect("made");
        symlink("/dev/null", root.join("etc/systemd/system/off.service")).expect("made");
        symlink("../../../../../../..", root.join("up")).expect("made");
        let found = find(&image(&root), &name("alias")).unwrap_or_else(|f| panic!("{}", f.message));
        assert_eq!(found.name.text(), "real.service");
        assert_eq!(find(&image(&root), &name("off")).err().map(|f| f.code), Some(1));
        assert_eq!(image(&root).resolved("/up/etc/x".as_ref()), Path::new("/etc/x"));
        fs::remove_dir_all(root).expect("ours");
    }
}
