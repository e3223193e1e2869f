//! Whether every dependency's licence lets this project be passed on under its own two.

use cargo_metadata::Metadata;
use spdx::{Expression, ParseMode};

use super::Findings;

/// The licences accepted, by SPDX name.
const ACCEPTED: [&str; 9] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    // Notices for the Unicode tables in `unicode-ident` and the like.
    "Unicode-3.0",
];

/// Checks the licence of every package that the lock file names for this platform.
pub(super) fn check(metadata: &Metadata, findings: &mut Findings) {
    for package in &metadata.packages {
        if let Err(reason) = judge(package.license.as_deref()) {
            findings.fail(format!("{} {}: {reason}", package.name, package.version));
        }
    }
}

fn judge(licence: Option<&str>) -> Result<(), String> {
    let Some(licence) = licence else { return Err("it names no licence".into()) };
    // Lax: old manifests write `MIT/Apache-2.0`.
    let expression = Expression::parse_mode(licence, ParseMode::LAX)
        .map_err(|error| format!("'{licence}' is no licence expression: {}", error.reason))?;
    let accepted =
        expression.evaluate(|licence| licence.license.id().is_some_and(|id| ACCEPTED.contains(&id.name)));
    if accepted { Ok(()) } else { Err(format!("its licence '{licence}' is not on the list")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_and_conjunctions() {
        for licence in ["MIT", "MIT/Apache-2.0", "Unlicense OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
            assert_eq!(judge(Some(licence)), Ok(()), "{licence}");
        }
        for licence in ["GPL-2.0-only", "MPL-2.0", "MIT AND GPL-3.0-or-later", "Unlicense", "whatever"] {
            assert!(judge(Some(licence)).is_err(), "{licence}");
        }
        assert!(judge(None).is_err());
    }
}
