package oauth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// FileLocks are locks on files in a folder. The system releases such a lock when
// its holder dies, and never before. A holder that stalls before it uses its
// refresh token keeps all others from using it. A lease in the store would end
// while its holder stalls, and its fence could refuse only the late write, not
// the late request.
type FileLocks struct {
	Dir  string        // made 0700, files in it 0600
	Wait time.Duration // the longest wait for another holder; 0: a minute
}

var _ Locker = FileLocks{}

const defaultWait = time.Minute

// Lock implements Locker.
func (f FileLocks) Lock(ctx context.Context, name string) (func(), error) {
	wait := f.Wait
	if wait == 0 {
		wait = defaultWait
	}
	within, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of locks: %w", err)
	}
	lock := flock.New(filepath.Join(f.Dir, name+".lock"), flock.SetPermissions(0o600))
	ok, err := lock.TryLockContext(within, 20*time.Millisecond)
	switch {
	case ok:
		return func() { _ = lock.Unlock() }, nil // ignore the error: nothing can be done about it
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("another process has held %s for %s: is it stopped?", lock.Path(), wait)
	}
	return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
}
