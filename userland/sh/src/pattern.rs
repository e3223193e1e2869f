//! Patterns: `*`, `?`, `[a-z]`, `[!a-z]`; a backslash takes what is special from the next character (POSIX XCU 2.13).

use alloc::vec::Vec;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Element>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Any,
    One,
    Exactly(char),
    Set { is_negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// That text as a pattern. A `[` that is not closed stands for itself.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (mut elements, mut rest) = (Vec::new(), text.chars());
        while let Some(next) = rest.next() {
            elements.push(match next {
                '*' if elements.last() == Some(&Element::Any) => continue,
                '*' => Element::Any,
                '?' => Element::One,
                '[' => match set(rest.clone()) {
                    Some((set, after)) => {
                        rest = after;
                        set
                    }
                    None => Element::Exactly('['),
                },
                '\\' => Element::Exactly(rest.next().unwrap_or('\\')),
                other => Element::Exactly(other),
            });
        }
        Self(elements)
    }

    /// Whether something in it is special.
    #[must_use]
    pub fn is_special(&self) -> bool {
        self.0.iter().any(|element| !matches!(element, Element::Exactly(_)))
    }

    /// Whether it matches a leading dot by that dot itself.
    #[must_use]
    pub fn begins_with_dot(&self) -> bool {
        self.0.first() == Some(&Element::Exactly('.'))
    }

    /// Whether all of the text matches. Takes time in proportion to the lengths' product.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Where to go on if it does not: behind the last `*`, one character further.
        let (mut at, mut place, mut retry) = (0, 0, None);
        loop {
            let fits = match (self.0.get(at), text.get(place)) {
                (Some(Element::Any), _) => {
                    retry = Some((at + 1, place));
                    at += 1;
                    continue;
                }
                (None, None) => return true,
                (Some(element), Some(character)) => element.is(*character),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if fits {
                (at, place) = (at + 1, place + 1);
                continue;
            }
            match &mut retry {
                Some((behind, from)) if *from < text.len() => {
                    *from += 1;
                    (at, place) = (*behind, *from);
                }
                _ => return false,
            }
        }
    }
}

impl Element {
    fn is(&self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Exactly(this) => *this == character,
            Self::Set { is_negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&character)) != *is_negated
            }
        }
    }
}

/// A set whose `[` was just read, and what stands behind its `]`.
fn set(mut rest: core::str::Chars<'_>) -> Option<(Element, core::str::Chars<'_>)> {
    let is_negated = rest.as_str().starts_with(['!', '^']);
    if is_negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next()? {
            // At the beginning it stands for itself.
            ']' if !ranges.is_empty() => return Some((Element::Set { is_negated, ranges }, rest)),
            '\\' => rest.next()?,
            other => other,
        };
        let mut behind = rest.clone();
        let to = match (behind.next(), behind.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                rest = behind;
                if to == '\\' { rest.next()? } else { to }
            }
            _ => from,
        };
        ranges.push((from, to));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn is(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(text)
    }

    #[test]
    fn what_matches() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*c", "abbc"),
            ("*.txt", "a.txt.txt"),
            ("a?c", "aüc"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]]", "]"),
            ("[a", "[a"),
            ("\\*", "*"),
            ("a**b*", "axxb"),
            ("[a\\]]", "]"),
            ("[a-]", "-"),
        ] {
            assert!(is(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a?", "a"), ("[a-c]", "d"), ("[!a]", "a"), ("\\*", "a"), ("*a", "ab")]
        {
            assert!(!is(pattern, text), "{pattern} {text}");
        }
        // A pattern that would take for ever by trying everything.
        assert!(!is(&"a*".repeat(50), &"a".repeat(49)));
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern in "[]a*?!\\[\\\\-]{0,20}", text in "[a-c]{0,30}") {
            let _any = is(&pattern, &text);
        }

        #[test]
        fn text_matches_itself(text in "[a-z.]{0,20}") {
            prop_assert!(is(&text, &text));
            prop_assert!(!Pattern::new(&text).is_special());
        }
    }
}
