//! Why packets were dropped, by name, and how often.

/// Declares the reasons, all of them, and their names.
macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why a packet is dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Drop {
            $($(#[$doc])* $reason,)*
        }

        impl Drop {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$reason,)*];

            /// As it is shown.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// Less than the header, or than what a header says.
    Short = "short",
    /// Not the version that the link says, or a header's length that can't be.
    Header = "header",
    /// The sum of an IPv4 header is wrong.
    HeaderSum = "header-sum",
    /// The sum of TCP, UDP or ICMP is wrong, or is missing where there has to be one.
    TransportSum = "transport-sum",
    /// An option's length is none, or it is to be discarded with such an option.
    Option = "option",
    /// A route that the sender wants.
    SourceRoute = "source-route",
    /// Extension headers that are too many, in the wrong place, or do not end.
    Chain = "header-chain",
    /// A source that nobody has.
    Source = "source",
    /// Our own address as the source (LAND among others).
    Spoofed = "spoofed",
    /// Not for this host.
    NotOurs = "not-ours",
    /// To another machine's address on the link.
    LinkAddress = "link-address",
    /// A fragment in the middle that is not a multiple of 8 bytes, or is empty.
    FragmentLength = "fragment-length",
    /// A fragment that ends beyond what a packet can hold (ping of death).
    FragmentBeyond = "fragment-beyond",
    /// A first fragment that hides the transport's header (RFC 1858, 3128, 7112).
    FragmentTiny = "fragment-tiny",
    /// A fragment that overlaps what has come (RFC 5722; teardrop among others), and all others of its packet.
    FragmentOverlap = "fragment-overlap",
    /// A fragment that has come already.
    FragmentDuplicate = "fragment-duplicate",
    /// Fragments in more pieces than are kept apart.
    FragmentPieces = "fragment-pieces",
    /// A packet that had to go for another's fragments.
    FragmentEvicted = "fragment-evicted",
    /// A packet whose fragments did not come in time.
    FragmentLate = "fragment-late",
    /// UDP whose length is none.
    Udp = "udp-length",
    /// TCP whose header's length is none.
    Tcp = "tcp-header",
    /// ARP that is not about Ethernet and IPv4, or is no sense.
    Arp = "arp",
    /// Neighbour discovery that RFC 4861 wants dropped.
    Discovery = "discovery",
    /// ICMP that is no sense.
    Icmp = "icmp",
    /// An error about something that was never sent.
    IcmpForged = "icmp-forged",
    /// A protocol of the link that nobody has.
    Unknown = "unknown",
}

/// How often each.
#[derive(Clone, Debug)]
pub struct Counters([u64; Drop::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Drop::ALL.len()])
    }
}

impl Counters {
    /// One more.
    pub fn count(&mut self, why: Drop) {
        self.0[why as usize] += 1;
    }

    /// How many.
    #[must_use]
    pub const fn of(&self, why: Drop) -> u64 {
        self.0[why as usize]
    }

    /// Those that are not 0, by name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Drop::ALL.iter().map(|why| (why.name(), self.of(*why))).filter(|(_, count)| *count > 0)
    }
}
