package config

// The keys that the documentation describes and this version refuses, each with
// what to do instead; "" when there is nothing to suggest.

func (Agent) unavailable() map[string]string {
	return map[string]string{"web_config": "let a proxy in front of a loopback address do TLS"}
}

func (Store) unavailable() map[string]string {
	return map[string]string{"url": "the state is kept in SQLite in state_dir"}
}

func (Directory) unavailable() map[string]string {
	return map[string]string{"discover": "list the domain controllers in urls"}
}

func (Automation) unavailable() map[string]string {
	return map[string]string{"directory": ""}
}

func (Missing) unavailable() map[string]string {
	return map[string]string{"delete_after": "", "create_groups": ""}
}
