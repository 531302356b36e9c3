package dispatch

import "context"

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
		if !d.occupied.crowded() {
			return nil
		}
	}
	return ctx.Err()
}
