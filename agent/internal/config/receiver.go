package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// Receiver is the table [receiver]: where applications send their changes to.
type Receiver struct {
	Listen     string        `toml:"listen"` // host:port; "" does not listen
	URL        string        `toml:"url"`    // by which applications reach it
	TLS        ReceiverTLS   `toml:"tls"`
	MaxBodyKiB int           `toml:"max_body_kib"`
	MaxAge     time.Duration `toml:"max_age"` // older deliveries are refused
}

// ReceiverTLS is the key receiver.tls. Without a certificate the receiver speaks
// plain HTTP, to a reverse proxy on this machine.
type ReceiverTLS struct {
	CertFile string `toml:"cert_file"`
	KeyFile  string `toml:"key_file"`
}

// ApplicationReceiver is the table [applications.NAME.receiver]. The connector's
// manifest says which of the secrets it takes.
type ApplicationReceiver struct {
	Enabled  bool      `toml:"enabled"`
	Username string    `toml:"username"`
	Password SecretRef `toml:"password"`
	Secret   SecretRef `toml:"secret"`
}

// ReceiverAddress returns the URL to which an application sends its changes, path
// being what its connector appends; "" when [receiver] has no url.
func (c *Config) ReceiverAddress(application, path string) string {
	if c.Receiver.URL == "" {
		return ""
	}
	return strings.TrimRight(c.Receiver.URL, "/") + "/" + application + path
}

func (r *Receiver) setDefaults() { *r = Receiver{MaxBodyKiB: 256, MaxAge: time.Hour} }

func (l *loader) checkReceiver() {
	r, in := &l.config.Receiver, path{"receiver"}
	r.TLS.CertFile = l.relative(in.with("tls").with("cert_file"), r.TLS.CertFile)
	r.TLS.KeyFile = l.relative(in.with("tls").with("key_file"), r.TLS.KeyFile)
	for key, has := range map[string]bool{"cert_file": r.TLS.KeyFile != "", "key_file": r.TLS.CertFile != ""} {
		if has && !l.has(in.with("tls").with(key)) {
			l.failKey(in.with("tls"), key+" is missing in receiver.tls", "a certificate needs its key, and the key its certificate")
		}
	}
	l.checkURL(in.with("url"), r.URL)
	l.inRange(in.with("max_body_kib"), r.MaxBodyKiB, 1, 16384)
	if r.MaxAge < 5*time.Minute || r.MaxAge > 24*time.Hour {
		l.fail(in.with("max_age"), fmt.Sprintf("max_age is %s; it must be from 5m to 24h", orchestration.Spell(r.MaxAge)),
			"applications repeat what did not arrive for some minutes")
	}
	if r.Listen != "" {
		l.checkReceiverListens(in, *r)
	}
	l.warnReceivers()
}

// checkReceiverListens requires TLS unless only this machine can connect.
func (l *loader) checkReceiverListens(in path, r Receiver) {
	host, port, err := net.SplitHostPort(r.Listen)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 && port != "0" {
		l.fail(in.with("listen"), fmt.Sprintf("listen is %q; it must be an address and a port", r.Listen),
			`like "0.0.0.0:8443", or "127.0.0.1:9481" behind a reverse proxy`)
		return
	}
	if r.TLS.CertFile == "" && !loopback(host) {
		l.fail(in.with("listen"), fmt.Sprintf("listen is %q without receiver.tls: passwords would travel in clear text", r.Listen),
			"set cert_file and key_file of receiver.tls, or listen on a loopback address behind a reverse proxy that does TLS")
	}
	if !l.has(in.with("url")) {
		l.failKey(in.with("listen"), "listen needs url", `the address that applications are to call, like "https://rollcall.example.com"`)
	}
	if u, err := url.Parse(r.URL); err == nil && r.TLS.CertFile != "" && u.Scheme == "http" {
		l.fail(in.with("url"), fmt.Sprintf("url is %q, and the receiver has a certificate", r.URL), "write https://")
	}
}

// warnReceivers warns of receivers that nothing can reach.
func (l *loader) warnReceivers() {
	any := false
	for _, name := range sortedKeys(l.config.Applications) {
		a := l.config.Applications[name]
		if !a.Receiver.Enabled {
			continue
		}
		any = any || a.Enabled
		at := path{"applications", name, "receiver"}
		switch {
		case !a.Enabled:
			l.warnKey(at, fmt.Sprintf("the receiver of application %q takes nothing: the application is not enabled", name), "")
		case l.config.Receiver.Listen == "":
			l.warnKey(at, fmt.Sprintf("the receiver of application %q takes nothing: [receiver] does not listen", name), "set listen in [receiver]")
		}
	}
	if l.config.Receiver.Listen != "" && !any {
		l.warnKey(path{"receiver"}, "the receiver takes nothing: no application has receiver.enabled",
			"set enabled in [applications.NAME.receiver]")
	}
}

// checkApplicationReceiver checks what needs no manifest: package fit knows which
// of the secrets the connector takes.
func (l *loader) checkApplicationReceiver(in path, r ApplicationReceiver) {
	l.notAReference(in.with("username"), r.Username)
	if strings.Contains(r.Username, ":") {
		l.fail(in.with("username"), "username must not have a colon in it", "HTTP Basic separates the password with one")
	}
	l.checkSecrets(in, map[string]SecretRef{"password": r.Password, "secret": r.Secret})
	if l.has(in.with("password")) && l.has(in.with("secret")) {
		l.failKey(in.with("secret"), "secret and password are both set", "a connector takes one of them: `rollcall connectors NAME` says which")
	}
	if l.has(in.with("username")) && l.has(in.with("secret")) {
		l.failKey(in.with("username"), "username goes with password, not with secret", "")
	}
}
