//! The tutorials say what is true: each of their blocks of code is an excerpt of a file of the example that they are about.

use super::template::{DRIVER, SERVER};

/// Files by their names, and what is in them.
type Files = &'static [(&'static str, &'static str)];

const TUTORIALS: [(&str, &str, Files); 5] = [
    ("tutorial-server.md", include_str!("../../../../docs/tutorial-server.md"), SERVER.files),
    ("tutorial-driver.md", include_str!("../../../../docs/tutorial-driver.md"), DRIVER.files),
    ("tutorial-key-value.md", include_str!("../../../../docs/tutorial-key-value.md"), KEY_VALUE),
    ("tutorial-file-system.md", include_str!("../../../../docs/tutorial-file-system.md"), KEY_VALUE),
    ("tutorial-web.md", include_str!("../../../../docs/tutorial-web.md"), WEB),
];

const KEY_VALUE: Files = &[
    ("src/lib.rs", include_str!("../../../../userland/key-value/src/lib.rs")),
    ("src/files.rs", include_str!("../../../../userland/key-value/src/files.rs")),
    ("src/main.rs", include_str!("../../../../userland/key-value/src/main.rs")),
];

const WEB: Files = &[
    ("src/main.rs", include_str!("../../../../userland/httpd/src/main.rs")),
    ("src/serve.rs", include_str!("../../../../userland/httpd/src/serve.rs")),
    ("src/connection.rs", include_str!("../../../../userland/httpd/src/connection.rs")),
    ("src/head.rs", include_str!("../../../../userland/httpd/src/head.rs")),
    ("src/lending.rs", include_str!("../../../../userland/httpd/src/lending.rs")),
    ("tests/hostile.rs", include_str!("../../../../userland/httpd/tests/hostile.rs")),
];

/// Languages whose blocks are excerpts.
const LANGUAGES: [&str; 2] = ["rust", "toml"];

/// The blocks of a page: the line after their fence, their language, their text.
fn blocks(page: &str) -> Vec<(usize, &str, String)> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(page.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            blocks.push((number + 1, language, text.map(|line| format!("{line}\n")).collect()));
        }
    }
    blocks
}

/// Whether the lines stand together somewhere in the file.
fn is_excerpt(block: &str, file: &str) -> bool {
    !block.is_empty() && (file.starts_with(block) || file.contains(&format!("\n{block}")))
}

#[test]
fn code_is_an_excerpt_of_what_is_compiled_and_tested() {
    for (name, page, files) in TUTORIALS {
        let mut count = 0;
        for (line, language, text) in
            blocks(page).iter().filter(|(_, language, _)| LANGUAGES.contains(language))
        {
            let found = files.iter().any(|(_, file)| is_excerpt(text, file));
            assert!(found, "docs/{name}:{line}: this {language} is in no file of the example");
            count += 1;
        }
        assert!(count >= 5, "docs/{name} has {count} blocks of code");
        assert!(page.lines().count() <= 120, "docs/{name} is too long to be read in one go");
    }
}

#[test]
fn what_is_no_excerpt_is_seen() {
    let page = "text\n```rust\nfn a() {}\n```\n```console\n$ x\n```\n";
    let found = blocks(page);
    assert_eq!(found[0], (3, "rust", "fn a() {}\n".to_owned()));
    assert_eq!((found.len(), found[1].1), (2, "console"));
    assert!(is_excerpt("fn a() {}\n", "//! x\nfn a() {}\nfn b() {}\n"));
    assert!(!is_excerpt("fn a() {}\n", "//! x\npub fn a() {}\n"));
    assert!(!is_excerpt("a\nc\n", "a\nb\nc\n"));
    assert!(!is_excerpt("", "a\n"));
}
