package host

// UsePlain has the version that serves now compiled from other bytes than those
// that were made of its file, so that a benchmark can leave the checks out. It
// must not have been compiled yet.
func (c *Connector) UsePlain(wasm []byte) {
	v := c.host.catalog.serves(c.module.Manifest.Name)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wasm = wasm
}
