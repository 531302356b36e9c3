package config

import (
	"cmp"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// loader collects what Load has found out so far.
type loader struct {
	config   *Config
	files    []string
	places   map[string]place
	errs     Errors
	failed   map[string]bool // values that have an error
	warnings []Warning
	compiled map[string]*orchestration.Orchestration // as far as the configuration knows them
	texts    []string                                // of all expressions and templates

	leftovers []leftover // lines that are still marked CHANGE
}

func (l *loader) decodeConfig(tree map[string]any) {
	l.decode(tree, reflect.ValueOf(l.config).Elem(), nil)
}

// fail reports an error at a value, unless one has been reported there: a value
// of the wrong type breaks other rules too.
func (l *loader) fail(at path, message, hint string) {
	if l.failed[at.index()] {
		return
	}
	l.failed[at.index()] = true
	l.errs = append(l.errs, Error{Pos: l.value(at), Key: at.String(), Message: message, Hint: hint})
}

// failKey reports an error at a key.
func (l *loader) failKey(at path, message, hint string) {
	l.errs = append(l.errs, Error{Pos: l.key(at), Key: at.String(), Message: message, Hint: hint})
}

// failExpression reports an error in an expression, at its own place within the
// value.
func (l *loader) failExpression(at path, err error) {
	e := Error{Pos: l.value(at), Key: at.String(), Message: err.Error()}
	var wrong *expr.Error
	if errors.As(err, &wrong) {
		e.Pos, e.Message, e.Hint = wrong.Pos, wrong.Message, wrong.Hint
	}
	l.errs = append(l.errs, e)
}

func (l *loader) warnKey(at path, message, hint string) {
	l.warnings = append(l.warnings, Warning{Pos: l.key(at), Key: at.String(), Message: message, Hint: hint})
}

func (l *loader) sortedWarnings() []Warning {
	l.warnings = slices.DeleteFunc(l.warnings, func(w Warning) bool { // no warning about what is already an error
		return slices.ContainsFunc(l.errs, func(e Error) bool { return e.Pos == w.Pos })
	})
	slices.SortStableFunc(l.warnings, func(a, b Warning) int {
		return cmp.Or(comparePos(a.Pos, b.Pos), strings.Compare(a.Key, b.Key), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(l.warnings) // automations that share a data source give the same warning
}

// has reports whether a file sets the key.
func (l *loader) has(at path) bool {
	_, ok := l.places[at.index()]
	return ok
}

// key returns the place of a key, or of the nearest table around it.
func (l *loader) key(at path) Pos {
	for ; len(at) > 0; at = at[:len(at)-1] {
		if p, ok := l.places[at.index()]; ok {
			return p.key
		}
	}
	return fileStart(l.files[0])
}

// value returns the place of a value's content, or of the nearest table around
// it.
func (l *loader) value(at path) Pos {
	if p, ok := l.places[at.index()]; ok {
		return p.value
	}
	return l.key(at)
}

// relative resolves a path against the folder of the file that sets the key.
func (l *loader) relative(at path, name string) string {
	if name == "" || filepath.IsAbs(name) || !l.has(at) {
		return name
	}
	return filepath.Join(filepath.Dir(l.value(at).File), name)
}
