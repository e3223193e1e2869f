//! `$((...))`: whole numbers of 64 bits, the operators of C but `++` and `--` (POSIX XCU 2.6.4).

use alloc::format;
use alloc::string::String;

/// How deep brackets may lie in each other.
const MAX_DEPTH: u32 = 32;

/// Where variables come from and go to.
pub(super) trait Names {
    fn value(&self, name: &str) -> Option<String>;
    fn set(&mut self, name: &str, value: i64);
}

/// What an expression comes to.
pub(super) fn evaluate(text: &str, names: &mut impl Names) -> Result<i64, String> {
    let mut reader = Reader { rest: text, names, depth: 0, skips: 0 };
    let value = reader.ternary()?;
    reader.skip();
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(format!("'{}' is not expected in '{text}'", reader.rest))
    }
}

struct Reader<'a, N> {
    rest: &'a str,
    names: &'a mut N,
    depth: u32,
    /// What is read now is not what counts: nothing is set, nothing is an error.
    skips: u32,
}

/// From the loosest to the tightest.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl<N: Names> Reader<'_, N> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The operator that comes next, unless it is the beginning of another one.
    fn operator(&mut self, level: &[&'static str]) -> Option<&'static str> {
        self.skip();
        let found = level.iter().find(|sign| self.rest.starts_with(**sign))?;
        let behind = self.rest[found.len()..].bytes().next();
        let is_other = matches!(
            (*found, behind),
            ("|", Some(b'|')) | ("&", Some(b'&')) | ("<", Some(b'<')) | (">", Some(b'>'))
        ) || behind == Some(b'=')
            && !matches!(*found, "==" | "!=" | "<=" | ">=" | "||" | "&&");
        if is_other {
            return None;
        }
        self.rest = &self.rest[found.len()..];
        Some(found)
    }

    fn unless<T>(
        &mut self,
        counts: bool,
        act: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        self.skips += u32::from(!counts);
        let done = act(self);
        self.skips -= u32::from(!counts);
        done
    }

    fn ternary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too many brackets in brackets".into());
        }
        let condition = self.binary(0)?;
        let value = if self.eat("?") {
            let yes = self.unless(condition != 0, Self::ternary)?;
            if !self.eat(":") {
                return Err("a ':' is missing".into());
            }
            let no = self.unless(condition == 0, Self::ternary)?;
            if condition != 0 { yes } else { no }
        } else {
            condition
        };
        self.depth -= 1;
        Ok(value)
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(sign) = self.operator(signs) {
            let counts = match sign {
                "||" => left == 0,
                "&&" => left != 0,
                _ => true,
            };
            let right = self.unless(counts, |reader| reader.binary(level + 1))?;
            left = self.combine(sign, left, right)?;
        }
        Ok(left)
    }

    fn combine(&self, sign: &str, left: i64, right: i64) -> Result<i64, String> {
        Ok(match sign {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(right as u32),
            ">>" => left.wrapping_shr(right as u32),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 && self.skips > 0 => 0,
            _ if right == 0 => return Err("division by zero".into()),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too many signs".into());
        }
        let value = if self.eat("!") {
            i64::from(self.unary()? == 0)
        } else if self.eat("-") {
            self.unary()?.wrapping_neg()
        } else if self.eat("+") {
            self.unary()?
        } else if self.eat("~") {
            !self.unary()?
        } else if self.eat("(") {
            let value = self.ternary()?;
            if !self.eat(")") {
                return Err("a ')' is missing".into());
            }
            value
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn operand(&mut self) -> Result<i64, String> {
        self.skip();
        let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = self.rest.bytes().take_while(is_of_word).count();
        let (word, rest) = self.rest.split_at(length);
        if word.is_empty() {
            let found = self.rest.chars().next();
            return Err(found.map_or("a number is missing".into(), |found| format!("'{found}' is no number")));
        }
        self.rest = rest;
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return number(word);
        }
        self.skip();
        for sign in ["=", "+=", "-=", "*=", "/=", "%="] {
            if self.rest.starts_with(sign) && !self.rest.starts_with("==") {
                self.rest = &self.rest[sign.len()..];
                let right = self.ternary()?;
                let value = match sign.strip_suffix('=') {
                    Some("") | None => right,
                    Some(operator) => self.combine(operator, self.variable(word)?, right)?,
                };
                if self.skips == 0 {
                    self.names.set(word, value);
                }
                return Ok(value);
            }
        }
        self.variable(word)
    }

    fn variable(&self, name: &str) -> Result<i64, String> {
        match self.names.value(name) {
            None => Ok(0),
            Some(value) if value.trim().is_empty() => Ok(0),
            Some(value) => {
                let value = value.trim();
                let (sign, digits) = value.strip_prefix('-').map_or((1, value), |digits| (-1, digits));
                Ok(sign * number(digits)?)
            }
        }
    }
}

fn number(word: &str) -> Result<i64, String> {
    let parsed = if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        i64::from_str_radix(digits, 16)
    } else if word.len() > 1 && word.starts_with('0') {
        i64::from_str_radix(word, 8)
    } else {
        word.parse()
    };
    parsed.map_err(|_| format!("'{word}' is no number"))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::collections::BTreeMap;
    use alloc::string::ToString as _;

    use proptest::prelude::*;

    use super::*;

    impl Names for BTreeMap<String, String> {
        fn value(&self, name: &str) -> Option<String> {
            self.get(name).cloned()
        }

        fn set(&mut self, name: &str, value: i64) {
            self.insert(name.into(), value.to_string());
        }
    }

    #[test]
    fn what_comes_out() {
        let mut names =
            BTreeMap::from([("x".to_string(), "5".to_string()), ("n".to_string(), "-2".to_string())]);
        for (text, is) in [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("10 / 3 % 2", 1),
            ("x + n", 3),
            ("unset", 0),
            ("-x", -5),
            ("!0 + !5", 1),
            ("1 < 2 && 2 <= 2", 1),
            ("0x10 + 010", 24),
            ("1 ? 2 : 3", 2),
            ("0 && 1 / 0", 0),
            ("1 << 4 | 1", 17),
            ("y = x + 1", 6),
            ("y += 4", 10),
            ("y == 10", 1),
            ("5 != 5", 0),
        ] {
            assert_eq!(evaluate(text, &mut names), Ok(is), "{text}");
        }
        assert_eq!(names["y"], "10");
        for (text, why) in [
            ("1 / 0", "division by zero"),
            ("1 +", "a number is missing"),
            ("(1", "a ')' is missing"),
            ("1 2", "'2' is not expected in '1 2'"),
            ("08", "'08' is no number"),
        ] {
            assert_eq!(evaluate(text, &mut names), Err(why.to_string()), "{text}");
        }
        assert!(evaluate(&"(".repeat(1000), &mut names).is_err());
    }

    proptest! {
        #[test]
        fn anything_is_a_number_or_an_error(text in "[-0-9a-c+*/%()<>=&|!?: ]{0,40}") {
            let _any = evaluate(&text, &mut BTreeMap::new());
        }
    }
}
