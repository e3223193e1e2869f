//! `echo`, `env`, `true`, `false`.

use alloc::format;
use alloc::string::String;

use anax::process::Command;
use anax_system::explain;

use crate::{Done, Stop, complain, out};

pub(super) const ECHO: &str = "\
Prints its words.

  echo [-n] [WORD...]

-n leaves the end of the line away.
";

pub(super) fn echo(words: &[String]) -> Done {
    let (words, end) = match words {
        [first, rest @ ..] if first == "-n" => (rest, ""),
        words => (words, "\n"),
    };
    out(format!("{}{end}", words.join(" ")).as_bytes())?;
    Ok(0)
}

pub(super) const ENV: &str = "\
Prints the environment, or runs a program with another one.

  env [-i] [-u NAME] [NAME=VALUE...] [PROGRAM [WORD...]]

-i begins with an empty one, -u leaves a variable out. Status 127 if there is no such program, 126 if it does not start.
";

pub(super) fn env(words: &[String]) -> Done {
    let mut environment = anax::environment().to_vec();
    let mut words = words;
    let name = |variable: &str| String::from(variable.split_once('=').map_or(variable, |(name, _)| name));
    loop {
        match words {
            [word, rest @ ..] if word == "-i" => {
                environment.clear();
                words = rest;
            }
            [word, unset, rest @ ..] if word == "-u" => {
                environment.retain(|variable| name(variable) != *unset);
                words = rest;
            }
            [word, ..] if word.starts_with('-') => {
                return Err(Stop::Usage(format!("there is no option {word}")));
            }
            [word, rest @ ..] if word.contains('=') => {
                let set = name(word);
                environment.retain(|variable| name(variable) != set);
                environment.push(word.clone());
                words = rest;
            }
            _ => break,
        }
    }
    let [program, arguments @ ..] = words else {
        for variable in environment {
            out(format!("{variable}\n").as_bytes())?;
        }
        return Ok(0);
    };
    let mut command = match Command::new(program) {
        Ok(command) => command.env_clear(),
        Err(error) => {
            complain(
                program,
                if error == anax::Error::BadArgument { "not found".into() } else { format!("{error}") },
            );
            return Ok(127);
        }
    };
    for variable in &environment {
        if let Some((name, value)) = variable.split_once('=') {
            command = command.env(name, value);
        }
    }
    for argument in arguments {
        command = command.argument(argument);
    }
    let ended = command.start().and_then(|mut child| child.wait());
    match ended {
        Ok(status) => {
            let (status, why) = explain(status);
            if let Some(why) = why {
                complain(program, why);
            }
            Ok(status.into())
        }
        Err(error) => {
            complain(program, error);
            Ok(126)
        }
    }
}

pub(super) const TRUE: &str = "Ends with status 0.\n\n  true\n";

pub(super) fn yes(_: &[String]) -> Done {
    Ok(0)
}

pub(super) const FALSE: &str = "Ends with status 1.\n\n  false\n";

pub(super) fn no(_: &[String]) -> Done {
    Ok(1)
}
