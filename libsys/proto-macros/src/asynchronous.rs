//! The client for tasks: the same methods, each a future.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::read::{Interface, Method};
use crate::write::{constant, has_handles, local, module_name};

/// `CountersAsync` for `Counters`.
pub(crate) fn client(interface: &Interface) -> TokenStream {
    let (visibility, name) = (&interface.item.vis, &interface.item.ident);
    let client = format_ident!("{name}Async");
    let about =
        format!("Asks a server of [`{name}`] by messages, from tasks: many questions may be under way.");
    let module = module_name(name);
    // Handles go by the blocking client alone.
    let methods = interface.methods.iter().filter(|method| !has_handles(method));
    let methods = methods.map(|method| client_method(&module, method));
    quote! {
        #[doc = #about]
        #[derive(Clone, Debug)]
        #[allow(dead_code, reason = "a program has tasks or it has not")]
        #visibility struct #client<T> {
            transport: T,
        }

        #[allow(dead_code, unreachable_pub, reason = "as visible as the client, which not every program uses")]
        impl<T: ::anax_proto::AsyncTransport> #client<T> {
            /// By that way, which is connected.
            #[must_use]
            #visibility const fn over(transport: T) -> Self {
                Self { transport }
            }

            /// The way to the server.
            #[must_use]
            #visibility const fn transport(&self) -> &T {
                &self.transport
            }

            #(#methods)*
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
        quote! { ::anax_proto::decode(&#space[..#reply.length]).map_err(::core::convert::From::from) }
    } else {
        quote! {
            let #found = ::anax_proto::Fixed::take(&mut ::anax_proto::Reader::new(#reply.words));
            #found.ok_or_else(|| ::anax_abi::Error::PeerMisbehaved.into())
        }
    };
    quote! {
        #(#attributes)*
        pub async fn #name(&self, #(#names: #types),*) -> ::core::result::Result<#value, #failure> {
            #asked
            let #reply = ::anax_proto::ask_async(
                &self.transport,
                (#module::FINGERPRINT, #is_idempotent),
                &#request,
                &mut #space,
            )
            .await?;
            if #reply.code < 0 {
                return Err(<#failure as ::anax_proto::Failure>::from_code(#reply.code));
            }
            #answer
        }
    }
}
