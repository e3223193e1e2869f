//! `test` and `[` (POSIX XCU, "test").

use alloc::format;
use alloc::string::String;

use super::Shell;
use crate::world::{PathKind, World};

/// How deep brackets and `!` may lie in each other.
const MAX_DEPTH: u32 = 32;

impl<W: World> Shell<W> {
    /// Whether it holds.
    pub(super) fn holds(&mut self, words: &[String]) -> Result<bool, String> {
        let mut rest = words;
        if rest.is_empty() {
            return Ok(false);
        }
        let holds = self.either(&mut rest, 0)?;
        match rest.first() {
            None => Ok(holds),
            Some(word) => Err(format!("'{word}' is not expected here")),
        }
    }

    fn either(&mut self, rest: &mut &[String], depth: u32) -> Result<bool, String> {
        let mut holds = self.both(rest, depth)?;
        while rest.first().is_some_and(|word| word == "-o") {
            *rest = &rest[1..];
            holds |= self.both(rest, depth)?;
        }
        Ok(holds)
    }

    fn both(&mut self, rest: &mut &[String], depth: u32) -> Result<bool, String> {
        let mut holds = self.one(rest, depth)?;
        while rest.first().is_some_and(|word| word == "-a") {
            *rest = &rest[1..];
            holds &= self.one(rest, depth)?;
        }
        Ok(holds)
    }

    fn one(&mut self, rest: &mut &[String], depth: u32) -> Result<bool, String> {
        if depth > MAX_DEPTH {
            return Err("too many brackets in brackets".into());
        }
        // Two operands are looked for first: either may look like an operator.
        if let [left, operator, right, ..] = *rest
            && let Some(holds) = compare(left, operator, right)?
        {
            *rest = &rest[3..];
            return Ok(holds);
        }
        match *rest {
            [sign, _, ..] if sign == "!" => {
                *rest = &rest[1..];
                Ok(!self.one(rest, depth + 1)?)
            }
            [sign, _, ..] if sign == "(" => {
                *rest = &rest[1..];
                let holds = self.either(rest, depth + 1)?;
                if rest.first().is_none_or(|word| word != ")") {
                    return Err("a ')' is missing".into());
                }
                *rest = &rest[1..];
                Ok(holds)
            }
            [operator, operand, ..] if operator.len() == 2 && operator.starts_with('-') => {
                let (operator, operand) = (operator.clone(), operand.clone());
                *rest = &rest[2..];
                self.unary(&operator, &operand)
            }
            [word, ..] => {
                *rest = &rest[1..];
                Ok(!word.is_empty())
            }
            [] => Err("something is missing at the end".into()),
        }
    }

    fn unary(&mut self, operator: &str, operand: &str) -> Result<bool, String> {
        Ok(match operator {
            "-n" => !operand.is_empty(),
            "-z" => operand.is_empty(),
            "-e" | "-r" | "-w" => self.world.look(operand).is_some(),
            "-f" => matches!(self.world.look(operand), Some(PathKind::File(_))),
            "-d" => self.world.look(operand) == Some(PathKind::Directory),
            "-s" => matches!(self.world.look(operand), Some(PathKind::File(1..))),
            other => return Err(format!("'{other}' is no operator")),
        })
    }
}

fn compare(left: &str, operator: &str, right: &str) -> Result<Option<bool>, String> {
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("'{text}' is no number"));
    Ok(Some(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "-eq" => number(left)? == number(right)?,
        "-ne" => number(left)? != number(right)?,
        "-lt" => number(left)? < number(right)?,
        "-le" => number(left)? <= number(right)?,
        "-gt" => number(left)? > number(right)?,
        "-ge" => number(left)? >= number(right)?,
        _ => return Ok(None),
    }))
}
