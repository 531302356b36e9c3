package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// catalog records the state of each file in the modules folder, and which
// version serves under each name. It reads no files.
type catalog struct {
	mu      sync.Mutex
	files   map[string]*entry   // by path
	serving map[string]*version // by the name in the manifest
	alive   map[*version]bool   // accepted and not yet retired
}

// entry is one file. The version serving from it may be older than its content.
type entry struct {
	stamp    stamp    // of the content that was judged
	module   Module   // as last read from the file
	state    State    // Waiting or Refused; "" when it was accepted
	reason   string   // for the state
	accepted *version // the file's content, when it was accepted
	conflict string   // why it does not serve although it was accepted
}

func newCatalog() *catalog {
	return &catalog{files: map[string]*entry{}, serving: map[string]*version{}, alive: map[*version]bool{}}
}

// serves returns the version that serves under a name; nil for none.
func (c *catalog) serves(name string) *version {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.serving[name]
}

// accept makes a file's content a candidate for its name. settle lets it serve.
func (c *catalog) accept(path string, s stamp, m Module, v *version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[path] = &entry{stamp: s, module: m, accepted: v}
	c.alive[v] = true
}

// refuse records why a file's content is not used. The version that served from
// this file goes on serving.
func (c *catalog) refuse(path string, s stamp, m Module, reason string) {
	c.mark(path, s, m, Refused, reason)
}

// wait records what a file is waiting for.
func (c *catalog) wait(path string, s stamp, m Module, reason string) {
	c.mark(path, s, m, Waiting, reason)
}

func (c *catalog) mark(path string, s stamp, m Module, state State, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.File = path
	c.files[path] = &entry{stamp: s, module: m, state: state, reason: reason}
}

// reject refuses a version that was accepted, but could not be compiled.
func (c *catalog) reject(v *version, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.files[v.module.File]; ok && e.accepted == v {
		e.accepted, e.state, e.reason = nil, Refused, reason
	}
	if name := v.module.Manifest.Name; c.serving[name] == v {
		delete(c.serving, name)
	}
}

// forget drops a file that was removed.
func (c *catalog) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.files, path)
}

// current returns the version now serving from a file, if it was made from the
// same bytes; nil otherwise.
func (c *catalog) current(path, sha string) *version {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.serving {
		if v.module.File == path && v.module.SHA256 == sha {
			return v
		}
	}
	return nil
}

// settle decides which versions serve from now on, and returns those that are
// no longer needed. A name stays with the file that serves under it already.
// Otherwise it goes to the only file that claims it, and to none if several do.
func (c *catalog) settle() (retired []*version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A file that changes its name frees the old one for others, so repeat.
	for range len(c.files) + 1 {
		if !c.pass() {
			break
		}
	}
	used := map[*version]bool{}
	for _, v := range c.serving {
		used[v] = true
	}
	for _, e := range c.files {
		used[e.accepted] = true
	}
	for v := range c.alive {
		if !used[v] {
			delete(c.alive, v)
			retired = append(retired, v)
		}
	}
	return retired
}

// pass settles each name once and reports whether anything changed.
func (c *catalog) pass() bool {
	claims, changed := c.claims(), false
	for name, v := range c.serving {
		e, there := c.files[v.module.File]
		renamed := there && e.accepted != nil && e.accepted.module.Manifest.Name != name &&
			c.serving[e.accepted.module.Manifest.Name] == e.accepted
		if !there || renamed {
			delete(c.serving, name)
			changed = true
		}
	}
	for name, paths := range claims {
		holder, held := c.serving[name]
		winner, conflict := "", ""
		switch {
		case held && slices.Contains(paths, holder.module.File):
			winner = holder.module.File
			conflict = fmt.Sprintf("connector %q serves from %s already: remove that file first", name, winner)
		case held:
			conflict = fmt.Sprintf("connector %q serves from %s already: remove that file first", name, holder.module.File)
		case len(paths) == 1:
			winner = paths[0]
		default:
			conflict = fmt.Sprintf("several files say that they are connector %q: %s", name, strings.Join(paths, ", "))
		}
		for _, path := range paths {
			e := c.files[path]
			if e.conflict = conflict; path != winner {
				continue
			}
			if e.conflict = ""; c.serving[name] != e.accepted {
				c.serving[name] = e.accepted
				changed = true
			}
		}
	}
	return changed
}

// claims lists the paths of the files that claim each name.
func (c *catalog) claims() map[string][]string {
	claims := map[string][]string{}
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		if e := c.files[path]; e.accepted != nil {
			name := e.accepted.module.Manifest.Name
			claims[name] = append(claims[name], path)
		}
	}
	return claims
}

// list returns the state of each file, by path.
func (c *catalog) list() []Module {
	c.mu.Lock()
	defer c.mu.Unlock()
	modules := make([]Module, 0, len(c.files))
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		modules = append(modules, c.describe(path))
	}
	return modules
}

// module returns the state of one file, and false when the file is unknown.
func (c *catalog) module(path string) (Module, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[path] == nil {
		return Module{}, false
	}
	return c.describe(path), true
}

func (c *catalog) describe(path string) Module {
	e := c.files[path]
	m := e.module
	m.State, m.Reason = e.state, e.reason
	switch {
	case e.state != "":
	case e.conflict != "":
		m.State, m.Reason = Refused, e.conflict
	default:
		m.State = Serving
		return m
	}
	for _, v := range c.serving {
		if v.module.File == path {
			m.Before = v.module.Manifest.Version
		}
	}
	return m
}

// stamps returns the stamps of the files that were judged.
func (c *catalog) stamps() map[string]stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]stamp{}
	for path, e := range c.files {
		all[path] = e.stamp
	}
	return all
}

// versions returns the versions that serve.
func (c *catalog) versions() []*version {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.serving))
}
