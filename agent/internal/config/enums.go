package config

// The allowed values of each kind of word, and those that the documentation
// describes and this version refuses.

func (LogLevel) values() (now, later []string) {
	return []string{"debug", "info", "warn", "error"}, nil
}

func (LogFormat) values() (now, later []string) { return []string{"text", "json"}, nil }

func (DirectoryAuth) values() (now, later []string) {
	return []string{"simple"}, []string{"gssapi"}
}

func (Auth) values() (now, later []string) {
	return []string{"oauth2", "basic", "api_key", "bearer", "session"}, nil
}

func (Method) values() (now, later []string) { return []string{"GET", "POST"}, nil }

func (Mode) values() (now, later []string) { return []string{"full", "changes"}, nil }

func (RepeatStyle) values() (now, later []string) {
	return []string{"none", "cursor", "offset", "page", "next_url", "link_header"}, nil
}

func (Category) values() (now, later []string) {
	return []string{"create", "update", "lifecycle", "disable", "delete", "audit"}, nil
}

func (Unique) values() (now, later []string) {
	return []string{"none", "container", "domain", "forest"}, nil
}

func (Suffix) values() (now, later []string) { return []string{"number"}, nil }

func (OnMissing) values() (now, later []string) {
	return []string{"keep", "clear", "default", "fail"}, nil
}

func (Absent) values() (now, later []string) { return []string{"clear"}, nil }

func (Merge) values() (now, later []string) { return []string{"replace", "add"}, nil }

func (Authority) values() (now, later []string) {
	return []string{"application", "directory"}, nil
}

func (Encoding) values() (now, later []string) { return []string{"base64"}, nil }

func (Action) values() (now, later []string) {
	return []string{"create", "update", "lifecycle"},
		[]string{"enable", "disable", "move", "groups", "delete", "audit"}
}

func (AdoptMode) values() (now, later []string) { return []string{"review", "auto", "never"}, nil }

func (MissingAction) values() (now, later []string) {
	return []string{"keep", "disable"}, []string{"delete"}
}

func (Approval) values() (now, later []string) {
	return []string{"never", "over_limit", "always"}, nil
}

func (Owns) values() (now, later []string) { return []string{"account"}, []string{"attributes"} }
