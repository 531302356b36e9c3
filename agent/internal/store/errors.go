package store

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// LinkTakenError reports that a key or an object is already linked to something
// else. Nothing was written.
type LinkTakenError struct {
	Wanted ident.Link
	Holder ident.Link // the link that is in the way
}

func (e *LinkTakenError) Error() string {
	return fmt.Sprintf("link %s to %s: %s is linked to %s already (by %s); remove that link first if it is wrong",
		ident.Anchor(e.Wanted.Space(), e.Wanted.Key), e.Wanted.GUID,
		ident.Anchor(e.Holder.Space(), e.Holder.Key), e.Holder.GUID, e.Holder.Maker())
}

// NotLinkedError reports that a record has no link. Nothing was written.
type NotLinkedError struct {
	Space ident.Space
	Key   ident.Key
}

func (e *NotLinkedError) Error() string {
	return fmt.Sprintf("application %s has no link for key %s", e.Space, e.Key)
}

// LeasedError reports that another run holds the lease.
type LeasedError struct {
	Name, Owner string
	Until       time.Time
}

func (e *LeasedError) Error() string {
	return fmt.Sprintf("lease %q is held by %s until %s", e.Name, e.Owner, e.Until.Format(time.RFC3339))
}

// FencedError reports that the writer no longer holds its lease. Nothing was
// written, and the writer must stop.
type FencedError struct {
	Lease Lease  // as the writer believed
	Owner string // the owner that holds it now; "" when it was released or ran out
}

func (e *FencedError) Error() string {
	if e.Owner == "" {
		return fmt.Sprintf("lease %q of %s has ended", e.Lease.Name, e.Lease.Owner)
	}
	return fmt.Sprintf("lease %q of %s was taken over by %s", e.Lease.Name, e.Lease.Owner, e.Owner)
}

// NotHeldError reports that a held operation was already decided, or was never
// held. Nothing was written.
type NotHeldError struct {
	ID     int64
	Result ident.Result // what became of it; "" when there is no operation with this ID
}

func (e *NotHeldError) Error() string {
	if e.Result == "" {
		return fmt.Sprintf("there is no held operation %d", e.ID)
	}
	return fmt.Sprintf("operation %d is not held any more: it was %s", e.ID, e.Result)
}

// UnderWayError reports that an operation is being carried out, or that it is
// not yet known whether it was. Nothing was written.
type UnderWayError struct {
	Class      ident.Class
	Name       string // the user that it is about
	Automation string
	Run        int64 // the run that carries it out, or was interrupted while it did
	InDoubt    bool  // an intent is open
	// Orchestration and Instance are those of a directory step; "" and 0 for what a
	// run does.
	Orchestration string
	Instance      int64
}

func (e *UnderWayError) Error() string {
	if e.Orchestration != "" {
		return fmt.Sprintf("whether a directory step of orchestration %s (number %d) has carried out %s of %s is not known yet: "+
			"the agent finds out by itself (`rollcall orchestrations show %d` tells more)",
			e.Orchestration, e.Instance, e.Class, e.Name, e.Instance)
	}
	if e.InDoubt {
		return fmt.Sprintf("whether run %d has carried out %s of %s is not known yet: "+
			"the next run of automation %s finds out (`rollcall apply %s`)",
			e.Run, e.Class, e.Name, e.Automation, e.Automation)
	}
	return fmt.Sprintf("%s of %s is being carried out by run %d: wait until it has ended, "+
		"and look what has become of it with `rollcall runs %d`",
		e.Class, e.Name, e.Run, e.Run)
}

// NewerSchemaError reports that a newer rollcall has written the store.
type NewerSchemaError struct {
	Path         string
	Found, Known int
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("%s has schema version %d, and this rollcall knows up to %d: use the newer rollcall that wrote it, "+
		"or restore the copy of the state folder from before the upgrade", e.Path, e.Found, e.Known)
}

// DamagedError reports that the database file is not a sound store.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged or not a rollcall store (%v): stop rollcall, keep the file aside with its -wal and -shm, "+
		"and restore a backup; without one, start with an empty state folder: the anchors in the directory bring the links back", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// errForeign is the cause within a DamagedError for the database of another
// program.
var errForeign = errors.New("it is a database of another program")

// fail adds the operation to an error and distinguishes damage from other
// failures.
func (s *Store) fail(operation string, err error) error {
	if err == nil {
		return nil
	}
	var known *DamagedError
	if errors.As(err, &known) {
		return err
	}
	var lite *sqlite.Error
	damaged := errors.Is(err, errForeign)
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff // without the extended part
		damaged = damaged || code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	if damaged {
		err = &DamagedError{Path: s.path, Err: err}
	}
	if cause := fileCause(lite); cause != nil {
		err = statedir.Explain("write the state's file", s.path, cause)
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// fileCause returns the operating system's error behind an error of SQLite about
// the file; nil for an error about anything else.
func fileCause(err *sqlite.Error) error {
	if err == nil {
		return nil
	}
	switch err.Code() {
	case sqlite3.SQLITE_IOERR_SHMSIZE: // SQLite reports a full disk like this when the first file to grow is the -shm
		return statedir.ErrFull
	}
	switch err.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return statedir.ErrFull
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the disk or its file system failed (%s)", err.Error())
	case sqlite3.SQLITE_READONLY:
		return statedir.ErrReadOnly
	case sqlite3.SQLITE_BUSY:
		return statedir.ErrBusy
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w (%s)", fs.ErrPermission, err.Error())
	}
	return nil
}

// NoInstanceError reports that there is no such instance.
type NoInstanceError struct{ ID int64 }

func (e *NoInstanceError) Error() string {
	return fmt.Sprintf("there is no orchestration with the number %d, or retention has removed it: "+
		"`rollcall orchestrations` lists those that there are", e.ID)
}

// InstanceStateError reports that an instance cannot be changed like this as it
// stands. Nothing was written.
type InstanceStateError struct {
	ID     int64
	Status InstanceStatus
	Wanted string // cancel, resume, replay
	Next   string
}

func (e *InstanceStateError) Error() string {
	return fmt.Sprintf("cannot %s orchestration %d, which is %s: %s", e.Wanted, e.ID, e.Status, e.Next)
}

// NoDeliveryError reports that there is no such delivery.
type NoDeliveryError struct{ ID int64 }

func (e *NoDeliveryError) Error() string {
	return fmt.Sprintf("there is no delivery %d, or retention has removed it: `rollcall queue list` lists those that there are", e.ID)
}

// DeliveryStateError reports that a delivery cannot be changed like this as it
// stands. Nothing was written.
type DeliveryStateError struct {
	ID     int64
	State  DeliveryState
	Wanted string // retry, drop, cancel, ...
}

func (e *DeliveryStateError) Error() string {
	next := map[DeliveryState]string{
		DeliverySending: "wait until its attempt has ended (see `rollcall queue show`), then try again",
		DeliveryQueued:  "it is sent as soon as its turn comes",
		DeliveryDone:    "nothing is left to do",
		DeliveryDropped: "`rollcall orchestrations replay` does the whole again",
	}[e.State]
	return joinNonEmpty(fmt.Sprintf("cannot %s delivery %d, which is %s", e.Wanted, e.ID, e.State), next)
}
