//! Addresses that cards have from the beginning, by the boot archive's word: lines such as `net0 10.0.0.2/24`.

use core::net::IpAddr;

use anax_inet::control::Configuration;
use smoltcp::wire::IpCidr;

/// How a card comes by its addresses: it has the one that the text says, or asks by DHCP.
#[must_use]
pub fn configuration(text: &str, card: &str) -> Configuration {
    let own = text.lines().find_map(|line| own(line.strip_prefix(card)?));
    Configuration { dhcp: own.is_none(), v6: true, own, ..Configuration::default() }
}

/// The address behind a card's name.
fn own(rest: &str) -> Option<IpCidr> {
    let (address, length) = rest.strip_prefix(' ')?.trim().split_once('/')?;
    let (address, length) = (address.parse::<IpAddr>().ok()?, length.parse().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (length <= most).then(|| IpCidr::new(address.into(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_of_that_name() {
        let text = "net0 10.0.0.2/24\nnet1 fd00::2/64\nnet10 10.0.1.2/33\n";
        let is = |card, own: Option<&str>| {
            let own = own.map(|own| own.parse::<IpAddr>().unwrap()).map(Into::into);
            let found = configuration(text, card);
            assert_eq!((found.own.map(|own| own.address()), found.dhcp), (own, own.is_none()), "{card}");
        };
        is("net0", Some("10.0.0.2"));
        is("net1", Some("fd00::2"));
        is("net10", None);
        is("net2", None);
        is("net", None);
    }
}
