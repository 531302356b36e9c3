package engine

import (
	"context"
	"fmt"
	"sync"
)

// gates keep runs of single users from pushing away whole runs. A run of single
// users is short and holds its automation's gate until it ends; any other run
// passes the gate while it takes the lease. Without that, a scheduled run would
// find the lease taken, and be left out. Who waits longest goes first.
type gates struct {
	mu sync.Mutex
	by map[string]chan struct{} // holds one token while the gate is free
}

func newGates() *gates { return &gates{by: map[string]chan struct{}{}} }

// enter waits for the gate of an automation and returns how to leave it.
func (g *gates) enter(ctx context.Context, automation string) (leave func(), err error) {
	g.mu.Lock()
	gate, known := g.by[automation]
	if !known {
		gate = make(chan struct{}, 1)
		gate <- struct{}{}
		g.by[automation] = gate
	}
	g.mu.Unlock()
	select {
	case <-gate:
		return func() { gate <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait until the run of single users of automation %s has ended: %w", automation, context.Cause(ctx))
	}
}
