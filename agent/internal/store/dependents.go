package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// DependentsFor is how long what a dependent endpoint delivered is used again: whatever
// the parent says, it is asked for anew after a day.
const DependentsFor = 24 * time.Hour

// Dependents returns what an endpoint delivered for a parent in that state, within
// DependentsFor before now; false when it must be asked for. Numbers are json.Number.
func (s *Store) Dependents(
	ctx context.Context, automation, endpoint string, key ident.Key, state string, now time.Time,
) (records []ident.Record, known bool, err error) {
	var text string
	err = s.reader.QueryRowContext(ctx, `SELECT records_json FROM dependents
		WHERE automation = ? AND endpoint = ? AND key = ? AND state = ? AND at > ? AND at <= ?`,
		automation, endpoint, key, state, stamp(now.Add(-DependentsFor)), stamp(now)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.fail("read what a dependent endpoint delivered", err)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&records); err != nil {
		return nil, false, fmt.Errorf("decode what endpoint %s delivered for key %s: %w", endpoint, key, err)
	}
	return records, true, nil
}

// PutDependents remembers what an endpoint delivered for a parent in that state.
func (s *Store) PutDependents(
	ctx context.Context, automation, endpoint string, key ident.Key, state string, now time.Time, records []ident.Record,
) error {
	text, err := toJSON(records)
	if err != nil {
		return fmt.Errorf("remember what endpoint %s delivered for key %s: %w", endpoint, key, err)
	}
	return s.exec(ctx, "remember what a dependent endpoint delivered", `INSERT OR REPLACE INTO dependents
		(automation, endpoint, key, state, at, records_json) VALUES (?, ?, ?, ?, ?, ?)`,
		automation, endpoint, key, state, stamp(now), text)
}

// forgetDependents forgets what is not used again any more.
func (s *Store) forgetDependents(ctx context.Context, now time.Time) error {
	return s.exec(ctx, "forget what dependent endpoints delivered", `DELETE FROM dependents WHERE at <= ?`, stamp(now.Add(-DependentsFor)))
}
