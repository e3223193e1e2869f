//! A wrong command line in one line: what is wrong and what would be right.
//!
//! clap explains in paragraphs; here everything that goes wrong before a guest runs is one line.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// Prints clap's complaint on one line, or the help that was asked for as it is; the status to end with.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nothing to be done if nobody reads it.
            let _ = error.print();
        }
        _ => eprintln!("xtask: {}", one_line(&error.render().to_string())),
    }
    u8::try_from(error.exit_code()).unwrap_or(2).into()
}

/// The paragraphs up to the usage, joined.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> = lines.take_while(|line| !line.starts_with("Usage:")).collect();
    let said: Vec<&str> = said.into_iter().filter(|line| !line.starts_with("For more information")).collect();
    format!("{} (try --help)", said.join(" ").trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_become_a_line() {
        let text = "error: invalid value 'x' for '--boot <ROAD>'\n  [possible values: pvh, iso]\n\n  tip: a\n\n\
                    For more information, try '--help'.\n";
        assert_eq!(
            one_line(text),
            "invalid value 'x' for '--boot <ROAD>' [possible values: pvh, iso] tip: a (try --help)"
        );
        let text = "error: unexpected argument '-x' found\n\nUsage: cargo xtask run [OPTIONS]\n\nFor more";
        assert_eq!(one_line(text), "unexpected argument '-x' found (try --help)");
    }
}
