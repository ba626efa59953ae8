//! Which addresses belong to hosts on the public Internet. All others are where this machine can go
//! and a client of ours cannot: itself, its network, the metadata of its cloud.
//!
//! What IANA's registries of special-purpose addresses list is not public, even the few entries that
//! are reachable from everywhere: nobody's photos are there. No address that carries another inside is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IANA IPv4 Special-Purpose Address Registry, multicast (RFC 5771), and one address of a cloud.
const SPECIAL_V4: [(Ipv4Addr, u32); 20] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),          // "this network", RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),         // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),      // shared by a carrier's customers, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8),        // loopback, RFC 1122
    (Ipv4Addr::new(168, 63, 129, 16), 32),   // Azure's own, for each of its machines
    (Ipv4Addr::new(169, 254, 0, 0), 16),     // link-local, RFC 3927: metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),      // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),       // IETF protocols, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),       // documentation, RFC 5737
    (Ipv4Addr::new(192, 31, 196, 0), 24),    // AS112, RFC 7535
    (Ipv4Addr::new(192, 52, 193, 0), 24),    // AMT, RFC 7450
    (Ipv4Addr::new(192, 88, 99, 0), 24),     // 6to4 relays, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),     // private, RFC 1918
    (Ipv4Addr::new(192, 175, 48, 0), 24),    // AS112, RFC 7534
    (Ipv4Addr::new(198, 18, 0, 0), 15),      // benchmarking, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24),    // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),     // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),        // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4),        // reserved, RFC 1112
    (Ipv4Addr::new(255, 255, 255, 255), 32), // broadcast, RFC 919
];

/// What has been given out for hosts (RFC 4291, section 2.4, and IANA's IPv6 address space). Outside
/// of it are loopback, unspecified, IPv4-mapped and -compatible, NAT64, discard-only, unique local,
/// link-local, site-local, segment routing and multicast.
const GLOBAL_V6: (Ipv6Addr, u32) = (v6(0x2000, 0, 0), 3);

/// The entries of the IANA IPv6 Special-Purpose Address Registry within [`GLOBAL_V6`].
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    (v6(0x2001, 0, 0), 23), // IETF protocols, Teredo, benchmarking, ORCHID: RFC 2928
    (v6(0x2001, 0xdb8, 0), 32), // documentation, RFC 3849
    (v6(0x2002, 0, 0), 16), // 6to4, which carries an IPv4 address: RFC 3056
    (v6(0x2620, 0x4f, 0x8000), 48), // AS112, RFC 7534
    (v6(0x3fff, 0, 0), 20), // documentation, RFC 9637
];

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// Whether `address` is one of a host on the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|&(network, length)| {
            (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
        }),
        IpAddr::V6(address) => {
            let is_in = |&(network, length): &(Ipv6Addr, u32)| {
                (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
            };
            is_in(&GLOBAL_V6) && !SPECIAL_V6.iter().any(is_in)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First and last of each range, or some within.
    const SPECIAL: &str = "
        0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.0 100.100.100.200
        100.127.255.255 127.0.0.0 127.0.0.1 127.255.255.255 168.63.129.16 169.254.0.0
        169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.9
        192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.255 192.31.196.1 192.52.193.1 192.88.99.1
        192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.0
        203.0.113.255 224.0.0.0 224.0.0.251 239.255.255.255 240.0.0.0 255.255.255.254
        255.255.255.255

        :: ::1 ::2 ::7f00:1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8
        ::ffff:169.254.169.254 ::ffff:0:8.8.8.8 64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::1
        64:ff9b:1:fffe::a00:1 100:: 100::1 100:0:0:1::1 5f00::1 fc00:: fc00::1 fd00:ec2::254
        fd20:ce::254 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80:: fe80::1 febf::1 fec0::1 feff::1
        ff00:: ff02::1 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1::1 1fff:ffff::1 4000::1
        8000::1 e000::1

        2001:: 2001::1 2001:0:7f00:1::1 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:20::1
        2001:30::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1 2002:: 2002:7f00:1::1
        2002:808:808::1 2002:ffff::1 2620:4f:8000::1 3fff::1 3fff:fff:ffff::1";

    /// The neighbours of those ranges, and hosts.
    const PUBLIC: &str = "
        1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
        128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
        191.255.255.255 192.0.1.0 192.0.3.0 192.31.195.255 192.52.194.0 192.88.98.255
        192.167.255.255 192.169.0.0 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255
        198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255

        2000::1 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1 2600:1f18::1
        2606:4700:4700::1111 2620:4f:7fff::1 2620:4f:8001::1 2a00:1450:4001::1 3ffe::1 3fff:1000::1";

    #[test]
    fn special_addresses_are_not_public_and_their_neighbours_are() {
        for (addresses, expected) in [(SPECIAL, false), (PUBLIC, true)] {
            for address in addresses.split_whitespace() {
                assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
            }
        }
    }
}
