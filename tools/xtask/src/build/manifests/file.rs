//! A package's `Cargo.toml`: which table is which program's manifest.

use std::ops::Range;
use std::rc::Rc;

use anax_manifest::{Layer, Manifest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::list;
use super::{Complaint, Described, read};
use crate::build::programs::KEY;

/// A file's name and text.
#[derive(Debug)]
pub(super) struct File {
    path: String,
    text: String,
}

impl File {
    /// A file by its path from the top of the tree.
    pub(super) fn new(path: String, text: String) -> Self {
        Self { path, text }
    }

    /// The bytes of a span.
    pub(super) fn text(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The line that holds a byte: its number, its text, and how many of its characters stand before the byte.
    pub(super) fn line(&self, byte: usize) -> (usize, &str, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = before.matches('\n').count() + 1;
        let line = self.text[start..].lines().next().unwrap_or_default();
        (number, line, before[start..].chars().count())
    }

    /// Where a span begins, as `path:line:column`.
    pub(super) fn place(&self, span: &Range<usize>) -> String {
        let (line, _, before) = self.line(span.start);
        format!("{}:{line}:{}", self.path, before + 1)
    }
}

/// The manifests of the programs of one package, whose binaries' names are given; or all that is wrong with them.
pub(super) fn read(file: File, binaries: &[&str]) -> Result<Vec<Described>, Vec<Complaint>> {
    let file = Rc::new(file);
    let text = file.text.as_str();
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        vec![Complaint::new(&file, &span, error.message().to_owned())]
    })?;
    let metadata = ["package", "metadata", "anax"].iter();
    let mut found = None;
    let mut table = Some(document.get_ref());
    for key in metadata {
        found = table.and_then(|table| table.get(*key));
        table = found.and_then(|value| value.get_ref().as_table());
    }
    let (anax, span) = match (found, table) {
        (None, _) => return Ok(binaries.iter().map(|name| silent(&file, name, 0..0)).collect()),
        (Some(value), Some(table)) => (table, value.span()),
        (Some(value), None) => {
            let complaint = Complaint::new(&file, &value.span(), "`anax` is not a table".into());
            return Err(vec![complaint.help("write `[package.metadata.anax]` above the manifest's keys")]);
        }
    };
    if let [name] = binaries {
        return read::manifest(&file, name, anax, span).map(|one| vec![one]);
    }
    of_several(&file, binaries, anax)
}

/// In a package of several programs, each has a table of its own.
fn of_several(
    file: &Rc<File>,
    binaries: &[&str],
    anax: &DeTable<'_>,
) -> Result<Vec<Described>, Vec<Complaint>> {
    let mut complaints = Vec::new();
    for key in anax.keys().filter(|key| !binaries.contains(&key.get_ref().as_ref())) {
        let message = format!("`{}` is no program of this package", key.get_ref());
        let hint = format!(
            "the manifests of a package with several programs are `[package.metadata.anax.NAME]`, with `{KEY} = ...` if that is another \
             name of one, else with one of {}",
            list(binaries.iter().copied())
        );
        complaints.push(Complaint::new(file, &key.span(), message).help(hint));
    }
    let mut described = Vec::new();
    for &name in binaries {
        match anax.get(name).map(table) {
            None => described.push(silent(file, name, 0..0)),
            Some(Ok((table, span))) => match read::manifest(file, name, table, span) {
                Ok(one) => described.push(one),
                Err(more) => complaints.extend(more),
            },
            Some(Err(span)) => {
                complaints.push(Complaint::new(file, &span, format!("`{name}` is not a table")));
            }
        }
    }
    if complaints.is_empty() { Ok(described) } else { Err(complaints) }
}

/// A value as a table; or only where it stands.
fn table<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Result<(&'a DeTable<'i>, Range<usize>), Range<usize>> {
    value.get_ref().as_table().map(|table| (table, value.span())).ok_or(value.span())
}

/// A program that says nothing of itself.
fn silent(file: &Rc<File>, name: &str, table: Range<usize>) -> Described {
    let manifest = Manifest::new(name, Layer::Application);
    Described { manifest, file: Rc::clone(file), table, provides: Vec::new(), needs: Vec::new() }
}
