//! Whether what a client has is still what there is (RFC 9110, section 13), in the order of section 13.2.2.

use crate::date::Date;
use crate::files::{About, Strength, Tag};
use crate::head::Head;

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is sent.
    Send,
    /// The client has it.
    NotModified,
    /// What the client wants to hold does not.
    Failed,
}

/// Of a request to GET or HEAD.
pub(crate) fn judge(head: &Head<'_>, about: &About) -> Outcome {
    let since = |field: Option<&[u8]>| field.and_then(Date::parse).zip(about.modified);
    let holds = match head.if_match {
        Some(list) => names(list, about.tag, Comparison::Strong),
        None => since(head.if_unmodified_since).is_none_or(|(date, modified)| modified <= date),
    };
    if !holds {
        return Outcome::Failed;
    }
    let is_there = match head.if_none_match {
        Some(list) => names(list, about.tag, Comparison::Weak),
        None => since(head.if_modified_since).is_some_and(|(date, modified)| modified <= date),
    };
    if is_there { Outcome::NotModified } else { Outcome::Send }
}

/// Whether parts may be sent: what the client has parts of is what there is (section 13.1.5).
pub(crate) fn allows_range(head: &Head<'_>, about: &About) -> bool {
    let Some(field) = head.if_range else { return true };
    if field.contains(&b'"') {
        return names(field, about.tag, Comparison::Strong);
    }
    let is_weak = about.tag.is_some_and(|tag| tag.strength == Strength::Weak);
    !is_weak && Date::parse(field).is_some_and(|date| about.modified == Some(date))
}

/// How tags are compared (section 8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list has the tag, or is a star.
fn names(list: &[u8], tag: Option<Tag>, comparison: Comparison) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let Some(tag) = tag.filter(|tag| comparison == Comparison::Weak || tag.strength == Strength::Strong)
    else {
        return false;
    };
    let own = opaque(tag.value);
    let mut rest = list;
    // Each round takes a byte at least.
    while let Some(begins) = rest.iter().position(|byte| *byte == b'"') {
        let is_weak = rest[..begins].ends_with(b"W/");
        let from = &rest[begins + 1..];
        let Some(length) = from.iter().position(|byte| *byte == b'"') else { return false };
        if from[..length] == own && !(is_weak && comparison == Comparison::Strong) {
            return true;
        }
        rest = &from[length + 1..];
    }
    false
}

/// A tag's number in digits.
pub(crate) fn opaque(value: u64) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    core::array::from_fn(|at| DIGITS[(value >> (60 - 4 * at)) as usize & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        let strong = Some(Tag { value: 0xab, strength: Strength::Strong });
        let weak = Some(Tag { value: 0xab, strength: Strength::Weak });
        let own = b"\"x,\", \"00000000000000ab\"";
        let weakly = b"W/\"00000000000000ab\"";
        for (list, tag, comparison, expected) in [
            (&own[..], strong, Comparison::Strong, true),
            (&own[..], weak, Comparison::Strong, false),
            (&own[..], weak, Comparison::Weak, true),
            (&weakly[..], strong, Comparison::Strong, false),
            (&weakly[..], strong, Comparison::Weak, true),
            (b" * ", None, Comparison::Strong, true),
            (b"\"00000000000000ac\"", strong, Comparison::Weak, false),
            (b"\"00000000000000ab", strong, Comparison::Weak, false),
            (b"", strong, Comparison::Weak, false),
            (&own[..], None, Comparison::Weak, false),
        ] {
            assert_eq!(names(list, tag, comparison), expected, "{}", list.escape_ascii());
        }
    }
}
