//! What stands beside the trait: the client, and the module with the dispatcher and the table of methods.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::limits::limits;
use crate::read::{Argument, Interface, Method, is_named};

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
    let batched = interface.methods.iter().filter(|method| is_batched(method));
    let batched = batched.map(|method| batch_method(&module, method));
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

        impl<T: ::anax_proto::Transport> ::anax_proto::Client<T> for #client<T> {
            const FINGERPRINT: u64 = #module::FINGERPRINT;

            fn over(transport: T) -> Self {
                #client::over(transport)
            }
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

/// Whether a method can be asked with others: it is of fixed layout, and nothing goes beside its words.
fn is_batched(method: &Method) -> bool {
    !method.is_control && method.later.is_none() && !has_handles(method)
}

/// Whether handles go with a method's arguments or its value.
pub(crate) fn has_handles(method: &Method) -> bool {
    let types = method.arguments.iter().map(|(_, kind)| kind).chain([&method.value]);
    let mentions = |tokens: TokenStream| {
        tokens.to_string().split(|letter: char| !letter.is_alphanumeric()).any(|word| word == "Gift")
    };
    types.into_iter().any(|kind| mentions(quote!(#kind)))
}

/// The arguments of a method: those in words or bytes, and the handles beside the bytes of a `#[control]` method.
pub(crate) fn split(method: &Method) -> (Vec<&Argument>, Vec<&Argument>) {
    method.arguments.iter().partition(|(_, kind)| !(method.is_control && is_named(kind, "Gift")))
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
    let [bytes, length, request, space, writer, reply, found, words, sent, beside] =
        ["bytes", "length", "request", "space", "writer", "reply", "found", "words", "sent", "beside"]
            .map(local);
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, kind)| (name, kind)).unzip();
    let (inside, outside) = split(method);
    let inside = inside.iter().map(|(name, _)| name);
    let outside = outside.iter().map(|(name, _)| name);
    let asked = if method.is_control {
        quote! {
            let mut #bytes = [0; ::anax_proto::SPACE];
            let #length = ::anax_proto::encode(&(#(#inside,)*), &mut #bytes)?;
            let #request = ::anax_proto::Request::control(#module::#command, &#bytes[..#length]);
            let mut #beside = ::anax_proto::Beside::default();
            #(#beside.sent.push(#outside);)*
            let mut #space = [0; ::anax_proto::SPACE];
        }
    } else {
        quote! {
            let mut #writer = ::anax_proto::Writer::default();
            #(::anax_proto::Fixed::put(#names, &mut #writer);)*
            let (#words, #sent) = #writer.finish_with();
            let #request = ::anax_proto::Request::fixed(#module::#command, #words);
            let mut #beside = ::anax_proto::Beside::new(#sent, <#value as ::anax_proto::Fixed>::HANDLES);
            let mut #space = [];
        }
    };
    let answer = if method.is_control {
        quote! { ::anax_proto::decode(&#space[..#reply.length]).map_err(::core::convert::From::from) }
    } else {
        quote! {
            let #found = ::anax_proto::Fixed::take(&mut ::anax_proto::Reader::with(#reply.words, #beside.back));
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
                &mut #beside,
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
    let limits = interface.methods.iter().map(limits);
    let arms = interface.methods.iter().map(arm);
    let [caller, request, beside, space] = ["caller", "request", "beside", "space"].map(local);
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

            /// The methods, by their commands.
            pub const METHODS: &[::anax_proto::Method] = &[#(#table),*];

            /// Serves what messages ask for by calling the trait's methods.
            #[derive(Debug)]
            pub struct Serve<S>(
                /// What serves.
                pub S,
            );

            impl<S: super::#name> ::anax_proto::Dispatch for Serve<S> {
                const FINGERPRINT: u64 = FINGERPRINT;

                const METHODS: &'static [::anax_proto::Method] = METHODS;

                #[inline(always)]
                fn dispatch(
                    &mut self,
                    #caller: ::anax_proto::Caller,
                    #request: &::anax_proto::Request<'_>,
                    #beside: &mut ::anax_proto::Beside,
                    #space: &mut [u8],
                ) -> ::anax_proto::Reply {
                    let _ = (#caller, &#beside, &#space);
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

fn arm(method: &Method) -> TokenStream {
    let Method { name, failure, .. } = method;
    let command = constant(name);
    let [caller, request, beside, space, found, length, writer, words] =
        ["caller", "request", "beside", "space", "found", "length", "writer", "words"].map(local);
    let names: Vec<_> = method.arguments.iter().map(|(name, _)| name).collect();
    let mut handed: Vec<TokenStream> = names.iter().map(|name| quote!(#name)).collect();
    // In the order of their places, which count both.
    let mut others =
        [(method.caller, quote!(#caller)), (method.later, quote!(::anax_proto::Later::new(#beside.ticket)))];
    others.sort_by_key(|(place, _)| *place);
    for (place, argument) in others {
        place.into_iter().for_each(|place| handed.insert(place, argument.clone()));
    }
    let taken = taken(method, [&request, &beside]);
    let pattern = if names.is_empty() { quote!(_) } else { quote!((#(#names,)*)) };
    if method.later.is_some() {
        return quote! {
            #command => {
                if #beside.ticket == 0 {
                    return ::anax_proto::Reply::failed(::anax_abi::Error::BadCommand.code());
                }
                let #found = #taken;
                let Some(#pattern) = #found else {
                    return ::anax_proto::Reply::failed(::anax_abi::Error::PeerMisbehaved.code());
                };
                #beside.sent = ::anax_proto::Gifts::NONE;
                self.0.#name(#(#handed),*);
                ::anax_proto::Reply::LATER
            }
        };
    }
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
            let (#words, back) = #writer.finish_with();
            #beside.back = back;
            ::anax_proto::Reply { code: 0, words: #words, length: 0 }
        }}
    };
    quote! {
        #command => {
            let #found = #taken;
            let Some(#pattern) = #found else {
                return ::anax_proto::Reply::failed(::anax_abi::Error::PeerMisbehaved.code());
            };
            #beside.sent = ::anax_proto::Gifts::NONE;
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

/// The arguments, read and checked: none if the client lies. So many handles as there are arguments for have come, or the client lies.
fn taken(method: &Method, [request, beside]: [&Ident; 2]) -> TokenStream {
    let types: Vec<_> = method.arguments.iter().map(|(_, kind)| kind).collect();
    if !method.is_control {
        return quote! {
            if #beside.sent.count() != 0 #(+ <#types as ::anax_proto::Fixed>::HANDLES)* {
                None
            } else {
                <(#(#types,)*) as ::anax_proto::Fixed>::take(
                    &mut ::anax_proto::Reader::with(#request.words, #beside.sent),
                )
            }
        };
    }
    let (inside, outside) = split(method);
    let (inside_names, inside_types): (Vec<_>, Vec<_>) =
        inside.iter().map(|(name, kind)| (name, kind)).unzip();
    let outside_names = outside.iter().map(|(name, _)| name);
    let places = 0..outside.len();
    let count = outside.len();
    let names = method.arguments.iter().map(|(name, _)| name);
    quote! {
        if #beside.sent.count() != #count {
            None
        } else {
            let inside = ::anax_proto::decode::<(#(#inside_types,)*)>(#request.bytes);
            let outside: [::core::option::Option<::anax_proto::Gift>; #count] =
                [#(#beside.sent.get(#places)),*];
            match (inside, outside) {
                (Ok((#(#inside_names,)*)), [#(Some(#outside_names)),*]) => Some((#(#names,)*)),
                _ => None,
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
