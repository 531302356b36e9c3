package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Lease is the right to run one automation. Its fence rises with each holder, so
// that a late write of an earlier holder is recognised and refused.
type Lease struct {
	Name  string
	Owner string
	Fence int64
	Until time.Time
}

// AcquireLease takes a lease for ttl. It returns a *LeasedError while the lease
// is taken, even by the same owner: two runs of one automation in one process
// exclude each other too.
func (s *Store) AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (Lease, error) {
	var lease Lease
	err := s.write(ctx, "acquire lease", func(tx *sql.Tx) error {
		if name == "" || owner == "" {
			return errors.New("a lease needs a name and an owner")
		}
		current, err := readLease(ctx, tx, name)
		if err != nil {
			return err
		}
		now := s.now().UTC()
		if current.Owner != "" && now.Before(current.Until) {
			return &LeasedError{Name: name, Owner: current.Owner, Until: current.Until}
		}
		lease = Lease{Name: name, Owner: owner, Fence: current.Fence + 1, Until: now.Add(ttl)}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO leases (name, owner, fence, until) VALUES (?, ?, ?, ?)`,
			lease.Name, lease.Owner, lease.Fence, stamp(lease.Until))
		return err
	})
	if err != nil {
		return Lease{}, err
	}
	return lease, nil
}

// RenewLease extends a lease to ttl from now and returns it with its new end. It
// also renews a lease that has run out, unless another holder took it: then it
// returns a *FencedError.
func (s *Store) RenewLease(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error) {
	until := s.now().UTC().Add(ttl)
	err := s.write(ctx, "renew lease", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE leases SET until = ? WHERE name = ?`, stamp(until), lease.Name)
		return err
	})
	if err != nil {
		return lease, err
	}
	lease.Until = until
	return lease, nil
}

// ReleaseLease gives a lease back. It returns a *FencedError when the lease was
// already lost.
func (s *Store) ReleaseLease(ctx context.Context, lease Lease) error {
	return s.write(ctx, "release lease", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE leases SET owner = '' WHERE name = ?`, lease.Name)
		return err
	})
}

// BreakLeases ends all leases. Only a process that has just taken the lock of
// the state folder may call it: then every holder is known to be dead.
func (s *Store) BreakLeases(ctx context.Context) error {
	return s.exec(ctx, "break leases", `UPDATE leases SET owner = ''`)
}

// readLease returns the zero Lease for a name that was never leased.
func readLease(ctx context.Context, tx *sql.Tx, name string) (Lease, error) {
	lease, until := Lease{Name: name}, int64(0)
	err := tx.QueryRowContext(ctx, `SELECT owner, fence, until FROM leases WHERE name = ?`, name).Scan(&lease.Owner, &lease.Fence, &until)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	lease.Until = moment(until)
	return lease, err
}

// checkFence refuses a writer whose lease was released or taken over. A lease
// that has merely run out does not count: what was done in time must be
// recorded.
func checkFence(ctx context.Context, tx *sql.Tx, lease Lease) error {
	current, err := readLease(ctx, tx, lease.Name)
	if err != nil {
		return fmt.Errorf("check lease: %w", err)
	}
	if current.Fence != lease.Fence || current.Owner != lease.Owner || current.Owner == "" {
		return &FencedError{Lease: lease, Owner: current.Owner}
	}
	return nil
}

// checkLive is checkFence for writes that are yet to happen: the lease must
// still be running.
func (s *Store) checkLive(ctx context.Context, tx *sql.Tx, lease Lease) error {
	if err := checkFence(ctx, tx, lease); err != nil {
		return err
	}
	current, err := readLease(ctx, tx, lease.Name)
	if err != nil {
		return err
	}
	if !s.now().Before(current.Until) {
		return &FencedError{Lease: lease}
	}
	return nil
}
