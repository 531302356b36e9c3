package config

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Directory is [directory]: the Active Directory that is kept.
type Directory struct {
	URLs           []string      `toml:"urls"` // ldaps:// only
	BaseDN         ident.DN      `toml:"base_dn"`
	Scope          []ident.DN    `toml:"scope"` // nothing outside is ever written
	Auth           DirectoryAuth `toml:"auth"`
	BindDN         string        `toml:"bind_dn"` // a DN, user@domain or DOMAIN\user
	BindPassword   SecretRef     `toml:"bind_password"`
	CAFile         string        `toml:"ca_file"` // "": the system's certificates
	Connections    int           `toml:"connections"`
	Anchor         string        `toml:"anchor"` // the attribute that carries "application:key"
	AllowProtected []ident.DN    `toml:"allow_protected"`
	Timeout        time.Duration `toml:"timeout"` // of one LDAP request
}

// DirectoryAuth is the way to bind.
type DirectoryAuth string

// The ways to bind.
const DirectorySimple DirectoryAuth = "simple"
