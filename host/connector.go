package host

import (
	"context"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector is a name that the host answers to: each call goes to the version
// that serves under the name when it begins, and ends on that one. It is safe
// for concurrent use: each call has an instance of its own.
type Connector struct {
	host     *Host
	module   Module                // when it was found; of a call, what the call runs on
	compiled wazero.CompiledModule // of a call
}

// Manifest describes the version that serves now, or the last one known when
// none does.
func (c *Connector) Manifest() abi.Manifest {
	if v := c.host.catalog.serves(c.module.Manifest.Name); v != nil {
		return v.module.Manifest
	}
	return c.module.Manifest
}

// Prepare compiles the connector, which takes seconds when no compiled form is
// in the cache. Calls do it where it has not been done.
func (c *Connector) Prepare(ctx context.Context) error {
	_, release, err := c.pin(ctx)
	if err != nil {
		return err
	}
	release()
	return nil
}

// pin returns the connector bound to the version that serves now. release ends
// the use; the version lives at least until then.
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
			return &Connector{host: c.host, module: v.module, compiled: compiled}, func() { v.release(ctx) }, nil
		}
		// It was replaced just now: the next one serves already.
	}
}
