// Package planfile saves plans in files and reads them again, for commands. A
// saved plan contains personal data, so nobody else may read it, not even
// while it is being written. It never replaces a file of another kind. The
// engine decides whether a plan may still be applied.
package planfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// File is the place where a plan will be saved.
type File struct {
	path      string
	temporary *os.File
}

// New checks whether a plan can be saved at path, before the plan is made. The
// error is an exit.UsageError. The caller must call Discard at the end.
func New(path string) (*File, error) {
	if err := replaceable(path); err != nil {
		return nil, exit.Mistake(fmt.Errorf("save the plan: %w", err))
	}
	// A name of its own: newly created with mode 0600, and not through a
	// symbolic link.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		var of *fs.PathError // the user did not choose the name in the error
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, exit.Mistake(fmt.Errorf("save the plan: make a file in the folder %s: %w", filepath.Dir(path), err))
	}
	return &File{path: path, temporary: f}, nil
}

// replaceable says why the file at a path must stay. It returns nil if there
// is no file, an empty one, or an earlier plan.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		return fmt.Errorf("%s is a symbolic link, which is not followed: name the file itself", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file: name one that is to be made; `rollcall --output json plan AUTOMATION` prints a plan", path)
	case info.Size() == 0:
		return nil
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("see whether %s is an earlier plan: %w", path, err)
	}
	var earlier struct{ Automation, Config string }
	if json.Unmarshal(body, &earlier) != nil || earlier.Automation == "" || earlier.Config == "" {
		return fmt.Errorf("%s exists and is not a saved plan, so it stays as it is: name another file, or remove this one first", path)
	}
	return nil
}

// Save puts the whole plan in place at once. The error is an exit.UsageError
// if another file has appeared there.
func (f *File) Save(p ident.Plan) error {
	body, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	if _, err := f.temporary.Write(append(body, '\n')); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	if err := errors.Join(f.temporary.Sync(), f.temporary.Close()); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	if err := replaceable(f.path); err != nil { // somebody may have put a file there meanwhile
		return exit.Mistake(fmt.Errorf("save the plan: %w", err))
	}
	if err := os.Rename(f.temporary.Name(), f.path); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// Discard removes what was not saved.
func (f *File) Discard() {
	_ = f.temporary.Close()
	_ = os.Remove(f.temporary.Name())
}

// printed is a plan in the form of `rollcall --output json plan`, which can be
// applied as well.
type printed struct {
	ident.Plan
	RunningAgent json.RawMessage `json:"running_agent,omitempty"`
}

// Load reads a saved plan strictly: an unknown field is an error, because a
// plan is applied as it stands. The error is an exit.UsageError.
func Load(path string) (ident.Plan, error) {
	var p printed
	body, err := os.ReadFile(path)
	if err != nil {
		return p.Plan, exit.Mistake(fmt.Errorf("read the plan: %w", err))
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p.Plan, exit.Mistake(fmt.Errorf("%s is not a saved plan: %w (byte %d)", path, inWordsOfTheFile(err), dec.InputOffset()))
	}
	if p.Automation == "" || p.Config == "" {
		return p.Plan, exit.Mistake(fmt.Errorf("%s is not a saved plan: it names no automation; "+
			"`rollcall plan AUTOMATION --out FILE` makes one", path))
	}
	return p.Plan, nil
}

// inWordsOfTheFile reports a value of the wrong type with the name of its
// field and the types of JSON, because the user knows the file and not this
// code.
func inWordsOfTheFile(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	field := strings.TrimPrefix(wrong.Field, "Plan.") // an embedded struct, which is no level of its own in the file
	if field == "" {
		field = "it"
	}
	return fmt.Errorf("%s must be %s, not %s", field, wanted(wrong.Type.Kind()), found(wrong.Value))
}

// wanted returns the JSON type for a Go kind.
func wanted(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map, reflect.Pointer, reflect.Interface:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// found describes what the decoder met: a JSON type, or a number with its
// digits.
func found(value string) string {
	switch value {
	case "array", "object":
		return "an " + value
	case "bool":
		return "a boolean"
	}
	if digits, ok := strings.CutPrefix(value, "number "); ok {
		return digits
	}
	return "a " + value
}
