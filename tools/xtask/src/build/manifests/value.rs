//! A value of a manifest, read as what its key wants.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Complaint;
use super::file::File;

/// A value under its key.
#[derive(Clone, Copy)]
pub(super) struct Value<'a, 'i> {
    pub(super) file: &'a File,
    pub(super) key: &'a str,
    pub(super) value: &'a Spanned<DeValue<'i>>,
}

impl<'a, 'i> Value<'a, 'i> {
    /// Where it stands.
    pub(super) fn span(self) -> Range<usize> {
        self.value.span()
    }

    /// Says that it is not `wanted`.
    pub(super) fn refuse(self, wanted: impl AsRef<str>) -> Complaint {
        let said = self.file.text(&self.span());
        let one_line = !said.contains('\n') && said.len() <= 40;
        let said = if one_line { said } else { self.value.get_ref().type_str() };
        let message = format!("{said} is no value of `{}`", self.key);
        Complaint::new(self.file, &self.span(), message).help(format!(
            "`{}` is {}",
            self.key,
            wanted.as_ref()
        ))
    }

    /// As a string.
    pub(super) fn string(self, wanted: &str) -> Result<&'a str, Complaint> {
        self.value.get_ref().as_str().ok_or_else(|| self.refuse(wanted))
    }

    /// As a number of a type that has room for it.
    pub(super) fn number<T: TryFrom<i64>>(self, wanted: &str) -> Result<T, Complaint> {
        let number = self.value.get_ref().as_integer();
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| self.refuse(wanted))
    }

    /// As one of the words that name a choice.
    pub(super) fn word<T: Copy>(
        self,
        from_word: impl Fn(&str) -> Option<T>,
        words: impl Iterator<Item = &'static str>,
    ) -> Result<T, Complaint> {
        let chosen = self.value.get_ref().as_str().and_then(from_word);
        chosen.ok_or_else(|| self.refuse(format!("one of {}", list(words))))
    }

    /// As a list, each of whose values is read for itself.
    pub(super) fn each<T>(
        self,
        wanted: &str,
        read: impl Fn(Self) -> Result<T, Complaint>,
    ) -> Result<Vec<T>, Complaint> {
        let values = self.value.get_ref().as_array().ok_or_else(|| self.refuse(wanted))?;
        values.iter().map(|value| read(Self { value, ..self })).collect()
    }

    /// As a table, which may have the keys `known`.
    pub(super) fn fields(
        self,
        known: &[&str],
        mut read: impl FnMut(&str, Self) -> Result<(), Complaint>,
    ) -> Result<(), Complaint> {
        let wanted = || format!("a table of {}", list(known.iter().copied()));
        let table = self.value.get_ref().as_table().ok_or_else(|| self.refuse(wanted()))?;
        for (key, value) in table {
            if !known.contains(&key.get_ref().as_ref()) {
                return Err(unknown_key(self.file, key, known));
            }
            read(key.get_ref(), Self { file: self.file, key: key.get_ref(), value })?;
        }
        Ok(())
    }

    /// As a table of exactly one key, for a choice that has arguments.
    pub(super) fn only(self) -> Option<Self> {
        let table: &'a DeTable<'i> = self.value.get_ref().as_table()?;
        let (key, value) = table.iter().next()?;
        (table.len() == 1).then_some(Self { file: self.file, key: key.get_ref(), value })
    }
}

/// Says that there is no such key.
pub(super) fn unknown_key(
    file: &File,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    known: &[&str],
) -> Complaint {
    let message = format!("unknown key `{}`", key.get_ref());
    Complaint::new(file, &key.span(), message).help(format!("the keys are {}", list(known.iter().copied())))
}

/// Words as they stand in a hint.
pub(super) fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
