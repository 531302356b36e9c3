package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// stamp returns t as a column holds it: Unix nanoseconds, 0 for the zero time.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// moment is the inverse of stamp.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func stampOf(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return stamp(*t)
}

func momentOf(n int64) *time.Time {
	if n == 0 {
		return nil
	}
	t := moment(n)
	return &t
}

// orNow returns t in UTC, or the time of the store's clock when t is zero.
func (s *Store) orNow(t time.Time) time.Time {
	if t.IsZero() {
		t = s.now()
	}
	return t.UTC()
}

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

func fromJSON(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("decode %T: %w", into, err)
	}
	return nil
}

// nullID returns an optional reference as a column holds it: NULL for 0.
func nullID(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// scanner is what *sql.Row and *sql.Rows have in common.
type scanner interface{ Scan(into ...any) error }
