//! What a message can hold, as assertions that stand beside the trait: the compiler adds up, and points at the method that takes more.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::read::Method;
use crate::write::split;

/// The compiler adds up the words, and points at the method if there are too many.
pub(crate) fn limits(method: &Method) -> TokenStream {
    let span = method.name.span();
    let handles_text = format!("more handles go with `{}` than with a message", method.name);
    if method.is_control {
        // One more is for the bytes.
        let count = split(method).1.len() + 1;
        return quote_spanned! {span=>
            const _: () = assert!(::anax_proto::handles_fit(&[], #count), #handles_text);
        };
    }
    let types = method.arguments.iter().map(|(_, kind)| kind);
    let with_handles = types.clone();
    let value = &method.value;
    let arguments_text =
        format!("the arguments of `{}` take more than five words: mark it `#[control]`", method.name);
    let value_text =
        format!("what `{}` returns takes more than five words: mark it `#[control]`", method.name);
    quote_spanned! {span=>
        const _: () = assert!(
            ::anax_proto::handles_fit(&[#(<#with_handles as ::anax_proto::Fixed>::HANDLES),*], 0)
                && ::anax_proto::handles_fit(&[<#value as ::anax_proto::Fixed>::HANDLES], 0),
            #handles_text
        );
        const _: () = assert!(::anax_proto::fits(&[#(<#types as ::anax_proto::Fixed>::WORDS),*]), #arguments_text);
        const _: () = assert!(::anax_proto::fits(&[<#value as ::anax_proto::Fixed>::WORDS]), #value_text);
    }
}
