package compiler

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	spare    = 8         // unused compiled modules that are kept, for a return to an older version
	leftover = time.Hour // after this, a file cannot belong to work in progress in another process
)

// Sweep removes everything that the modules with the given keys do not need:
// compiled forms of other versions of the agent, the least recently used ones,
// and leftovers of a crash.
func (c *Cache) Sweep(needed []string) error {
	keep := map[string]bool{}
	for _, key := range needed {
		keep[key+noteSuffix] = true
	}
	return errors.Join(c.sweepFolders(), c.sweepNotes(keep), c.sweepOrphans())
}

func (c *Cache) sweepFolders() error {
	entries, err := os.ReadDir(c.dir)
	var errs []error
	for _, e := range entries {
		old := strings.HasPrefix(e.Name(), "wazero-") && e.Name() != c.version
		if old || strings.HasPrefix(e.Name(), buildTag) && aged(e) {
			errs = append(errs, os.RemoveAll(filepath.Join(c.dir, e.Name())))
		}
	}
	return errors.Join(append(errs, err)...)
}

// sweepNotes keeps the needed notes and the few most recently used.
func (c *Cache) sweepNotes(keep map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(c.dir, c.version))
	if err != nil {
		return err
	}
	type note struct {
		name string
		used time.Time
	}
	var idle []note
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), noteSuffix) && !keep[e.Name()] && aged(e) {
			idle = append(idle, note{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(idle, func(a, b note) int { return b.used.Compare(a.used) })
	var errs []error
	for _, n := range idle[min(spare, len(idle)):] {
		if file, _, err := readNote(c.path(n.name)); err == nil {
			errs = append(errs, remove(c.path(file)))
		}
		errs = append(errs, remove(c.path(n.name)))
	}
	return errors.Join(errs...)
}

// sweepOrphans removes files that no note mentions, except new ones, whose note
// may follow.
func (c *Cache) sweepOrphans() error {
	entries, err := os.ReadDir(filepath.Join(c.dir, c.version))
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, e := range entries {
		if file, _, err := readNote(c.path(e.Name())); err == nil && strings.HasSuffix(e.Name(), noteSuffix) {
			known[file], known[e.Name()] = true, true
		}
	}
	var errs []error
	for _, e := range entries {
		if !known[e.Name()] && aged(e) {
			errs = append(errs, remove(c.path(e.Name())))
		}
	}
	return errors.Join(errs...)
}

func aged(e os.DirEntry) bool {
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > leftover
}
