package config

import "slices"

// NamedSecret is a secret that the configuration refers to.
type NamedSecret struct {
	Key string // "[directory] bind_password"
	Ref SecretRef
}

// NamedSecrets lists every secret that the agent needs, with its place.
// Applications that are not enabled need none.
func (c *Config) NamedSecrets() []NamedSecret {
	all := []NamedSecret{
		{"[secrets] master_key", c.Secrets.MasterKey},
		{"[directory] bind_password", c.Directory.BindPassword},
		{"[mail] password", c.Mail.Password},
	}
	for _, name := range sortedKeys(c.Applications) {
		a := c.Applications[name]
		if !a.Enabled {
			continue
		}
		section := "[applications." + name + "] "
		all = append(all,
			NamedSecret{section + "client_secret", a.ClientSecret}, NamedSecret{section + "password", a.Password},
			NamedSecret{section + "api_key", a.APIKey}, NamedSecret{section + "token", a.Token},
			NamedSecret{section + "proxy_password", a.ProxyPassword})
		if a.Receiver.Enabled {
			section := "[applications." + name + ".receiver] "
			all = append(all, NamedSecret{section + "password", a.Receiver.Password}, NamedSecret{section + "secret", a.Receiver.Secret})
		}
		for _, key := range sortedKeys(a.Secrets) {
			all = append(all, NamedSecret{"[applications." + name + ".secrets] " + key, a.Secrets[key]})
		}
	}
	return slices.DeleteFunc(all, func(s NamedSecret) bool { return s.Ref.IsZero() })
}
