//! How many lines of code the kernel has: the limit that keeps a microkernel one.
//!
//! Counted are lines that are neither blank nor comment, outside tests. Since every file is formatted (`check`
//! makes sure), an item at the left margin ends at the first line that closes there, which is all the parsing that
//! is needed to leave out items under a `test` configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Findings;
use super::sources::files;

/// The most lines the kernel may have.
const LIMIT: usize = 10_000;

/// The kernel.
const FOLDERS: [&str; 2] = ["microkernel/src", "microkernel/core/src"];

/// Libraries that it shares with programs: reported, since they run in the kernel, too.
const LIBRARIES: [&str; 15] = [
    "libsys/abi/src",
    "libsys/acpi/src",
    "libsys/archive/src",
    "libsys/boot/src",
    "libsys/clock/src",
    "libsys/elf/src",
    "libsys/handles/src",
    "libsys/logring/src",
    "libsys/lwkt/src",
    "libsys/mappings/src",
    "libsys/portset/src",
    "libsys/memory/src",
    "libsys/quota/src",
    "libsys/symbols/src",
    "libsys/timers/src",
];

/// What one file amounts to.
#[derive(Debug, Default, PartialEq, Eq)]
struct File {
    lines: usize,
    /// Modules it declares for tests only, in files of their own.
    test_modules: Vec<String>,
}

/// Counts the lines below the kernel's folders, its host-tested core included.
pub(super) fn check(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let lines = count(root, &FOLDERS)?;
    let with_libraries = lines + count(root, &LIBRARIES)?;
    findings.note(format!("{lines} lines, at most {LIMIT}; {with_libraries} with what it uses of libsys"));
    if lines > LIMIT {
        findings.fail(format!("the kernel has {} lines too many", lines - LIMIT));
    }
    Ok(())
}

fn count(root: &Path, folders: &[&str]) -> anyhow::Result<usize> {
    let mut counted = Vec::new();
    for folder in folders {
        for path in files(&root.join(folder), ".rs")? {
            let file = read(&fs::read_to_string(&path)?);
            counted.push((path, file));
        }
        for path in files(&root.join(folder), ".s")? {
            let lines = assembly_lines(&fs::read_to_string(&path)?);
            counted.push((path, File { lines, test_modules: Vec::new() }));
        }
    }
    let excluded: BTreeSet<PathBuf> = counted
        .iter()
        .flat_map(|(path, file)| file.test_modules.iter().map(|name| module(path, name)))
        .collect();
    let is_test = |path: &Path| path.ancestors().any(|part| excluded.contains(&part.with_extension("")));
    Ok(counted.iter().filter(|(path, _)| !is_test(path)).map(|(_, file)| file.lines).sum())
}

/// The path, without `.rs`, of module `name` declared in the file at `path`.
fn module(path: &Path, name: &str) -> PathBuf {
    let stem = path.with_extension("");
    match stem.file_name().and_then(|stem| stem.to_str()) {
        Some("lib" | "main") => stem.with_file_name(name),
        _ => stem.join(name),
    }
}

fn read(text: &str) -> File {
    let mut file = File::default();
    let mut in_comment = false;
    let mut lines = text.lines().filter(|line| {
        let line = line.trim();
        let was_comment = in_comment || line.starts_with("/*");
        in_comment = was_comment && !line.ends_with("*/");
        !(was_comment || line.is_empty() || line.starts_with("//"))
    });
    while let Some(line) = lines.next() {
        if !is_test_attribute(line) {
            file.lines += 1;
            continue;
        }
        // The item below the attribute, up to the line that ends it.
        for line in lines.by_ref() {
            if let Some(name) = declared_module(line) {
                file.test_modules.push(name.to_owned());
            }
            let at_margin = !line.starts_with(' ');
            if at_margin && !line.starts_with("#[") && line.ends_with(['}', ';']) {
                break;
            }
        }
    }
    file
}

/// Assembly has its comments behind `#`.
fn assembly_lines(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

fn is_test_attribute(line: &str) -> bool {
    let Some(condition) = line.strip_prefix("#[cfg(") else { return false };
    let for_tests = condition.contains("test") || condition.contains("feature = \"build\"");
    for_tests && !condition.starts_with("not(")
}

fn declared_module(line: &str) -> Option<&str> {
    line.strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blanks_and_tests_do_not_count() {
        let text = "//! Why.\n\nuse a;\n/* long\n   comment */\n/// Doc.\nfn f() {\n    // Inner.\n    g();\n}\n\n\
                    #[cfg(test)]\nmod tests {\n    fn t() {\n    }\n}\nconst AFTER: u8 = 0;\n";
        assert_eq!(read(text), File { lines: 5, test_modules: vec![] });
    }

    #[test]
    fn assembly_counts_too() {
        assert_eq!(assembly_lines("# why\n\nstart:\n    hlt # for ever\n"), 2);
    }

    #[test]
    fn test_modules_in_files_of_their_own() {
        let text = "#[cfg(feature = \"test\")]\nmod ktest;\n#[cfg(any(test, feature = \"build\"))]\npub mod image;\n\
                    #[cfg(not(test))]\nmod real;\nmod other;\n";
        let file = read(text);
        assert_eq!(file.test_modules, ["ktest", "image"]);
        assert_eq!(file.lines, 3);
        assert_eq!(module(Path::new("src/main.rs"), "ktest"), Path::new("src/ktest"));
        assert_eq!(module(Path::new("src/acpi.rs"), "image"), Path::new("src/acpi/image"));
    }

    #[test]
    fn the_attributes_between_belong_to_the_item() {
        let text = "#[cfg(test)]\n#[allow(dead_code)]\nfn helper() {\n    f();\n}\nfn g() {}\n";
        assert_eq!(read(text).lines, 1);
    }
}
