//! All files below `tests/scenarios`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::script;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tcp") {
            found.push(path);
        }
    }
}

#[test]
fn every_scenario_holds() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut found = Vec::new();
    files(&top, &mut found);
    found.sort();
    let filter = std::env::var("SCENARIO").unwrap_or_default();
    let (mut held, mut failed) = (0, Vec::new());
    for path in found {
        let name = path.strip_prefix(&top).unwrap().display().to_string();
        if !name.contains(&filter) {
            continue;
        }
        for (part, outcome) in script::run(&fs::read_to_string(&path).unwrap()) {
            match outcome {
                Ok(()) => held += 1,
                Err(error) => failed.push(format!("{name} {part}: {error}")),
            }
        }
    }
    println!("{held} scenarios held, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(held > 0 || !filter.is_empty());
}
