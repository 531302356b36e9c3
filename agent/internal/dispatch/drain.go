package dispatch

import (
	"context"
	"time"
)

// Drain does what is due and ends, for an agent that does not stay. Delays,
// retries and deliveries to an application that is down wait for the next time.
// Its errors are those of Run.
func (d *Dispatcher) Drain(ctx context.Context) error {
	return d.run(ctx, d.drain)
}

func (d *Dispatcher) drain(ctx context.Context, run *runner) error {
	for ctx.Err() == nil {
		moved := d.advanceDue(ctx, run)
		taken := d.takeDue(ctx, run)
		if moved || taken {
			continue
		}
		run.Wait() // what ends may have made something due, or room for it
		if d.advanceDue(ctx, run) || d.takeDue(ctx, run) {
			continue
		}
		if !d.crowded() {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(d.Poll):
		}
	}
	return ctx.Err()
}

// crowded reports whether an instance was left alone only because too many steps
// of its kind were under way.
func (d *Dispatcher) crowded() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	soon := d.Now().Add(d.Poll)
	for _, until := range d.later {
		if !until.After(soon) {
			return true
		}
	}
	return false
}
