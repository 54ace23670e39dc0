//! `#[crore::main]` and `#[crore::test]`: an `async fn` that runs inside a runtime.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, ItemFn, Token, parse_macro_input};

/// `name = value` pairs between the attribute's parentheses.
struct Arguments(Vec<(Ident, Expr)>);

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Arguments> {
        let pair = |input: ParseStream<'_>| {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            Ok((name, input.parse()?))
        };
        let pairs = Punctuated::<_, Token![,]>::parse_terminated_with(input, pair)?;
        Ok(Arguments(pairs.into_iter().collect()))
    }
}

impl Arguments {
    /// The arguments as calls or fields, each rendered by `render`; a name that is not in `known` is an error at its place.
    fn render(&self, known: &[&str], render: impl Fn(&Ident, &Expr) -> Tokens) -> syn::Result<Vec<Tokens>> {
        let one = |(name, value): &(Ident, Expr)| match known.contains(&name.to_string().as_str()) {
            true => Ok(render(name, value)),
            false => Err(Error::new(name.span(), format!("unknown argument `{name}`: known are {}", known.join(", ")))),
        };
        self.0.iter().map(one).collect()
    }
}

fn checked(function: &ItemFn) -> syn::Result<()> {
    if function.sig.asyncness.is_none() {
        return Err(Error::new_spanned(function.sig.fn_token, "this must be an `async fn`"));
    }
    if !function.sig.inputs.is_empty() {
        return Err(Error::new_spanned(&function.sig.inputs, "this function takes no arguments"));
    }
    Ok(())
}

/// The path of the runtime crate: inside the workspace's own crates it is `crore_rt`, for everybody else `crore`.
fn runtime_path() -> Tokens {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    if package == "crore-rt" && std::env::var("CARGO_CRATE_NAME").is_ok_and(|name| name == "crore_rt") {
        quote!(crate)
    } else if package.starts_with("crore-") {
        quote!(::crore_rt)
    } else {
        quote!(::crore)
    }
}

/// Runs an `async fn main` on a runtime: one worker for each processor, the best I/O model of this system.
///
/// `#[crore::main(workers = 4, driver = "epoll", pin = false)]` sets what `Runtime::builder()` would.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand_main(&arguments, &function).unwrap_or_else(Error::into_compile_error).into()
}

fn expand_main(arguments: &Arguments, function: &ItemFn) -> syn::Result<Tokens> {
    checked(function)?;
    let settings = arguments.render(&["workers", "driver", "pin"], |name, value| quote!(.#name(#value)))?;
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, output, runtime) = (&sig.ident, &sig.output, runtime_path());
    Ok(quote! {
        #(#attrs)*
        #vis fn #name() #output {
            let runtime = #runtime::Runtime::builder() #(#settings)* .build();
            let runtime = runtime.unwrap_or_else(|error| panic!("the runtime could not be built: {error}"));
            runtime.block_on(async #block)
        }
    })
}

/// Runs an `async fn` as a test inside a simulated world: virtual time, a network inside the process, all from one seed.
///
/// `#[crore::test(seeds = 200, workers = 4)]` runs it in two hundred worlds of four cores. A failing seed is printed;
/// the environment variable `CRORE_SEED` replays it, `CRORE_SEEDS` tries another number of them.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand_test(&arguments, &function).unwrap_or_else(Error::into_compile_error).into()
}

fn expand_test(arguments: &Arguments, function: &ItemFn) -> syn::Result<Tokens> {
    checked(function)?;
    let settings = arguments.render(&["seeds", "workers"], |name, value| quote!(.#name(#value)))?;
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, runtime) = (&sig.ident, runtime_path());
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() {
            #runtime::sim::run(#runtime::sim::Worlds::default() #(#settings)*, || async #block);
        }
    })
}
