//! A client of visitor-count: adds its arguments, and prints the total.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use visitor_count::VisitorCountClient;

#[anax::main]
fn main() -> Result<(), anax::Error> {
    let mut server: VisitorCountClient<_> = anax::client("visitor-count")?;
    anax::arguments().iter().flat_map(|word| word.parse()).try_for_each(|amount| server.add(amount))?;
    anax::println!("{}", server.total()?);
    Ok(())
}
