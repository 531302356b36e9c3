package config

// check looks at what the types cannot tell: ranges, names, rules.
func (l *loader) check() {}
