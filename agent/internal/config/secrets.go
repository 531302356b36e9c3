package config

import "slices"

// NamedSecret is a secret that the configuration refers to.
type NamedSecret struct {
	Key string // "[directory] bind_password"
	Ref SecretRef
	// Receiver says that everybody who can reach the receiver may guess it.
	Receiver bool
}

// NamedSecrets lists every secret that the agent needs, with its place.
// Applications that are not enabled need none.
func (c *Config) NamedSecrets() []NamedSecret {
	all := []NamedSecret{
		{Key: "[secrets] master_key", Ref: c.Secrets.MasterKey},
		{Key: "[directory] bind_password", Ref: c.Directory.BindPassword},
		{Key: "[mail] password", Ref: c.Mail.Password},
	}
	for _, name := range sortedKeys(c.Applications) {
		a := c.Applications[name]
		if !a.Enabled {
			continue
		}
		section := "[applications." + name + "] "
		all = append(all,
			NamedSecret{Key: section + "client_secret", Ref: a.ClientSecret}, NamedSecret{Key: section + "password", Ref: a.Password},
			NamedSecret{Key: section + "api_key", Ref: a.APIKey}, NamedSecret{Key: section + "token", Ref: a.Token},
			NamedSecret{Key: section + "proxy_password", Ref: a.ProxyPassword})
		if a.Receiver.Enabled {
			section := "[applications." + name + ".receiver] "
			all = append(all, NamedSecret{Key: section + "password", Ref: a.Receiver.Password, Receiver: true},
				NamedSecret{Key: section + "secret", Ref: a.Receiver.Secret, Receiver: true})
		}
		for _, key := range sortedKeys(a.Secrets) {
			all = append(all, NamedSecret{Key: "[applications." + name + ".secrets] " + key, Ref: a.Secrets[key]})
		}
	}
	return slices.DeleteFunc(all, func(s NamedSecret) bool { return s.Ref.IsZero() })
}
