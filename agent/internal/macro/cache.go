package macro

import (
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// Compiled templates are kept up to so many bytes: those that come first for all
// calls of an application, as the code of a connector has the same ones each time,
// and others for one call, as it may make up a new one each time.
const (
	maxKept     = 1 << 20
	maxCompiled = 8 << 20
)

// cache keeps compiled templates. It forgets none.
type cache struct {
	most int

	mu    sync.Mutex
	size  int // about how many bytes known takes
	known map[template]*outbound.Text
}

// get returns a template; nil when it is not kept.
func (c *cache) get(key template) *outbound.Text {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[key]
}

// put keeps a template. It reports whether there is room for it.
func (c *cache) put(key template, t *outbound.Text) bool {
	size := t.Weight()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+size > c.most {
		return false
	}
	if c.known == nil {
		c.known = map[template]*outbound.Text{}
	}
	c.known[key] = t
	c.size += size
	return true
}
