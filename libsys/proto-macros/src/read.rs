//! What a trait says, and whether it can travel.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, ItemTrait, Lit, Meta, Pat, PathArguments,
    Receiver, ReceiverKind, Result, ReturnType, Safety, TraitItem, TraitItemFn, Type,
};

/// Most arguments of a method whose arguments travel in words: as many as there are words.
const MOST_FIXED: usize = 5;

/// An interface.
pub(crate) struct Interface {
    /// The trait without what only the macro understands.
    pub(crate) item: ItemTrait,
    pub(crate) methods: Vec<Method>,
}

/// The name and type of an argument.
pub(crate) type Argument = (Ident, Type);

/// A method of it.
pub(crate) struct Method {
    pub(crate) name: Ident,
    pub(crate) documentation: String,
    pub(crate) is_control: bool,
    pub(crate) is_idempotent: bool,
    /// All but the caller, in order.
    pub(crate) arguments: Vec<Argument>,
    /// Where among the arguments the caller stands, if the method wants to know him.
    pub(crate) caller: Option<usize>,
    /// Where among the arguments the right to answer later stands, of a method that does.
    pub(crate) later: Option<usize>,
    pub(crate) value: Type,
    pub(crate) failure: Type,
    /// As it is written, for the fingerprint.
    pub(crate) text: String,
    pub(crate) attributes: Vec<Attribute>,
}

/// Reads the trait.
pub(crate) fn interface(arguments: &TokenStream, mut item: ItemTrait) -> Result<Interface> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`interface` takes no arguments"));
    }
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &item.generics,
            "an interface is the same for all clients: it has no parameters",
        ));
    }
    let mut methods = Vec::new();
    for item in &mut item.items {
        match item {
            TraitItem::Fn(function) => methods.push(method(function)?),
            other => return Err(Error::new_spanned(other, "an interface consists of methods")),
        }
    }
    if methods.is_empty() {
        return Err(Error::new_spanned(&item.ident, "an interface without methods says nothing"));
    }
    Ok(Interface { item, methods })
}

fn method(function: &mut TraitItemFn) -> Result<Method> {
    let is_control = take_attribute(&mut function.attrs, "control");
    let is_idempotent = take_attribute(&mut function.attrs, "idempotent");
    let signature = &function.sig;
    if let Some(body) = &function.default {
        return Err(Error::new_spanned(body, "what a method does is the server's: no body here"));
    }
    if signature.asyncness.is_some()
        || !matches!(signature.safety, Safety::Default)
        || !signature.generics.params.is_empty()
    {
        return Err(Error::new_spanned(
            signature,
            "a method that travels is plain: not async, not unsafe, no parameters of types",
        ));
    }
    let mut inputs = signature.inputs.iter();
    match inputs.next() {
        Some(FnArg::Receiver(Receiver { kind: ReceiverKind::Reference(_, _, Some(_)), .. })) => {}
        _ => return Err(Error::new_spanned(&signature.ident, "a method begins with `&mut self`")),
    }
    let (mut arguments, mut caller, mut later) = (Vec::new(), None, None);
    for (place, input) in inputs.enumerate() {
        let FnArg::Typed(typed) = input else { continue };
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new_spanned(&typed.pat, "an argument has a plain name"));
        };
        if is_named(&typed.ty, "Caller") {
            if caller.replace(place).is_some() {
                return Err(Error::new_spanned(typed, "there is one caller"));
            }
            continue;
        }
        if is_named(&typed.ty, "Later") {
            let types = two_types(&typed.ty);
            if is_control || later.is_some() || types.is_none() {
                return Err(Error::new_spanned(
                    typed,
                    "an answer that is given later is one `Later<value, failure>` of fixed layout",
                ));
            }
            later = types.map(|types| (place, types));
            continue;
        }
        if !is_control && let Type::Reference(reference) = &*typed.ty {
            return Err(Error::new_spanned(
                reference,
                "a reference does not fit into words: mark the method `#[control]`",
            ));
        }
        arguments.push((pattern.ident.clone(), (*typed.ty).clone()));
    }
    if !is_control && arguments.len() > MOST_FIXED {
        return Err(Error::new_spanned(
            &signature.ident,
            "more than five arguments: mark the method `#[control]`",
        ));
    }
    let returned = match (&later, &signature.output) {
        (Some((_, types)), ReturnType::Default) => Some(types.clone()),
        (Some(_), output) => {
            return Err(Error::new_spanned(output, "what answers later returns nothing now"));
        }
        (None, output) => result(output),
    };
    let (value, failure) = returned.ok_or_else(|| {
        Error::new_spanned(signature, "a method returns `Result<value, failure>`, for its server may die")
    })?;
    Ok(Method {
        name: signature.ident.clone(),
        documentation: documentation(&function.attrs),
        is_control,
        is_idempotent,
        arguments,
        caller,
        later: later.map(|(place, _)| place),
        value,
        failure,
        text: signature.to_token_stream().to_string(),
        attributes: function.attrs.clone(),
    })
}

/// Takes an attribute away that only the macro understands; whether it was there.
fn take_attribute(attributes: &mut Vec<Attribute>, name: &str) -> bool {
    let before = attributes.len();
    attributes.retain(|attribute| !attribute.path().is_ident(name));
    attributes.len() != before
}

/// Whether it is the type of that name, wherever that is.
pub(crate) fn is_named(kind: &Type, name: &str) -> bool {
    let Type::Path(path) = kind else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// The two types of a `Result`.
fn result(output: &ReturnType) -> Option<(Type, Type)> {
    let ReturnType::Type(_, kind) = output else { return None };
    is_named(kind, "Result").then(|| two_types(kind)).flatten()
}

/// The two types that a type is made with.
fn two_types(kind: &Type) -> Option<(Type, Type)> {
    let Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(kind) => Some(kind.clone()),
        _ => None,
    });
    Some((types.next()?, types.next()?))
}

/// The documentation, lines joined.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if pair.path.is_ident("doc") => {
                Some(text.value().trim().to_owned())
            }
            _ => None,
        }
    });
    lines.collect::<Vec<_>>().join(" ")
}
