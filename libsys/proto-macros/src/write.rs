//! What stands beside the trait: the client, and the module with the dispatcher and the table of methods.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::read::{Interface, Method};

/// Everything, the trait included.
pub(crate) fn all(interface: &Interface) -> TokenStream {
    let item = &interface.item;
    let client = client(interface);
    let asynchronous = crate::asynchronous::client(interface);
    let module = module(interface);
    quote! { #item #client #asynchronous #module }
}

fn client(interface: &Interface) -> TokenStream {
    let (visibility, name) = (&interface.item.vis, &interface.item.ident);
    let client = format_ident!("{name}Client");
    let about = format!("Asks a server of [`{name}`] by messages.");
    let module = module_name(name);
    let methods = interface.methods.iter().map(|method| client_method(&module, method));
    let batch = format_ident!("{name}Batch");
    let about_batch =
        format!("Questions to a server of [`{name}`] that are asked together; each gives a ticket.");
    let fixed = interface.methods.iter().filter(|method| !method.is_control);
    let batched = fixed.map(|method| batch_method(&module, method));
    quote! {
        #[doc = #about]
        #[derive(Debug)]
        #visibility struct #client<T> {
            transport: T,
        }

        #[allow(unreachable_pub, reason = "as visible as the client")]
        impl<T: ::anax_proto::Transport> #client<T> {
            /// By that way, which is connected.
            #[must_use]
            #visibility const fn over(transport: T) -> Self {
                Self { transport }
            }

            /// The way to the server.
            #visibility const fn transport(&mut self) -> &mut T {
                &mut self.transport
            }

            /// Questions that are asked together, at most `N`: `client.batch::<32>()`.
            #visibility fn batch<const N: usize>(&mut self) -> #batch<'_, T, N>
            where
                T: ::anax_proto::Batching,
            {
                #batch(::anax_proto::Batch::new(&mut self.transport))
            }

            #(#methods)*
        }

        #[doc = #about_batch]
        #[derive(Debug)]
        #visibility struct #batch<'t, T, const N: usize>(::anax_proto::Batch<'t, T, N>);

        #[allow(unreachable_pub, reason = "as visible as the client")]
        impl<T: ::anax_proto::Batching, const N: usize> #batch<'_, T, N> {
            /// Asks all, with one doorbell, and waits for all answers.
            #[must_use]
            #visibility fn finish(self) -> ::anax_proto::Answers<N> {
                self.0.finish()
            }

            #(#batched)*
        }
    }
}

/// A method of fixed layout, asked with others.
fn batch_method(module: &Ident, method: &Method) -> TokenStream {
    let Method { name, value, failure, attributes, .. } = method;
    let command = constant(name);
    let writer = local("writer");
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, kind)| (name, kind)).unzip();
    quote! {
        #(#attributes)*
        #[inline]
        pub fn #name(
            &mut self,
            #(#names: #types),*
        ) -> ::core::result::Result<::anax_proto::Ticket<#value, #failure>, ::anax_abi::Error> {
            let mut #writer = ::anax_proto::Writer::default();
            #(::anax_proto::Fixed::put(#names, &mut #writer);)*
            self.0.ask(&::anax_proto::Request::fixed(#module::#command, #writer.finish()))
        }
    }
}

fn client_method(module: &Ident, method: &Method) -> TokenStream {
    let Method { name, value, failure, attributes, is_idempotent, .. } = method;
    let command = constant(name);
    // Names that no argument can have.
    let [bytes, length, request, space, writer, reply, found] =
        ["bytes", "length", "request", "space", "writer", "reply", "found"].map(local);
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, kind)| (name, kind)).unzip();
    let asked = if method.is_control {
        quote! {
            let mut #bytes = [0; ::anax_proto::SPACE];
            let #length = ::anax_proto::encode(&(#(#names,)*), &mut #bytes)?;
            let #request = ::anax_proto::Request::control(#module::#command, &#bytes[..#length]);
            let mut #space = [0; ::anax_proto::SPACE];
        }
    } else {
        quote! {
            let mut #writer = ::anax_proto::Writer::default();
            #(::anax_proto::Fixed::put(#names, &mut #writer);)*
            let #request = ::anax_proto::Request::fixed(#module::#command, #writer.finish());
            let mut #space = [];
        }
    };
    let answer = if method.is_control {
        quote! { ::anax_proto::decode(&#space[..#reply.length]).map_err(|error| error.into()) }
    } else {
        quote! {
            let #found = ::anax_proto::Fixed::take(&mut ::anax_proto::Reader::new(#reply.words));
            #found.ok_or_else(|| ::anax_abi::Error::PeerMisbehaved.into())
        }
    };
    quote! {
        #(#attributes)*
        #[inline]
        pub fn #name(&mut self, #(#names: #types),*) -> ::core::result::Result<#value, #failure> {
            #asked
            let #reply = ::anax_proto::ask(
                &mut self.transport,
                (#module::FINGERPRINT, #is_idempotent),
                &#request,
                &mut #space,
            )?;
            if #reply.code < 0 {
                return Err(<#failure as ::anax_proto::Failure>::from_code(#reply.code));
            }
            #answer
        }
    }
}

fn module(interface: &Interface) -> TokenStream {
    let (visibility, name) = (&interface.item.vis, &interface.item.ident);
    let module = module_name(name);
    let about = format!("How [`{name}`]({name}) travels.");
    let title = name.to_string();
    let texts = interface.methods.iter().map(|method| &method.text);
    let formats = interface.methods.iter().map(|method| if method.is_control { "control" } else { "fixed" });
    let commands = (0u32..).zip(&interface.methods).map(|(place, method)| {
        let (constant, about) = (
            constant(&method.name),
            format!("The command of [`{name}::{}`](super::{name}::{}).", method.name, method.name),
        );
        quote! {
            #[doc = #about]
            pub const #constant: u32 = ::anax_proto::FIRST_METHOD + #place;
        }
    });
    let table = interface.methods.iter().map(|method| {
        let (title, constant, documentation) =
            (method.name.to_string(), constant(&method.name), &method.documentation);
        let is_idempotent = method.is_idempotent;
        let format = if method.is_control { quote!(Control) } else { quote!(Fixed) };
        quote! {
            ::anax_proto::Method {
                name: #title,
                command: #constant,
                format: ::anax_proto::Format::#format,
                is_idempotent: #is_idempotent,
                documentation: #documentation,
            }
        }
    });
    let limits = interface.methods.iter().filter(|method| !method.is_control).map(limits);
    let arms = interface.methods.iter().map(arm);
    let [caller, request, space] = ["caller", "request", "space"].map(local);
    quote! {
        #[doc = #about]
        #[allow(unreachable_pub, reason = "as visible as the module")]
        #visibility mod #module {
            use super::*;

            /// What both sides compare when they connect.
            pub const FINGERPRINT: u64 = {
                let hash = ::anax_proto::fingerprint(#title);
                #(let hash = ::anax_proto::mix(::anax_proto::mix(hash, #texts), #formats);)*
                hash
            };

            #(#commands)*
            #(#limits)*

            /// Serves what messages ask for by calling the trait's methods.
            #[derive(Debug)]
            pub struct Serve<S>(
                /// What serves.
                pub S,
            );

            impl<S: super::#name> ::anax_proto::Dispatch for Serve<S> {
                const FINGERPRINT: u64 = FINGERPRINT;

                const METHODS: &'static [::anax_proto::Method] = &[#(#table),*];

                #[inline(always)]
                fn dispatch(
                    &mut self,
                    #caller: ::anax_proto::Caller,
                    #request: &::anax_proto::Request<'_>,
                    #space: &mut [u8],
                ) -> ::anax_proto::Reply {
                    let _ = (#caller, &#space);
                    match #request.command {
                        ::anax_proto::CONNECT => {
                            ::anax_proto::Reply { code: 0, words: [FINGERPRINT, 0, 0, 0, 0], length: 0 }
                        }
                        #(#arms)*
                        _ => ::anax_proto::Reply::failed(::anax_abi::Error::BadCommand.code()),
                    }
                }
            }
        }
    }
}

/// The compiler adds up the words, and points at the method if there are too many.
fn limits(method: &Method) -> TokenStream {
    let types = method.arguments.iter().map(|(_, kind)| kind);
    let value = &method.value;
    let arguments_text =
        format!("the arguments of `{}` take more than five words: mark it `#[control]`", method.name);
    let value_text =
        format!("what `{}` returns takes more than five words: mark it `#[control]`", method.name);
    let span = method.name.span();
    quote_spanned! {span=>
        const _: () = assert!(::anax_proto::fits(&[#(<#types as ::anax_proto::Fixed>::WORDS),*]), #arguments_text);
        const _: () = assert!(::anax_proto::fits(&[<#value as ::anax_proto::Fixed>::WORDS]), #value_text);
    }
}

fn arm(method: &Method) -> TokenStream {
    let Method { name, failure, .. } = method;
    let command = constant(name);
    let [caller, request, space, found, length, writer] =
        ["caller", "request", "space", "found", "length", "writer"].map(local);
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, kind)| (name, kind)).unzip();
    let mut handed: Vec<TokenStream> = names.iter().map(|name| quote!(#name)).collect();
    if let Some(place) = method.caller {
        handed.insert(place, quote!(#caller));
    }
    let taken = if method.is_control {
        quote! { ::anax_proto::decode::<(#(#types,)*)>(#request.bytes).ok() }
    } else if names.is_empty() {
        quote! { Some(()) }
    } else {
        quote! { <(#(#types,)*) as ::anax_proto::Fixed>::take(&mut ::anax_proto::Reader::new(#request.words)) }
    };
    let pattern = if names.is_empty() { quote!(_) } else { quote!((#(#names,)*)) };
    let answer = if method.is_control {
        quote! {
            match ::anax_proto::encode(&#found, #space) {
                Ok(#length) => {
                    ::anax_proto::Reply { code: 0, words: [#length as u64, 0, 0, 0, 0], length: #length }
                }
                Err(_) => ::anax_proto::Reply::failed(::anax_abi::Error::Full.code()),
            }
        }
    } else {
        quote! {{
            let mut #writer = ::anax_proto::Writer::default();
            ::anax_proto::Fixed::put(#found, &mut #writer);
            ::anax_proto::Reply { code: 0, words: #writer.finish(), length: 0 }
        }}
    };
    quote! {
        #command => {
            let Some(#pattern) = #taken else {
                return ::anax_proto::Reply::failed(::anax_abi::Error::PeerMisbehaved.code());
            };
            match self.0.#name(#(#handed),*) {
                Ok(#found) => #answer,
                Err(failure) => {
                    let code = <#failure as ::anax_proto::Failure>::code(&failure);
                    ::anax_proto::Reply::failed(if code < 0 { code } else { -1 })
                }
            }
        }
    }
}

/// A name that nothing in the trait can mean.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// `KeyValue` as `key_value`.
pub(crate) fn module_name(name: &Ident) -> Ident {
    let mut text = String::new();
    for letter in name.to_string().chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    Ident::new(&text, Span::call_site())
}

/// `set_size` as `SET_SIZE`.
pub(crate) fn constant(name: &Ident) -> Ident {
    Ident::new(&name.to_string().to_uppercase(), name.span())
}
