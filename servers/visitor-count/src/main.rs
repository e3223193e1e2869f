//! Two programs in one file, which know by their names who they are: the server visitor-count; and visitor-count-client, which adds its arguments and
//! prints the total.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use visitor_count::{Server, VisitorCountClient, visitor_count::Serve};

#[anax::main]
fn main() -> Result<(), anax::Error> {
    match anax::name() {
        "visitor-count" => anax::serve(&mut Serve(Server::default())),
        _ => client(),
    }
}

fn client() -> Result<(), anax::Error> {
    let mut server: VisitorCountClient<_> = anax::client("visitor-count")?;
    anax::arguments().iter().flat_map(|word| word.parse()).try_for_each(|amount| server.add(amount))?;
    anax::println!("{}", server.total()?);
    Ok(())
}
