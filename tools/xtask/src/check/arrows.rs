//! The architecture, as far as Cargo can see it: which part may depend on which.
//!
//! Arrows point down only: programs lean on libsys, the kernel on its shared cores, tools on both, and nobody on
//! the kernel's inside or on a neighbour's. A package's part follows from its folder, so a new server, driver or
//! library is covered the moment it exists.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use super::Findings;

/// A part of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Kernel,
    KernelCore,
    Libsys,
    Server,
    Driver,
    Userland,
    Tool,
    Tests,
}

impl Part {
    /// The part that the package in `folder` (relative to the workspace) belongs to.
    fn of(folder: &str) -> Option<Self> {
        let (first, rest) = folder.split_once('/').unwrap_or((folder, ""));
        Some(match (first, rest) {
            ("microkernel", "") => Self::Kernel,
            ("microkernel", "core") => Self::KernelCore,
            ("libsys", _) => Self::Libsys,
            ("servers", _) => Self::Server,
            ("drivers", _) => Self::Driver,
            ("userland", _) => Self::Userland,
            ("tools", _) => Self::Tool,
            ("tests", _) => Self::Tests,
            _ => return None,
        })
    }

    /// Whether the tests of a package of this part may depend on one of `other` besides: a server of files is tried with file systems behind it, which are servers.
    fn tests_may_use(self, other: Self) -> bool {
        (self, other) == (Self::Server, Self::Server)
    }

    /// Whether a package of this part may depend on one of `other`.
    fn may_use(self, other: Self) -> bool {
        match self {
            Self::Kernel => matches!(other, Self::KernelCore | Self::Libsys),
            Self::KernelCore | Self::Libsys | Self::Server | Self::Driver | Self::Userland => {
                other == Self::Libsys
            }
            Self::Tool => matches!(other, Self::Tool | Self::Tests | Self::Libsys | Self::KernelCore),
            // What a server has left on a disk is judged by its own library, and what programs read of strangers is fuzzed.
            Self::Tests => {
                matches!(other, Self::Tool | Self::Libsys | Self::KernelCore | Self::Server | Self::Userland)
            }
        }
    }
}

/// Checks every dependency between two packages of the workspace, of whatever kind.
pub(super) fn check(metadata: &Metadata, findings: &mut Findings) {
    let mut parts: BTreeMap<&PackageId, (&str, Part)> = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let folder =
            package.manifest_path.parent().and_then(|path| path.strip_prefix(&metadata.workspace_root).ok());
        match folder.and_then(|folder| Part::of(folder.as_str())) {
            Some(part) => {
                parts.insert(&package.id, (package.name.as_str(), part));
            }
            None => findings.fail(format!("{}: its folder belongs to no part of the house", package.name)),
        }
    }
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    for node in nodes {
        let Some(&(name, part)) = parts.get(&node.id) else { continue };
        // A package may depend on itself: its tests may need more of its features than its users do.
        for dependency in node.deps.iter().filter(|dependency| dependency.pkg != node.id) {
            let is_for_tests =
                dependency.dep_kinds.iter().all(|info| info.kind == DependencyKind::Development);
            if let Some(&(used, other)) = parts.get(&dependency.pkg)
                && !part.may_use(other)
                && !(is_for_tests && part.tests_may_use(other))
            {
                findings.fail(format!("{name} ({part:?}) must not depend on {used} ({other:?})"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_parts() {
        assert_eq!(Part::of("microkernel"), Some(Part::Kernel));
        assert_eq!(Part::of("microkernel/core"), Some(Part::KernelCore));
        assert_eq!(Part::of("drivers/e1000"), Some(Part::Driver));
        assert_eq!(Part::of("tests"), Some(Part::Tests));
        assert_eq!(Part::of("attic/thing"), None);
    }

    #[test]
    fn arrows_point_down_only() {
        let all = [
            Part::Kernel,
            Part::KernelCore,
            Part::Libsys,
            Part::Server,
            Part::Driver,
            Part::Userland,
            Part::Tool,
            Part::Tests,
        ];
        for part in all {
            assert!(!part.may_use(Part::Kernel), "{part:?}: nobody uses the kernel's inside");
        }
        for program in [Part::Server, Part::Driver, Part::Userland, Part::Libsys] {
            for other in all {
                assert_eq!(program.may_use(other), other == Part::Libsys, "{program:?} -> {other:?}");
            }
        }
    }
}
