//! What programs of a command line read: what a person types, or a file that came along.
//!
//! Keys are looked at when somebody waits for them and not before, so that what is typed ahead of a program's end is the next command line, and is shown once.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_proto::Later;
use anax_stream::{BULK, Host, PIECE, Piece, Typing};

use crate::editor::{Editor, Typed};

/// Keys that nobody has looked at yet; beyond that they are lost.
const MOST_KEYS: usize = 1024;
/// Shells, one in the other.
pub const MOST_SHELLS: usize = 16;
const CONTROL_C: u8 = 3;
const CONTROL_D: u8 = 4;
const CONTROL_BACKSLASH: u8 = 28;

/// What a waiting program is to get.
#[derive(Debug)]
enum Question {
    /// So many bytes at most.
    Bytes(usize, Later<(u8, [u64; PIECE / 8]), Error>),
    /// Word that there are some.
    Word(Later<(), Error>),
}

/// Where bytes come from when there are none left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Source {
    /// Nowhere: that was the end.
    #[default]
    Nothing,
    /// The keyboard.
    Keys,
}

/// What a key was, while a command line is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// Something to be read.
    Input,
    /// The wish to end the program.
    Interrupt,
}

/// The input of a command line's programs, of which one reads at a time: that in the foreground, and whom it has passed its stream on to.
#[derive(Debug, Default)]
pub struct Input {
    source: Source,
    keys: VecDeque<u8>,
    editor: Editor,
    /// What can be read.
    bytes: VecDeque<u8>,
    /// The end of input was typed; it is read once.
    is_ended: bool,
    /// The program that reads keys by themselves.
    wants_keys: Option<u64>,
    waiting: Option<(u64, Question)>,
    /// Who is told when the person wants what runs to end, the last one first: shells.
    shells: Vec<Later<(), Error>>,
    /// There is a shell, which may just not have asked again: another Ctrl-C ends nothing.
    has_shell: bool,
    /// The last key that ends something was Ctrl-\\, which ends also a shell that does not ask.
    is_last_resort: bool,
}

impl Input {
    /// What a person types.
    #[must_use]
    pub fn typed() -> Self {
        Self { source: Source::Keys, ..Self::default() }
    }

    /// A command line begins, with these bytes for its programs.
    pub fn begin(&mut self, bytes: Option<Vec<u8>>) {
        self.bytes = bytes.unwrap_or_default().into();
        (self.is_ended, self.wants_keys, self.editor) = (false, None, Editor::default());
        self.has_shell = false;
    }

    /// A key, while a command line is under way.
    pub fn press(&mut self, key: u8, foreground: Option<u64>) -> Pressed {
        let is_plain = foreground.is_some() && self.wants_keys == foreground;
        if key == CONTROL_BACKSLASH || key == CONTROL_C && !is_plain {
            self.is_last_resort = key == CONTROL_BACKSLASH;
            // What was typed before it was meant for the program.
            self.keys.clear();
            return Pressed::Interrupt;
        }
        if self.keys.len() < MOST_KEYS {
            self.keys.push_back(key);
        }
        Pressed::Input
    }

    /// The next key that no program has read.
    pub fn typed_ahead(&mut self) -> Option<u8> {
        self.keys.pop_front()
    }

    /// A program asks for bytes.
    pub(crate) fn read(
        &mut self,
        process: u64,
        most: u8,
        later: Later<(u8, [u64; PIECE / 8]), Error>,
        host: &mut impl Host,
    ) {
        if most == 0 {
            host.answer(&later.answer(Err(Error::BadArgument)));
        } else {
            self.wait(process, Question::Bytes(most.into(), later), host);
        }
    }

    /// A program asks for word that there are bytes.
    pub(crate) fn ready(&mut self, process: u64, later: Later<(), Error>, host: &mut impl Host) {
        self.wait(process, Question::Word(later), host);
    }

    /// One waits at a time, the last one: an earlier one may have died over it.
    fn wait(&mut self, process: u64, question: Question, host: &mut impl Host) {
        if let Some((_, earlier)) = self.waiting.replace((process, question)) {
            let refused = match earlier {
                Question::Bytes(_, later) => later.answer(Err(Error::Aborted)),
                Question::Word(later) => later.answer(Err(Error::Aborted)),
            };
            host.answer(&refused);
        }
    }

    /// The bytes that a program gets at once, and stay: none at the end.
    pub(crate) fn now(&mut self, most: u64, is_its: bool) -> Result<Vec<u8>, Error> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if most == 0 || most > BULK {
            return Err(Error::BadArgument);
        }
        if is_its && self.is_empty() {
            return Err(Error::WouldBlock);
        }
        let count = if is_its { self.bytes.len().min(most) } else { 0 };
        Ok(self.bytes.iter().take(count).copied().collect())
    }

    /// A program has got so many, or has been told of the end.
    pub(crate) fn taken(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        self.is_ended &= count > 0;
    }

    /// Sets how keys are read.
    ///
    /// # Errors
    /// `BadCommand`: nobody types.
    pub(crate) fn set_typing(&mut self, process: u64, how: Typing) -> Result<(), Error> {
        if self.source == Source::Nothing {
            return Err(Error::BadCommand);
        }
        self.wants_keys = (how == Typing::Keys).then_some(process);
        Ok(())
    }

    /// Somebody wants to be told when what runs is to end.
    pub(crate) fn tell_of_interrupt(&mut self, later: Later<(), Error>, host: &mut impl Host) {
        if self.source == Source::Nothing {
            host.answer(&later.answer(Err(Error::BadCommand)));
            return;
        }
        if self.shells.len() == MOST_SHELLS {
            host.answer(&self.shells.remove(0).answer(Err(Error::Aborted)));
        }
        self.shells.push(later);
        self.has_shell = true;
    }

    /// The person wants what runs to end: whether somebody has been told who sees to it.
    pub fn interrupt(&mut self, host: &mut impl Host) -> bool {
        while let Some(shell) = self.shells.pop() {
            if host.answer(&shell.answer(Ok(()))) {
                return true;
            }
        }
        self.has_shell && !self.is_last_resort
    }

    /// Whether Ctrl-C was typed as a key that nobody has read: it came just before lines are read, and was meant for what reads them. What was typed before it is gone.
    pub(crate) fn was_interrupted(&mut self) -> bool {
        let last = self.keys.iter().rposition(|key| *key == CONTROL_C);
        if let Some(last) = last {
            self.keys.drain(..=last);
            self.is_last_resort = false;
        }
        last.is_some()
    }

    /// Whether there is nothing to be read now, and may be later.
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.is_ended && self.source == Source::Keys
    }

    /// Lets whoever waits go on as far as there is input for him: after whatever happened. What is to be shown goes to `echo`.
    pub fn go_on(&mut self, foreground: Option<u64>, host: &mut impl Host, mut echo: impl FnMut(&str)) {
        let Some((process, _)) = self.waiting else { return };
        let is_its = foreground == Some(process) || cfg!(bite = "control-anybody-reads");
        while is_its && self.is_empty() {
            let Some(key) = self.keys.pop_front() else { return };
            self.look_at(key, process, &mut echo);
        }
        let Some((_, question)) = self.waiting.take() else { return };
        match question {
            Question::Word(later) => _ = host.answer(&later.answer(Ok(()))),
            Question::Bytes(most, later) => {
                let (mut bytes, most) = ([0; PIECE], if is_its { most } else { 0 });
                let places = bytes.iter_mut().take(most);
                let count = places.zip(&self.bytes).map(|(to, from)| *to = *from).count();
                // One who has died over the question takes nothing with him.
                if host.answer(&later.answer(Ok(Piece::beginning(&bytes[..count]).words()))) && is_its {
                    self.taken(count);
                }
            }
        }
    }

    fn look_at(&mut self, key: u8, process: u64, echo: &mut impl FnMut(&str)) {
        if self.wants_keys == Some(process) {
            return self.bytes.push_back(key);
        }
        if key == CONTROL_D {
            let line = self.editor.take();
            self.is_ended = line.is_empty();
            return self.bytes.extend(line.as_bytes());
        }
        match self.editor.key(key) {
            Typed::Nothing | Typed::GivenUp => {}
            Typed::Echo(text) => echo(&text),
            Typed::Line(line) => {
                echo("\n");
                self.bytes.extend(line.as_bytes());
                self.bytes.push_back(b'\n');
            }
        }
    }
}
