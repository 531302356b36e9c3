package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as a rollcall store in its header ("roll").
const applicationID = 0x726f6c6c

// migration brings the schema from one version to the next.
type migration struct {
	name string
	sql  string
}

// migrations returns the embedded files by number: the first makes version 1. A
// misnumbered file makes every test fail, so it may panic.
func migrations() []migration {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		panic(err)
	}
	list := make([]migration, 0, len(names))
	for i, name := range names {
		var number int
		if _, err := fmt.Sscanf(path.Base(name), "%04d_", &number); err != nil || number != i+1 {
			panic("store: migration " + name + " is not numbered in sequence")
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		list = append(list, migration{name: path.Base(name), sql: string(text)})
	}
	return list
}

// migrate applies the missing migrations of list, each together with the version
// number in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB, list []migration) error {
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if version > len(list) {
		return &NewerSchemaError{Found: version, Known: len(list)}
	}
	for i := version; i < len(list); i++ {
		if err := list[i].apply(ctx, db, i+1); err != nil {
			return fmt.Errorf("migrate the store to version %d (%s): %w", i+1, list[i].name, err)
		}
	}
	return nil
}

func (m migration) apply(ctx context.Context, db *sql.DB, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect after the commit
	header := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;", version, applicationID)
	if _, err := tx.ExecContext(ctx, m.sql+"\n;"+header); err != nil {
		return err
	}
	return tx.Commit()
}

// schemaVersion returns the version of the schema; 0 for an empty file.
func schemaVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version, application, tables int
	for query, into := range map[string]*int{
		"PRAGMA user_version":                &version,
		"PRAGMA application_id":              &application,
		"SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if err := db.QueryRowContext(ctx, query).Scan(into); err != nil {
			return 0, err
		}
	}
	if application != applicationID && (tables > 0 || version > 0) {
		return 0, errForeign
	}
	return version, nil
}
