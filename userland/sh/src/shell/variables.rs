//! Variables.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::syntax::is_name;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Variable {
    value: Option<String>,
    is_exported: bool,
}

/// The variables of a shell, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, Variable>);

impl Variables {
    /// Those of an environment. What no script could name stays out.
    pub(super) fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let variable = |(name, value): (String, String)| {
            is_name(&name).then_some((name, Variable { value: Some(value), is_exported: true }))
        };
        Self(environment.into_iter().filter_map(variable).collect())
    }

    /// The value of one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.value.as_deref()
    }

    /// Sets one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.entry(name.into()).or_default().value = Some(value.into());
    }

    /// Lets programs have it.
    pub fn export(&mut self, name: &str) {
        self.0.entry(name.into()).or_default().is_exported = true;
    }

    /// Forgets it.
    pub(super) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, variable)| Some((name.as_str(), variable.value.as_deref()?)))
    }

    /// What programs get.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let exported = self.0.iter().filter(|(_, variable)| variable.is_exported);
        exported.filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?))).collect()
    }

    /// What stands there, to be put back.
    pub(super) fn take_aside(&self, name: &str) -> Aside {
        Aside(self.0.get(name).cloned())
    }

    /// Puts it back.
    pub(super) fn put_back(&mut self, name: &str, aside: Aside) {
        match aside.0 {
            Some(variable) => _ = self.0.insert(name.into(), variable),
            None => self.unset(name),
        }
    }
}

/// What a variable was.
#[derive(Debug)]
pub(super) struct Aside(Option<Variable>);
