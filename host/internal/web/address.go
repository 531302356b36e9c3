package web

import (
	"net/netip"
	"strings"
)

// special lists the address blocks outside the public internet that netip does
// not know, from the IANA registries of special-purpose addresses (RFC 6890).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64 of a local network
	netip.MustParsePrefix("100::/64"),        // discarded
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("3fff::/20"),       // documentation
	netip.MustParsePrefix("5f00::/16"),       // segment routing
	netip.MustParsePrefix("fec0::/10"),       // site-local
}

// carriers lists the blocks whose addresses contain an IPv4 address that they
// lead to.
var carriers = []struct {
	block netip.Prefix
	at    int // the byte at which the IPv4 address begins
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
}

// private reports whether an address is outside the public internet.
func private(ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return true
	}
	for _, block := range special {
		if block.Contains(ip) {
			return true
		}
	}
	for _, c := range carriers {
		if c.block.Contains(ip) {
			b := ip.As16()
			return private(netip.AddrFrom4([4]byte(b[c.at : c.at+4])))
		}
	}
	return false
}

// localDomains lists domains that are never delegated in the public DNS.
var localDomains = []string{"localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "corp", "home"}

// local reports whether the name alone shows that a host is outside the public
// internet. It does not ask the DNS, because a proxy may see another answer.
func local(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return private(ip)
	}
	if !strings.Contains(host, ".") {
		return true
	}
	for _, d := range localDomains {
		if strings.HasSuffix(host, "."+d) {
			return true
		}
	}
	return false
}
