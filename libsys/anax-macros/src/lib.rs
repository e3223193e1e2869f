//! `#[anax::main]`: makes a function the program's. The crate `anax` documents it.
//!
//! It looks at the signature, so that a mistake is reported where it stands, and leaves the rest to a macro of `anax`'s: the program itself
//! contains no unsafe attribute.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Error, ItemFn, Safety, parse_macro_input};

/// Makes a function the program's: see the crate `anax`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    match checked(&arguments.into(), &function) {
        Ok(tokens) => tokens.into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn checked(arguments: &Tokens, function: &ItemFn) -> Result<Tokens, Error> {
    let signature = &function.sig;
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`main` takes no arguments"));
    }
    let is_plain = signature.asyncness.is_none()
        && matches!(signature.safety, Safety::Default)
        && signature.generics.params.is_empty();
    if !is_plain {
        return Err(Error::new_spanned(
            signature,
            "a main function is plain: not async, not unsafe, not generic",
        ));
    }
    let name = &signature.ident;
    let call = match signature.inputs.len() {
        0 => quote! { || #name() },
        1 => quote! { || #name(::anax::start()) },
        _ => {
            return Err(Error::new_spanned(
                &signature.inputs,
                "a main function takes nothing, or what it was started with: `start: &'static anax::Start`",
            ));
        }
    };
    Ok(quote! {
        #function
        ::anax::entry!(#call);
    })
}
