//! What sets and shows variables and arguments.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::shell::{Flow, INTERRUPTED, Run, Shell};
use crate::syntax::is_name;
use crate::world::{StreamError, World};

/// Bytes of the longest line that `read` reads.
const MAX_LINE: usize = 64 << 10;

impl<W: World> Shell<W> {
    pub(super) fn export(&mut self, words: &[&str]) -> Run {
        if words.is_empty() {
            let all = self.variables.environment();
            let text: String =
                all.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
            return self.print(&text).map(|()| 0);
        }
        for word in words {
            let (name, value) =
                word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value)));
            if !is_name(name) {
                return self.wrong("export", &format!("'{name}' is no name of a variable"));
            }
            if let Some(value) = value {
                self.variables.set(name, value);
            }
            self.variables.export(name);
        }
        Ok(0)
    }

    pub(super) fn local(&mut self, words: &[&str]) -> Run {
        if self.locals.is_empty() {
            return self.failed("local", "this is no function");
        }
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if !is_name(name) {
                return self.wrong("local", &format!("'{name}' is no name of a variable"));
            }
            let aside = self.variables.take_aside(name);
            if let Some(locals) = self.locals.last_mut() {
                locals.push((name.into(), aside));
            }
            self.variables.set(name, value);
        }
        Ok(0)
    }

    pub(super) fn unset(&mut self, words: &[&str]) -> u8 {
        match words {
            ["-f", names @ ..] => names.iter().for_each(|name| _ = self.functions.remove(*name)),
            ["-v", names @ ..] | names => names.iter().for_each(|name| self.variables.unset(name)),
        }
        0
    }

    pub(super) fn set(&mut self, words: &[&str]) -> Run {
        if words.is_empty() {
            let text: String =
                self.variables.all().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
            return self.print(&text).map(|()| 0);
        }
        let mut rest = words;
        while let [word, more @ ..] = rest {
            let (is_on, letters) = match (word.strip_prefix('-'), word.strip_prefix('+')) {
                (Some("-"), _) => {
                    self.arguments = more.iter().map(|word| String::from(*word)).collect();
                    return Ok(0);
                }
                (Some(letters), _) if !letters.is_empty() => (true, letters),
                (_, Some(letters)) if !letters.is_empty() => (false, letters),
                _ => {
                    self.arguments = rest.iter().map(|word| String::from(*word)).collect();
                    return Ok(0);
                }
            };
            for letter in letters.chars() {
                match letter {
                    'e' => self.options.ends_on_error = is_on,
                    'f' => self.options.no_patterns = is_on,
                    'u' => self.options.unset_is_error = is_on,
                    'x' => self.options.traces = is_on,
                    other => return self.wrong("set", &format!("'{other}' is no option")),
                }
            }
            rest = more;
        }
        Ok(0)
    }

    pub(super) fn shift(&mut self, count: Option<&str>) -> Run {
        match count.unwrap_or("1").parse::<usize>() {
            Ok(count) if count <= self.arguments.len() => {
                self.arguments.drain(..count);
                Ok(0)
            }
            Ok(_) => self.failed("shift", "there are not so many arguments"),
            Err(_) => self.usage("shift"),
        }
    }

    pub(super) fn read(&mut self, words: &[&str]) -> Run {
        let (mut words, mut is_raw) = (words, false);
        loop {
            match words {
                ["-r", rest @ ..] => (words, is_raw) = (rest, true),
                ["-p", prompt, rest @ ..] => {
                    // On standard error, as a question to a person.
                    let _ = self.world.write(&self.streams[2], prompt.as_bytes());
                    words = rest;
                }
                _ => break,
            }
        }
        let names = if words.is_empty() { &["REPLY"][..] } else { words };
        if let Some(name) = names.iter().find(|name| !is_name(name)) {
            return self.wrong("read", &format!("'{name}' is no name of a variable"));
        }
        let (line, is_whole) = self.read_line(is_raw)?;
        self.assign_fields(&line, names);
        Ok(u8::from(!is_whole))
    }

    /// A line, without its end, and whether it had one. Byte by byte, so that what follows is left to others.
    fn read_line(&mut self, is_raw: bool) -> Result<(String, bool), Flow> {
        let (mut line, mut is_escaped) = (Vec::new(), false);
        let is_whole = loop {
            let next = match self.world.read(&self.streams[0], 1) {
                Ok(bytes) => bytes,
                Err(StreamError::Interrupted) => return Err(Flow::Abandon(INTERRUPTED)),
                Err(_) => Vec::new(),
            };
            match next.first() {
                None => break false,
                Some(b'\n') if is_escaped => is_escaped = false,
                Some(b'\n') => break true,
                Some(b'\\') if !is_raw && !is_escaped => is_escaped = true,
                Some(byte) => {
                    is_escaped = false;
                    line.push(*byte);
                }
            }
            if line.len() >= MAX_LINE {
                break true;
            }
        };
        Ok((String::from_utf8_lossy(&line).into_owned(), is_whole))
    }

    /// Each variable gets a field, the last one all the rest.
    fn assign_fields(&mut self, line: &str, names: &[&str]) {
        let separators = String::from(self.variables.value("IFS").unwrap_or(" \t\n"));
        let is_separator = |character: char| separators.contains(character);
        let is_blank = |character: char| is_separator(character) && character.is_ascii_whitespace();
        let mut rest = line.trim_matches(is_blank);
        for (place, name) in names.iter().enumerate() {
            let end = if place + 1 == names.len() { None } else { rest.find(is_separator) };
            let (field, behind) = rest.split_at(end.unwrap_or(rest.len()));
            self.variables.set(name, field);
            rest = behind.trim_start_matches(is_blank);
            let mut characters = rest.chars();
            // One separator that is no blank, and the blanks around it.
            if characters.next().is_some_and(is_separator) {
                rest = characters.as_str().trim_start_matches(is_blank);
            }
        }
    }
}

/// A value as a script would have to say it.
fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:,+@%".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        return value.into();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}
