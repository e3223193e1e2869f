//! What a script is once it is read: commands, and words whose parts are still to be expanded.
//!
//! The grammar is that of POSIX.1-2017, Shell Command Language (XCU chapter 2), without aliases, `trap` and file descriptors other than 0, 1 and 2.

mod error;
mod lexer;
mod parser;
mod words;

pub use error::{Position, SyntaxError, SyntaxErrorKind};
pub use parser::{parse, parse_text};

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;

/// Bytes of the longest script.
pub const MAX_SCRIPT: usize = 1 << 20;
/// How deep commands, substitutions and quotes may lie in each other.
pub const MAX_DEPTH: usize = 48;

/// Commands, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<Item>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is run.
    pub and_or: AndOr,
    /// Whether it is waited for.
    pub waiting: Waiting,
    /// Its text, for people and for a shell of its own.
    pub text: Rc<str>,
}

/// Whether the next command waits for this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It does.
    Foreground,
    /// `&`.
    Background,
}

/// Pipelines, of which each may depend on those before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndOr {
    /// The first one.
    pub first: Pipeline,
    /// The others.
    pub rest: Vec<(Connector, Pipeline)>,
}

/// What ties a pipeline to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// Commands, of which each reads what the one before prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// `!`: failure is success.
    pub is_negated: bool,
    /// At least one.
    pub commands: Vec<Command>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Words.
    Simple(Simple),
    /// Commands in brackets or keywords.
    Compound(Box<Compound>, Vec<Redirect>),
    /// `NAME() COMMAND`.
    Function(Rc<Function>),
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does.
    pub body: Command,
    /// All of its text.
    pub text: Rc<str>,
}

/// A program or builtin with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// `NAME=value` in front.
    pub assignments: Vec<(String, Word)>,
    /// Name and arguments.
    pub words: Vec<Word>,
    /// Where it reads and prints.
    pub redirects: Vec<Redirect>,
}

/// A compound command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compound {
    /// `{ LIST; }`.
    Group(List),
    /// `( LIST )`: what it changes in the shell is forgotten.
    Subshell(List),
    /// `if`, with all its conditions.
    If(Vec<(List, List)>, Option<List>),
    /// `while` and `until`.
    Loop(Until, List, List),
    /// `for`; without `in`, of the arguments.
    For(String, Option<Vec<Word>>, List),
    /// `case`.
    Case(Word, Vec<(Vec<Word>, List)>),
}

/// What ends a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// `while`.
    Failure,
    /// `until`.
    Success,
}

/// Where a stream leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Which: 0, 1, 2.
    pub stream: usize,
    /// Where.
    pub to: Target,
}

/// Where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `<`.
    Read(Word),
    /// `>`.
    Write(Word),
    /// `>>`.
    Append(Word),
    /// `>&` and `<&`.
    Same(Word),
    /// `<<<`, with the end of a line.
    Text(Word),
    /// `<<`: the lines that follow, which are known when they have been read.
    Here(Rc<OnceCell<Word>>),
}

/// A word before it is expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Its parts.
    pub parts: Vec<Part>,
    /// Where it begins.
    pub at: Position,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text(String, Quoted),
    /// `$NAME`, `${NAME}` and the like.
    Parameter(Box<Parameter>, Quoted),
    /// `$(LIST)`.
    Output(Rc<List>, Quoted),
    /// `$((EXPRESSION))`.
    Arithmetic(Box<Word>, Quoted),
}

/// Whether a part stands in quotes: it is not split, and no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// A parameter's value, or what stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// A variable, a number, or one of `?$#@*!-`.
    pub name: String,
    /// What is made of it.
    pub change: Change,
}

/// What is made of a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// `${#NAME}`: how many characters it has.
    Length,
    /// `:-` and `-`: the word if it is unset.
    Default(Empty, Word),
    /// `:=` and `=`: the same, and it is set so.
    Assign(Empty, Word),
    /// `:?` and `?`: an error of this text if it is unset.
    Error(Empty, Word),
    /// `:+` and `+`: the word if it is set.
    Alternative(Empty, Word),
    /// `#`, `##`, `%`, `%%`: without what matches a pattern at its beginning or end.
    Trim(Side, Extent, Word),
}

/// Whether an empty value counts as unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It does: with a colon.
    IsUnset,
    /// It does not.
    IsSet,
}

/// A side of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its beginning.
    Beginning,
    /// Its end.
    End,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As little as matches.
    Least,
    /// As much.
    Most,
}

/// Whether that can be a variable's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
