//! A name as the user gives it, and as Rust writes it for crates and types.

use anyhow::ensure;

/// Bytes of the name of a service at most.
const LONGEST: usize = 24;

/// Words that crate, module and interface of what is written can't have for a name: Rust's own, its crates' and preludes', and the templates'.
#[rustfmt::skip]
const TAKEN: &[&str] = &[
    "abstract", "alloc", "answered", "as", "async", "await", "become", "bool", "box", "break", "caller",
    "char", "client", "const", "continue", "core", "crate", "default", "do", "driver", "dyn", "else",
    "enum", "err", "error", "extern", "f32", "f64", "false", "final", "fn", "for", "gen", "i128", "i16",
    "i32", "i64", "i8", "if", "impl", "in", "isize", "iterator", "later", "let", "loop", "loopback",
    "macro", "match", "mod", "model", "mood", "move", "mut", "none", "ok", "option", "override", "priv",
    "proc-macro", "pub", "ref", "registers", "result", "return", "self", "serve", "server", "some",
    "static", "std", "str", "struct", "super", "test", "tests", "trait", "true", "try", "type", "typeof",
    "u128", "u16", "u32", "u64", "u8", "unsafe", "unsized", "use", "usize", "virtual", "where", "while",
    "yield",
];

/// A name that everything can have which is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// `guest-book`.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let is_word = |word: &str| {
            word.starts_with(|letter: char| letter.is_ascii_lowercase()) && word.chars().all(is_plain)
        };
        ensure!(
            name.split('-').all(is_word),
            "{name:?} can't be the name: use words of lower-case letters and digits with single hyphens between, each beginning with \
             a letter, as in guest-book"
        );
        ensure!(
            name.len() <= LONGEST,
            "{name} has {} letters: the name of a service has {LONGEST} at most",
            name.len()
        );
        ensure!(
            !TAKEN.contains(&name),
            "{name} means something in Rust, or in what is to be written: choose another name"
        );
        Ok(Self(name.to_owned()))
    }

    /// `guest-book`: package, programs, service.
    pub(super) fn kebab(&self) -> &str {
        &self.0
    }

    /// `guest_book`: crate and module.
    pub(super) fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// `GuestBook`: the interface.
    pub(super) fn camel(&self) -> String {
        let word = |word: &str| word[..1].to_uppercase() + &word[1..];
        self.0.split('-').map(word).collect()
    }
}

#[cfg(test)]
mod tests {
    use anax_manifest::{Layer, Manifest};

    use super::*;

    #[test]
    fn spellings() {
        let name = Name::new("guest-book2").unwrap();
        let all = (name.kebab(), name.snake(), name.camel());
        assert_eq!(all, ("guest-book2", "guest_book2".to_owned(), "GuestBook2".to_owned()));
    }

    #[test]
    fn what_is_no_name() {
        for bad in [
            "",
            "-",
            "Book",
            "guest_book",
            "guest--book",
            "-book",
            "book-",
            "2books",
            "a/b",
            "../x",
            "bücher",
            "a.b",
            "a b",
        ] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        for taken in ["loop", "core", "server", "error"] {
            assert!(Name::new(taken).unwrap_err().to_string().contains("choose another"), "{taken}");
        }
        assert!(Name::new(&"x".repeat(LONGEST)).is_ok());
        assert!(Name::new(&"x".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn a_manifest_takes_them() {
        let name = Name::new(&"x".repeat(LONGEST)).unwrap();
        let mut manifest = Manifest::new(&format!("{}-client", name.kebab()), Layer::System);
        manifest.provides = vec![name.kebab().to_owned()];
        assert_eq!(manifest.check(), Ok(()));
    }
}
