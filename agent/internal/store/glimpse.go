package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Glimpse reads names from a state that another process may have open, for the
// completion of commands. It changes nothing, creates no file and waits for
// nobody: it leaves out what it cannot read at once.
type Glimpse struct{ db *sql.DB }

// Named is a name with a description.
type Named struct{ Name, About string }

// OpenGlimpse opens the state in dir as it is.
func OpenGlimpse(dir string) (*Glimpse, error) {
	path, err := filepath.Abs(filepath.Join(dir, FileName))
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	// Without a log beside it, no process has the file open and the file is
	// complete.
	how := "mode=ro&immutable=1"
	if exists(path + "-wal") {
		if how = "mode=ro"; !exists(path + "-shm") {
			return nil, fmt.Errorf("%s was not closed, and to read it would change files", path)
		}
	}
	path = filepath.ToSlash(path)
	if path[0] != '/' {
		path = "/" + path // C:/... on Windows
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: how + "&_pragma=query_only(1)&_pragma=busy_timeout(50)"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	return &Glimpse{db}, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Close closes the state.
func (g *Glimpse) Close() error { return g.db.Close() }

// maxNamed is how many names a Glimpse lists.
const maxNamed = 100

func (g *Glimpse) named(ctx context.Context, query string, args ...any) ([]Named, error) {
	rows, err := g.db.QueryContext(ctx, query+fmt.Sprintf(" LIMIT %d", maxNamed), args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (n Named, err error) {
		err = row.Scan(&n.Name, &n.About)
		return n, err
	})
}

// Runs lists runs, the newest first: all of them, or only those that hold
// something.
func (g *Glimpse) Runs(ctx context.Context, held bool) ([]Named, error) {
	where := ""
	if held {
		where = ` WHERE id IN (SELECT run FROM outcomes WHERE result = 'held')`
	}
	return g.named(ctx, `SELECT id, automation || ', ' || result FROM runs`+where+` ORDER BY id DESC`)
}

// Classes lists the classes of operations that a run holds.
func (g *Glimpse) Classes(ctx context.Context, run string) ([]Named, error) {
	return g.named(ctx, `SELECT DISTINCT class, '' FROM outcomes WHERE run = ? AND result = 'held' ORDER BY class`, run)
}

// Links lists the keys that have a link and begin with prefix, in an application
// and a kind; the kind "" is every one.
func (g *Glimpse) Links(ctx context.Context, application, kind, prefix string) ([]Named, error) {
	return g.named(ctx, `SELECT DISTINCT key, '' FROM links WHERE application = ? AND ? IN ('', kind)
		AND substr(key, 1, length(?)) = ? ORDER BY key`, application, kind, prefix, prefix)
}

// Spaces lists where there are links of other kinds than ident.UserKind.
func (g *Glimpse) Spaces(ctx context.Context) ([]Named, error) {
	return g.named(ctx, `SELECT DISTINCT application || '/' || kind, '' FROM links WHERE kind <> ? ORDER BY application, kind`, ident.UserKind)
}

// Quarantined lists the keys of records that are set aside as a whole, or of
// accounts with a part that needs a person.
func (g *Glimpse) Quarantined(ctx context.Context, automation, prefix string, whole bool) ([]Named, error) {
	return g.named(ctx, `SELECT DISTINCT key, name FROM quarantine WHERE automation = ? AND key <> '' AND (part = '') = ?
		AND substr(key, 1, length(?)) = ? ORDER BY key`,
		automation, whole, prefix, prefix)
}

// Refused lists the keys for which the directory refused something.
func (g *Glimpse) Refused(ctx context.Context, automation, prefix string) ([]Named, error) {
	return g.named(ctx, `SELECT DISTINCT key, '' FROM refusals WHERE automation = ? AND substr(key, 1, length(?)) = ? ORDER BY key`,
		automation, prefix, prefix)
}

// Secrets lists the names of secrets.
func (g *Glimpse) Secrets(ctx context.Context) ([]Named, error) {
	return g.named(ctx, `SELECT name, '' FROM secrets WHERE name NOT LIKE '.%' ORDER BY name`)
}
