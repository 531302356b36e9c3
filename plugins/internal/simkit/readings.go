package simkit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Reading is a question that the vendor's documentation leaves open, and the
// answers that a simulator can give. A client must cope with each.
type Reading struct {
	Name     string   `json:"name"`
	Question string   `json:"question"`
	Values   []string `json:"values"` // the first one is the default
}

// Default returns the value that holds when nothing is chosen.
func (r Reading) Default() string { return r.Values[0] }

// Readings holds the answers in force.
type Readings struct {
	known []Reading

	mu     sync.RWMutex
	values map[string]string
}

// NewReadings returns the defaults, changed by chosen. A choice that does not
// exist is an error.
func NewReadings(known []Reading, chosen map[string]string) (*Readings, error) {
	r := &Readings{known: known}
	if err := r.Reset(chosen); err != nil {
		return nil, err
	}
	return r, nil
}

// Reset restores the defaults, changed by chosen.
func (r *Readings) Reset(chosen map[string]string) error {
	values := map[string]string{}
	for _, one := range r.known {
		values[one.Name] = one.Default()
	}
	for name, value := range chosen {
		if err := r.Check(name, value); err != nil {
			return err
		}
	}
	maps.Copy(values, chosen)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values = values
	return nil
}

// Check returns an error unless the named reading has that value.
func (r *Readings) Check(name, value string) error {
	i := slices.IndexFunc(r.known, func(one Reading) bool { return one.Name == name })
	if i < 0 {
		return fmt.Errorf("unknown reading %q", name)
	}
	if !slices.Contains(r.known[i].Values, value) {
		return fmt.Errorf("reading %s: must be one of %s, not %q", name, strings.Join(r.known[i].Values, ", "), value)
	}
	return nil
}

// Set changes one answer.
func (r *Readings) Set(name, value string) error {
	if err := r.Check(name, value); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values[name] = value
	return nil
}

// Get returns the answer in force.
func (r *Readings) Get(name string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.values[name]
}

// Is reports whether a given answer is in force.
func (r *Readings) Is(name, value string) bool { return r.Get(name) == value }

// Flag returns a function that reads name=value pairs of a repeated flag into
// chosen.
func Flag(chosen map[string]string) func(string) error {
	return func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("must have the form name=value")
		}
		chosen[name] = value
		return nil
	}
}
