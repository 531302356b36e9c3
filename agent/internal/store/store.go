// Package store keeps what must survive a crash: links, runs and their outcomes,
// intents, the journal, leases, the local image of the directory, the records
// that a running fetch has staged, orchestrations with the outbox of what they
// send, receipts of what applications sent by themselves, and encrypted secrets.
//
// It is one SQLite file with one writer. Every method that writes is one
// transaction, on disk when it returns. The package decides nothing: it refuses
// only what would break its own rules (a key linked twice, a writer that has
// lost its lease, a held operation decided twice, a delivery before an earlier
// one about the same object). It is not a cache, it sends nothing, and it does not
// encrypt: secrets are encrypted before they get here.
//
// All methods are safe for concurrent use. A callback of one of the Each methods
// may call the store. A callback of UpdateMirror must only use the transaction
// that it receives.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// FileName is the name of the database file within the state folder.
const FileName = "rollcall.db"

const (
	busyTimeout = 10 * time.Second
	// readers is how many reads can be in progress at once. A plan takes two of them for
	// as long as it lasts.
	readers = 6
)

// Store is the open state of one agent.
type Store struct {
	path        string
	staging     string // the file of staged records
	now         func() time.Time
	log         *slog.Logger
	writer      *sql.DB // one connection; its transactions begin IMMEDIATE
	reader      *sql.DB
	stmts       statements
	entryReader // of the mirror as it is now

	prepared prepared // of the writer
	sizes    stagedSizes
	most     int64  // bytes that one run may stage; 0: no limit
	due      func() // of WithDue; nil: nobody asked
}

// Option changes how a store is opened.
type Option func(*Store)

// WithClock sets the clock. The default is time.Now.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// WithLogger sets where warnings go. Without it they are dropped.
func WithLogger(log *slog.Logger) Option { return func(s *Store) { s.log = log } }

// WithStagingLimit limits what one run may stage, in bytes of the file.
func WithStagingLimit(bytes int64) Option { return func(s *Store) { s.most = bytes } }

// WithDue sets what is called after each write by which an instance or a delivery
// may have become due: one that begins, or that a person has decided about. What
// AdvanceInstances and SettleDeliveries write is not among them: who calls these
// knows. It must return at once.
func WithDue(due func()) Option { return func(s *Store) { s.due = due } }

// Open opens the store in the folder dir, and creates both when they are absent
// (0700 and 0600). It brings an older schema up to date and drops staged records
// that a crash left behind. Only one process may have the store open: the caller
// holds the lock of the state folder.
//
// It returns a *DamagedError when the file is not a sound store, and a
// *NewerSchemaError when a newer rollcall wrote it.
func Open(ctx context.Context, dir string, opts ...Option) (*Store, error) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	s := &Store{
		path: filepath.Join(dir, FileName), staging: filepath.Join(dir, stagingFile), now: time.Now, log: slog.New(slog.DiscardHandler),
	}
	for _, o := range opts {
		o(s)
	}
	if err := s.prepareFiles(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.connect(ctx); err != nil {
		_ = s.Close() // report the first error
		return nil, s.fail("open store", err)
	}
	return s, nil
}

func (s *Store) prepareFiles(dir string) error {
	if err := statedir.Make(dir); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		s.log.Warn("the state folder is open to other users", "folder", dir, "permissions", info.Mode().Perm().String(), "next", "make it 0700")
	}
	if err := usable(s.path, os.O_CREATE); err != nil {
		return err
	}
	if err := s.removeStaging(); err != nil {
		return err
	}
	if err := usable(s.staging, os.O_CREATE); err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} { // SQLite does not say which one it cannot open
		if err := usable(s.path+suffix, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Chmod(s.path, 0o600)
}

// usable opens a file in the same way as SQLite will, before SQLite does:
// closing the file later would release SQLite's locks.
func usable(path string, flags int) error {
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0o600)
	if err == nil {
		err = f.Close()
	}
	return statedir.Explain("open the state's file", path, err)
}

func (s *Store) connect(ctx context.Context) error {
	var err error
	withStaging()
	if s.writer, err = sql.Open("sqlite", s.dsn("_txlock=immediate", stagingMake+"=1")); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	err = migrate(ctx, s.writer, migrations())
	var newer *NewerSchemaError
	if errors.As(err, &newer) {
		newer.Path = s.path
	}
	if err != nil {
		return err
	}
	if err := refold(ctx, s.writer); err != nil {
		return err
	}
	if err := s.shrink(ctx); err != nil {
		return err
	}
	if s.reader, err = sql.Open("sqlite", s.dsn("_pragma=query_only(1)")); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	s.entryReader = entryReader{db: s.reader, stmts: &s.stmts, fail: s.fail}
	return s.stmts.prepare(ctx, s.reader)
}

// absolute returns the path of a file in a form that does not depend on the
// working directory of the process.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

func (s *Store) dsn(extra ...string) string {
	path := absolute(s.path)
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/... on Windows
	}
	u := url.URL{Scheme: "file", Path: path}
	u.RawQuery = fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
		"&_pragma=secure_delete(1)&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)&_pragma=temp_store(MEMORY)&%s=%s&%s",
		busyTimeout.Milliseconds(), stagingPath, url.QueryEscape(absolute(s.staging)), strings.Join(extra, "&"))
	return u.String()
}

// Close closes all connections. The store must not be used afterwards.
func (s *Store) Close() error {
	var first error
	for _, db := range []*sql.DB{s.reader, s.writer} { // the writer last: it merges the WAL into the file
		if db == nil {
			continue
		}
		if err := db.Close(); err != nil && first == nil {
			first = err
		}
	}
	if err := s.removeStaging(); first == nil {
		first = err
	}
	if first != nil {
		return fmt.Errorf("close store: %w", first)
	}
	return nil
}

// Size returns the bytes that the store takes on disk, including its write-ahead
// logs and the staged records.
func (s *Store) Size(context.Context) (int64, error) {
	var sum int64
	for _, name := range []string{s.path, s.path + "-wal", s.staging, s.staging + "-wal"} {
		info, err := os.Stat(name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("size of the store: %w", err)
		}
		sum += info.Size()
	}
	return sum, nil
}

// write runs do in one transaction of the writer.
func (s *Store) write(ctx context.Context, operation string, do func(*sql.Tx) error) error {
	s.prepared.prepare(ctx, s.writer)
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(operation, err)
	}
	defer func() { _ = tx.Rollback() }() // has no effect after the commit
	if err := do(tx); err != nil {
		return s.fail(operation, err)
	}
	return s.fail(operation, tx.Commit())
}

// writeDue is write for what may make an instance or a delivery due.
func (s *Store) writeDue(ctx context.Context, operation string, do func(*sql.Tx) error) error {
	err := s.write(ctx, operation, do)
	if err == nil && s.due != nil {
		s.due()
	}
	return err
}

// exec is write for a single statement.
func (s *Store) exec(ctx context.Context, operation, query string, args ...any) error {
	return s.write(ctx, operation, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// statements holds the reads that a run makes for each record, and the dispatcher
// all the time.
type statements struct {
	linkByKey, linkByGUID, linksOf         *sql.Stmt
	entryByGUID, entryByDN, childrenByName *sql.Stmt
	entriesByValue, entriesByLongValue     *sql.Stmt
	dueInstances                           *sql.Stmt
}

func (p *statements) prepare(ctx context.Context, db *sql.DB) error {
	for _, q := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&p.linkByKey, selectLinks + ` WHERE application = ? AND kind = ? AND key = ?`},
		{&p.linkByGUID, selectLinks + ` WHERE application = ? AND kind = ? AND guid = ?`},
		{&p.linksOf, selectLinks + ` WHERE guid = ? ORDER BY application, kind`},
		{&p.dueInstances, selectInstances + dueInstances},
		{&p.entryByGUID, selectEntries + ` WHERE m.guid = ?` + orderEntries},
		{&p.entryByDN, selectEntries + ` WHERE m.folded = ? AND m.stale = 0` + orderEntries},
		{&p.childrenByName, selectEntries + ` WHERE m.parent_folded = ? AND m.name_folded = ? AND m.stale = 0` + orderEntries},
		{&p.entriesByValue, selectEntries + ` WHERE m.id IN (SELECT entry FROM mirror_values WHERE attribute = ? AND folded = ?)` + orderEntries},
		{
			&p.entriesByLongValue,
			selectEntries + ` WHERE m.id IN (SELECT entry FROM mirror_values WHERE attribute = ? AND folded IS NULL)` + orderEntries,
		},
	} {
		var err error
		if *q.stmt, err = db.PrepareContext(ctx, q.query); err != nil {
			return err
		}
	}
	return nil
}
