//! Every typed interface has a test that sends its server what nobody sane would send (`libsys/storm`), and every server and driver has one.
//!
//! A test counts if its file names the interface's dispatcher and calls the storm: what it asks of the server after each request is for a reader to judge.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::Findings;
use super::sources::files;

/// The folders whose interfaces are meant: those of userland are benches'.
const FOLDERS: [&str; 3] = ["libsys", "servers", "drivers"];
/// What stands above an interface.
const ATTRIBUTE: &str = "#[anax_proto::interface]";
/// How a storm begins.
const CALL: &str = "storm(&mut ";

pub(super) fn check(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let mut sources = BTreeMap::new();
    for folder in FOLDERS {
        for path in files(&root.join(folder), ".rs")? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            sources.insert(path.strip_prefix(root).unwrap_or(&path).display().to_string(), text);
        }
    }
    judge(&sources, findings);
    Ok(())
}

fn judge(sources: &BTreeMap<String, String>, findings: &mut Findings) {
    let storms: Vec<_> = sources.iter().filter(|(_, text)| text.contains(CALL)).collect();
    let interfaces: Vec<_> =
        sources.iter().filter(|(path, _)| path.contains("/src/")).flat_map(interfaces).collect();
    for (place, module) in &interfaces {
        let dispatcher = format!("{module}::Serve");
        if !storms.iter().any(|(_, text)| text.contains(&dispatcher)) {
            findings.fail(format!("{place}: no test storms `{dispatcher}`; see libsys/storm"));
        }
    }
    let mut programs: Vec<_> = sources.keys().filter_map(|path| package(path)).collect();
    programs.dedup();
    for program in &programs {
        if !storms.iter().any(|(path, _)| package(path) == Some(program)) {
            findings.fail(format!("{program}: none of its tests is a storm; see libsys/storm"));
        }
    }
    findings.note(format!("{} interfaces, {} servers and drivers", interfaces.len(), programs.len()));
}

/// The interfaces of a file: where each stands, and its module's name.
fn interfaces((path, text): (&String, &String)) -> Vec<(String, String)> {
    let mut lines = (1..).zip(text.lines());
    let mut found = Vec::new();
    while let Some((number, line)) = lines.next() {
        // In documentation there is something before it.
        if line.trim() == ATTRIBUTE {
            let name = lines.by_ref().find_map(|(_, line)| line.split_once("trait ")).map(|(_, rest)| rest);
            let name = name.and_then(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next());
            found.push((format!("{path}:{number}"), snake(name.unwrap_or_default())));
        }
    }
    found
}

/// `VisitorCount` is the module `visitor_count`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// The folder of the server or driver to which a file belongs.
fn package(path: &str) -> Option<&str> {
    let end = path.match_indices('/').nth(1)?.0;
    (path.starts_with("servers/") || path.starts_with("drivers/")).then(|| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(files: &[(&str, &str)]) -> Vec<String> {
        let sources = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let mut findings = Findings::default();
        judge(&sources, &mut findings);
        findings.failures
    }

    const LIBRARY: (&str, &str) = (
        "libsys/tty/src/lib.rs",
        "//! #[anax_proto::interface]\n#[anax_proto::interface]\npub trait TwoWords: X {\n}\n",
    );

    #[test]
    fn an_interface_without_a_storm_is_named() {
        let said = failures(&[LIBRARY]);
        assert_eq!(said, ["libsys/tty/src/lib.rs:2: no test storms `two_words::Serve`; see libsys/storm"]);
        let server = ("servers/a/src/lib.rs", "two_words::Serve(Server)");
        assert_eq!(failures(&[LIBRARY, server]).len(), 2, "that is no test");
        let test =
            ("servers/a/tests/a.rs", "let mut server = two_words::Serve(Server);\nstorm(&mut server, 1");
        assert!(failures(&[LIBRARY, server, test]).is_empty());
    }

    #[test]
    fn a_server_without_a_storm_is_named() {
        let test = ("servers/a/tests/a.rs", "storm(&mut two_words::Serve(Server), 1");
        let said = failures(&[LIBRARY, test, ("drivers/b/src/lib.rs", "")]);
        assert_eq!(said, ["drivers/b: none of its tests is a storm; see libsys/storm"]);
    }
}
