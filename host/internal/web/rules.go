// Package web sends the requests of connectors. It sends them only to allowed
// hosts and checks each hop of a redirect again. It adds credentials that the
// connector never sees and that do not cross hosts, and it keeps to the
// application's limits. It does not retry, and knows nothing of WebAssembly.
package web

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Rules say where requests may go.
type Rules struct{ entries []entry }

type entry struct {
	host   string // lower case; without "*." where wild is set
	wild   bool
	port   string // "": the default port of https, or any port of a configured loopback address
	origin origin
}

// origin says where a host was named.
type origin int

const (
	byManifest origin = iota
	byHosts           // hosts in the configuration
	byURL             // a base URL in the configuration
)

// place is what the rules say about an allowed URL.
type place struct {
	configured bool // the administrator named the host: its addresses may be private
	secrets    bool // placeholders are replaced in requests to it
}

// NewRules returns the rules for the manifest's hosts and for the hosts
// ("name", "name:port", "*.domain") and base URLs in the configuration.
func NewRules(manifest, configured, urls []string) (Rules, error) {
	var r Rules
	for _, h := range manifest {
		if err := abi.CheckHost(h); err != nil {
			return Rules{}, fmt.Errorf("manifest: %w", err)
		}
		r.add(h, "", byManifest)
	}
	for _, h := range configured {
		host, port := strings.Trim(h, "[]"), ""
		if name, p, err := net.SplitHostPort(h); err == nil {
			host, port = name, p
		}
		if err := plainHost(strings.TrimPrefix(host, "*.")); err != nil {
			return Rules{}, fmt.Errorf("host %q of the configuration: %w", h, err)
		}
		r.add(host, port, byHosts)
	}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			return Rules{}, errors.New("the base URL is not an absolute URL")
		}
		if err := plainHost(u.Hostname()); err != nil {
			return Rules{}, fmt.Errorf("base URL: %w", err)
		}
		r.add(u.Hostname(), portOf(u), byURL)
	}
	return r, nil
}

func (r *Rules) add(host, port string, from origin) {
	name, wild := strings.CutPrefix(strings.ToLower(host), "*.")
	r.entries = append(r.entries, entry{host: name, wild: wild, port: port, origin: from})
}

// Check returns why a URL may not be requested; nil when it may.
func (r Rules) Check(u *url.URL) error {
	_, err := r.check(u)
	return err
}

// equal reports whether two sets of rules are the same.
func (r Rules) equal(o Rules) bool { return slices.Equal(r.entries, o.entries) }

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// check returns the place of a URL, or why it may not be requested.
func (r Rules) check(u *url.URL) (place, error) {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return place{}, fmt.Errorf("scheme %q is not https", u.Scheme)
	case u.User != nil:
		return place{}, errors.New("the URL holds a user name")
	case host == "" || u.Opaque != "":
		return place{}, errors.New("the URL has no host")
	}
	if err := plainHost(u.Hostname()); err != nil { // checked as given, because only so is a secret in it recognized
		return place{}, err
	}
	var at place
	matched := false
	for _, e := range r.entries {
		if e.matches(host, portOf(u)) {
			matched = true
			at.configured = at.configured || e.origin != byManifest
			at.secrets = at.secrets || e.origin != byHosts
		}
	}
	switch {
	case !matched:
		return place{}, fmt.Errorf("host %s is not one that the connector's manifest or the configuration names", u.Host)
	case u.Scheme == "http" && (!at.configured || !abi.Loopback(host)):
		return place{}, fmt.Errorf("plain http to %s: only loopback addresses that the configuration names may be asked without TLS", u.Host)
	case !at.configured && local(host):
		return place{}, fmt.Errorf("host %s is not one of the public internet, and the configuration does not name it", u.Host)
	}
	return at, nil
}

func (e entry) matches(host, port string) bool {
	if e.port == "" {
		if port != "443" && (e.origin == byManifest || !abi.Loopback(host)) {
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

// plainHost returns an error unless the host is an ASCII name or an address in
// its usual form. Resolvers and URL libraries interpret other forms in
// different ways, so those are refused.
func plainHost(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	for label := range strings.SplitSeq(strings.ToLower(host), ".") {
		if label == "" {
			return fmt.Errorf("host %q has an empty label", host)
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return fmt.Errorf("host %q is not a plain name: other letters are written in their ASCII form (xn--)", host)
			}
		}
	}
	if numeric(strings.ToLower(host)) {
		return fmt.Errorf("host %q is an address in an unusual form", host)
	}
	return nil
}

// numeric reports whether some resolvers would read a name as an IPv4 address:
// 2130706433, 0x7f.1, 0177.0.0.1.
func numeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	hex, ok := strings.CutPrefix(last, "0x")
	if ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}
