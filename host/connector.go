package host

import (
	"context"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector is a name that the host can call. Each call uses the version that
// serves under the name when the call begins, and keeps it to the end. A
// Connector is safe for concurrent use: no two calls use an instance at the same
// time, and only invokes of the same application use one after each other.
type Connector struct {
	host     *Host
	module   Module   // as first found; in a bound Connector, the version of the call
	version  *version // in a bound Connector only, as compiled
	compiled wazero.CompiledModule
}

// Manifest returns the manifest of the version that serves now, or of the last
// known one when none does.
func (c *Connector) Manifest() abi.Manifest {
	if v := c.host.catalog.serves(c.module.Manifest.Name); v != nil {
		return v.module.Manifest
	}
	return c.module.Manifest
}

// Prepare compiles the connector, which takes seconds when no compiled form is
// in the cache. A call does this by itself if it was not done before.
func (c *Connector) Prepare(ctx context.Context) error {
	_, release, err := c.pin(ctx)
	if err != nil {
		return err
	}
	release()
	return nil
}

// pin returns the connector bound to the version that serves now. The version
// lives at least until release is called.
func (c *Connector) pin(ctx context.Context) (bound *Connector, release func(), err error) {
	name := c.module.Manifest.Name
	for {
		v := c.host.catalog.serves(name)
		if v == nil {
			return nil, nil, c.host.missing(name)
		}
		if err := v.prepare(ctx); err != nil {
			return nil, nil, err
		}
		compiled, ok := v.take()
		if ok {
			return &Connector{host: c.host, module: v.module, version: v, compiled: compiled}, func() { v.release(ctx) }, nil
		}
		// It was replaced just now: the next one serves already.
	}
}
