package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// planFile is where a plan is going to be saved. It holds the data of people:
// nobody else may read it, not even while it is being written, and it never
// takes the place of a file of another kind.
type planFile struct {
	path      string
	temporary *os.File
}

// newPlanFile finds out whether a plan can be saved there, before the plan is
// made. Whoever calls it calls discard in the end.
func newPlanFile(path string) (*planFile, error) {
	if err := replaceable(path); err != nil {
		return nil, &usageError{fmt.Errorf("save the plan: %w", err)}
	}
	// A name that nobody else has: made anew, with mode 0600, and not through a
	// symbolic link.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		var of *fs.PathError // the name is none that anybody gave
		if errors.As(err, &of) {
			err = of.Err
		}
		return nil, &usageError{fmt.Errorf("save the plan: make a file in the folder %s: %w", filepath.Dir(path), err)}
	}
	return &planFile{path: path, temporary: f}, nil
}

// replaceable says why what is at a path must stay; nil when nothing is there,
// an empty file, or an earlier plan.
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

// save puts the whole plan there at once.
func (f *planFile) save(p ident.Plan) error {
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
	if err := replaceable(f.path); err != nil { // somebody may have put something there meanwhile
		return &usageError{fmt.Errorf("save the plan: %w", err)}
	}
	if err := os.Rename(f.temporary.Name(), f.path); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// discard removes what was not saved.
func (f *planFile) discard() {
	_ = f.temporary.Close()
	_ = os.Remove(f.temporary.Name())
}

// loadPlan reads a saved plan strictly: a misspelled or foreign field is an
// error, because a plan is applied as it stands.
func loadPlan(path string) (ident.Plan, error) {
	var p planAnswer // as --output json prints it
	body, err := os.ReadFile(path)
	if err != nil {
		return p.Plan, &usageError{fmt.Errorf("read the plan: %w", err)}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p.Plan, &usageError{fmt.Errorf("%s is not a saved plan: %w (byte %d)", path, err, dec.InputOffset())}
	}
	if p.Automation == "" || p.Config == "" {
		return p.Plan, &usageError{fmt.Errorf("%s is not a saved plan: it names no automation; `rollcall plan AUTOMATION --out FILE` makes one", path)}
	}
	return p.Plan, nil
}
