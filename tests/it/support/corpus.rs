//! Real payloads, where they are at hand: they are not part of the project.

use std::path::{Path, PathBuf};

/// The folder of real payloads; `None`, with a note, where there is none.
pub fn folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("VALUESTREAM_CORPUS").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no corpus of real payloads; VALUESTREAM_CORPUS says where one is");
        return None;
    }
    Some(folder)
}

/// The payloads of one sender, by file name without `.json`, in the order of their names.
pub fn payloads(folder: &Path, sender: &str) -> Vec<(String, String)> {
    let mut payloads: Vec<(String, String)> = std::fs::read_dir(folder.join(sender))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    payloads.sort();
    payloads
}
