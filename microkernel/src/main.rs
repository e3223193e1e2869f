//! Placeholder of the skeleton commit; filled next.
fn main() {}
