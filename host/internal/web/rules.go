// Package web sends the requests of connectors: only to allowed hosts, each
// hop of a redirect checked again, with credentials that the connector never
// sees and that do not cross hosts. It does not retry, and does not know
// WebAssembly.
package web

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Rules say where requests may go.
type Rules struct{ entries []entry }

type entry struct {
	host       string // lower case; without "*." where wild is set
	wild       bool
	port       string // "": the default port of https, or any port of a loopback address
	configured bool   // named by the administrator, not by the manifest
}

// NewRules takes the hosts of a manifest, and the hosts ("name", "name:port",
// "*.domain") and URLs that the configuration names.
func NewRules(manifest, configured, urls []string) (Rules, error) {
	var r Rules
	for _, h := range manifest {
		if err := abi.CheckHost(h); err != nil {
			return Rules{}, fmt.Errorf("manifest: %w", err)
		}
		r.add(h, "", false)
	}
	for _, h := range configured {
		host, port := h, ""
		if name, p, err := net.SplitHostPort(h); err == nil {
			host, port = name, p
		}
		r.add(host, port, true)
	}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			return Rules{}, fmt.Errorf("%q is not an absolute URL", text)
		}
		r.add(u.Hostname(), portOf(u), true)
	}
	return r, nil
}

func (r *Rules) add(host, port string, configured bool) {
	name, wild := strings.CutPrefix(strings.ToLower(host), "*.")
	r.entries = append(r.entries, entry{host: name, wild: wild, port: port, configured: configured})
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// Check reports why a URL may not be requested; nil when it may. configured
// tells whether the administrator named its host.
func (r Rules) Check(u *url.URL) (configured bool, err error) {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return false, fmt.Errorf("scheme %q is not https", u.Scheme)
	case u.User != nil:
		return false, fmt.Errorf("the URL holds a user name")
	case host == "":
		return false, fmt.Errorf("the URL has no host")
	}
	matched := false
	for _, e := range r.entries {
		if e.matches(host, portOf(u)) {
			matched, configured = true, configured || e.configured
		}
	}
	switch {
	case !matched:
		return false, fmt.Errorf("host %s is not one that the connector's manifest or the configuration names", u.Host)
	case u.Scheme == "http" && (!configured || !abi.Loopback(host)):
		return false, fmt.Errorf("plain http to %s: only loopback addresses that the configuration names may be asked without TLS", u.Host)
	}
	return configured, nil
}

func (e entry) matches(host, port string) bool {
	if e.port == "" {
		if port != "443" && (!e.configured || !abi.Loopback(host)) {
			return false
		}
	} else if e.port != port {
		return false
	}
	if e.wild {
		return strings.HasSuffix(host, "."+e.host)
	}
	return host == e.host
}

// private reports whether an address is not one of the public internet.
func private(address string) bool {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return true
	}
	ip := ap.Addr().Unmap()
	return !ip.IsGlobalUnicast() || ip.IsPrivate() || sharedSpace.Contains(ip)
}

// sharedSpace is carrier-grade NAT (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
