//! Patterns become the paths that match them (POSIX XCU 2.13.3): in order, hidden names only where the dot is there itself.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Shell;
use crate::pattern::Pattern;
use crate::world::{PathKind, World};

/// Paths of one pattern.
const MAX_PATHS: usize = 8192;

impl<W: World> Shell<W> {
    /// The paths that match a pattern.
    pub(super) fn paths(&mut self, pattern: &str) -> Vec<String> {
        let is_absolute = pattern.starts_with('/');
        let mut found = Vec::from([String::from(if is_absolute { "/" } else { "" })]);
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        for (place, part) in parts.iter().enumerate() {
            let is_last = place + 1 == parts.len();
            let mut next = Vec::new();
            for before in found {
                if next.len() >= MAX_PATHS {
                    break;
                }
                self.step(&before, part, is_last, &mut next);
            }
            found = next;
        }
        if pattern.ends_with('/') {
            found.retain(|path| self.world.look(path) == Some(PathKind::Directory));
            found.iter_mut().for_each(|path| path.push('/'));
        }
        found.sort();
        found
    }

    fn step(&mut self, before: &str, part: &str, is_last: bool, next: &mut Vec<String>) {
        let pattern = Pattern::new(part);
        let join = |name: &str| match before {
            "" | "/" => format!("{before}{name}"),
            _ => format!("{before}/{name}"),
        };
        if !pattern.is_special() {
            let path = join(&unescaped(part));
            if self.world.look(&path).is_some() {
                next.push(path);
            }
            return;
        }
        let names = self.world.list(if before.is_empty() { "." } else { before }).unwrap_or_default();
        for name in names {
            let is_hidden = name.starts_with('.') && !pattern.begins_with_dot();
            if is_hidden || !pattern.matches(&name) {
                continue;
            }
            let path = join(&name);
            if is_last || self.world.look(&path) == Some(PathKind::Directory) {
                next.push(path);
            }
        }
    }
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text.chars());
    while let Some(next) = rest.next() {
        plain.push(if next == '\\' { rest.next().unwrap_or('\\') } else { next });
    }
    plain
}
