//! `#[anax::main]`: makes a function the program's. The crate `anax` documents it.
//!
//! The function stays as it is written. Beside it stands the entry point that start-up calls, written by a macro of `anax` itself: the
//! attribute that gives it its name counts as unsafe code, and so is `anax`'s, not the program's.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, ItemFn, Result, ReturnType, Safety, parse_macro_input};

/// Makes a function the program's: see the crate `anax`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    match entry(&arguments.into(), &function) {
        Ok(entry) => quote!(#function #entry).into(),
        Err(error) => {
            // The function stays, so that what calls it is not said to be wrong as well.
            let error = error.into_compile_error();
            quote!(#function #error).into()
        }
    }
}

/// The entry point for a function, or what is wrong with it.
fn entry(arguments: &Tokens, function: &ItemFn) -> Result<Tokens> {
    let signature = &function.sig;
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`anax::main` takes no arguments"));
    }
    if let Some(word) = &signature.asyncness {
        return Err(Error::new_spanned(word, "a program's main function is not async"));
    }
    let is_plain = signature.constness.is_none()
        && signature.abi.is_none()
        && matches!(signature.safety, Safety::Default)
        && signature.variadic.is_none();
    if !is_plain {
        return Err(Error::new_spanned(signature, "a program's main function is plain: `fn main()`"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a program has one main function: it has no parameters of types",
        ));
    }
    let name = &signature.ident;
    let mut inputs = signature.inputs.iter();
    let call = match (inputs.next(), inputs.next()) {
        (None, None) => quote!(|_| #name()),
        (Some(FnArg::Typed(typed)), None) => {
            // Found wanting where the type is written, if it is another.
            let passed = quote_spanned!(typed.ty.span() => start);
            quote!(|start| #name(#passed))
        }
        _ => {
            return Err(Error::new_spanned(
                &signature.inputs,
                "a program's main function takes nothing, or `start: &'static anax::Start`",
            ));
        }
    };
    let place = match &signature.output {
        ReturnType::Default => name.span(),
        ReturnType::Type(_, kind) => kind.span(),
    };
    let entry = quote_spanned!(place => ::anax::entry!);
    Ok(quote!(#entry { #call }))
}
