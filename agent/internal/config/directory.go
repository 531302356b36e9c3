package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Directory is the table [directory]: the Active Directory that rollcall
// maintains.
type Directory struct {
	URLs            []string      `toml:"urls"`           // ldaps:// only
	GlobalCatalog   string        `toml:"global_catalog"` // ldaps:// only; "": names are looked for in the domain alone
	BaseDN          ident.DN      `toml:"base_dn"`
	Scope           ident.Scope   `toml:"scope"` // nothing outside is ever written
	Auth            DirectoryAuth `toml:"auth"`
	BindDN          string        `toml:"bind_dn"` // a DN, user@domain or DOMAIN\user
	BindPassword    SecretRef     `toml:"bind_password"`
	CAFile          string        `toml:"ca_file"` // "": the system's certificates
	Connections     int           `toml:"connections"`
	Anchor          string        `toml:"anchor"`           // the attribute that carries ident.Anchor
	ProtectedGroups []ident.DN    `toml:"protected_groups"` // as privileged as the built-in ones
	AllowProtected  []ident.DN    `toml:"allow_protected"`
	Timeout         time.Duration `toml:"timeout"` // for one LDAP request
}

// DirectoryAuth is the way to bind.
type DirectoryAuth string

// DirectorySimple binds with a name and a password over TLS.
const DirectorySimple DirectoryAuth = "simple"

func (l *loader) checkDirectory() {
	d := &l.config.Directory
	in := path{"directory"}
	if !l.has(in) {
		l.failKey(nil, "[directory] is missing", "it names the domain controllers and what may be written")
		return
	}
	l.require(in, "urls", "base_dn", "scope", "bind_dn", "bind_password")
	if l.has(in.with("urls")) && len(d.URLs) == 0 {
		l.fail(in.with("urls"), "urls is empty", `name at least one domain controller: "ldaps://dc1.example.com"`)
	}
	for i, u := range d.URLs {
		l.checkDirectoryURL(in.with("urls").item(i), "urls", u)
	}
	l.checkCatalog(in.with("global_catalog"))
	l.checkScope(in.with("scope"))
	for i, dn := range d.ProtectedGroups {
		if dn != "" && slices.ContainsFunc(d.AllowProtected, dn.EqualFold) {
			l.fail(in.with("protected_groups").item(i), fmt.Sprintf("protected_groups holds %q, which allow_protected lifts", dn),
				"keep it in one of the two")
		}
	}
	l.inRange(in.with("connections"), d.Connections, 1, 64)
	if !attributeForm.MatchString(d.Anchor) {
		l.fail(in.with("anchor"), fmt.Sprintf("anchor is %q, which is not the name of an attribute", d.Anchor), "")
	} else {
		l.warnStrangeAttribute(in.with("anchor"), d.Anchor, l.value(in.with("anchor")))
	}
	l.notAReference(in.with("bind_dn"), d.BindDN)
	if l.has(in.with("bind_dn")) && d.BindDN == "" {
		l.fail(in.with("bind_dn"), "bind_dn is empty", `like "rollcall@example.com"`)
	}
	if d.BindDN != "" && !strings.ContainsAny(d.BindDN, `=@\`) {
		l.warnings = append(l.warnings, Warning{
			Pos: l.value(in.with("bind_dn")), Key: "directory.bind_dn",
			Message: fmt.Sprintf("bind_dn is %q, which is no user@domain, no distinguished name and no DOMAIN\\user", d.BindDN),
			Hint:    "AD takes the name of an account alone for nobody's",
		})
	}
	d.CAFile = l.relative(in.with("ca_file"), d.CAFile)
}

func (l *loader) checkCatalog(at path) {
	catalog := l.config.Directory.GlobalCatalog
	if !l.has(at) || catalog == "" {
		return
	}
	l.checkDirectoryURL(at, "global_catalog", catalog)
	if u, err := url.Parse(catalog); err == nil && (u.Port() == "636" || u.Port() == "3268") {
		l.fail(at, fmt.Sprintf("global_catalog is %q, but port %s is not that of global catalogs over TLS", catalog, u.Port()),
			fmt.Sprintf("write \"ldaps://%s:3269\"", u.Hostname()))
	}
}

// checkDirectoryURL checks a URL of the key that it is named in.
func (l *loader) checkDirectoryURL(at path, key, text string) {
	if l.failed[at.index()] {
		return
	}
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@"): // the text is not repeated: it may hold a password
		l.fail(at, key+" must not hold a user or a password", "use bind_dn and bind_password")
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		l.fail(at, fmt.Sprintf("%s holds %q, which is not a URL", key, text), `like "ldaps://dc1.example.com"`)
	case u.Scheme == "ldap":
		l.fail(at, "ldap:// is refused: passwords and people's data would cross the network in clear text", "use ldaps://"+u.Host)
	case u.Scheme != "ldaps":
		l.fail(at, fmt.Sprintf("%s holds %q; it must be ldaps://", key, text), "")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		l.fail(at, fmt.Sprintf("%s holds %q; only a host and a port may follow ldaps://", key, text), "")
	}
}

func (l *loader) checkScope(at path) {
	d := l.config.Directory
	if l.has(at) && len(d.Scope) == 0 {
		l.fail(at, "scope is empty: nothing could be written", "name the OUs that rollcall may change")
	}
	for i, dn := range d.Scope {
		if dn != "" && d.BaseDN != "" && !dn.Under(d.BaseDN) {
			l.fail(at.item(i), fmt.Sprintf("scope holds %q, which is not under base_dn %q", dn, d.BaseDN), "")
		}
	}
}

// inScope reports whether rollcall may write below dn. It reports true
// when the scope itself is wrong too: that is an error of its own.
func (d Directory) inScope(dn ident.DN) bool {
	wrong := len(d.Scope) == 0 || slices.Contains(d.Scope, "")
	return wrong || d.Scope.Takes(dn)
}

// notAReference reports a secret's reference on a field that holds no secret: it
// would never be resolved.
func (l *loader) notAReference(at path, text string) {
	if strings.HasPrefix(text, "@{") {
		l.fail(at, at.last()+" is not a secret: a reference is not resolved here", "write the value itself")
	}
}
