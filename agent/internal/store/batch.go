package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// batch is a transaction that does the same for many rows: it prepares each
// statement once, and writes the lines of the journal together. The end of a
// context ends the transaction, and none of its short statements: the driver would
// need a goroutine for each.
type batch struct {
	tx       *sql.Tx
	prepared *prepared
	stmts    map[string]*sql.Stmt
	defined  map[string]string // digests by definition
	begun    map[[2]string]int // what counts against a StartLimit, by automation and orchestration
	lines    []JournalLine

	deliveries map[int64]deliveryBrief // read ahead: see expect
	instances  map[int64]brief
}

func (s *Store) newBatch(tx *sql.Tx) *batch {
	return &batch{
		tx: tx, prepared: &s.prepared, stmts: map[string]*sql.Stmt{}, defined: map[string]string{}, begun: map[[2]string]int{},
	}
}

// stmt returns a prepared statement. It is closed with the transaction.
func (b *batch) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if known, ok := b.stmts[query]; ok {
		return known, nil
	}
	var made *sql.Stmt
	var err error
	if ready := b.prepared.find(query); ready != nil {
		made = b.tx.StmtContext(ctx, ready)
	} else if made, err = b.tx.PrepareContext(ctx, query); err != nil {
		return nil, err
	}
	b.stmts[query] = made
	return made, nil
}

func (b *batch) exec(ctx context.Context, query string, args ...any) error {
	_, err := b.count(ctx, query, args...)
	return err
}

// count executes a statement and returns how many rows it changed.
func (b *batch) count(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := b.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert executes an INSERT and returns the id of the new row.
func (b *batch) insert(ctx context.Context, query string, args ...any) (int64, error) {
	var id int64
	err := b.scan(ctx, []any{&id}, query+` RETURNING id`, args...)
	return id, err
}

// scan reads one row.
func (b *batch) scan(ctx context.Context, into []any, query string, args ...any) error {
	row, err := b.row(ctx, query, args...)
	if err != nil {
		return err
	}
	return row.Scan(into...)
}

func (b *batch) row(ctx context.Context, query string, args ...any) (*sql.Row, error) {
	stmt, err := b.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryRowContext(context.WithoutCancel(ctx), args...), nil
}

// query reads rows.
func (b *batch) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := b.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.WithoutCancel(ctx), args...)
}

// define keeps a definition and returns its digest.
func (b *batch) define(ctx context.Context, definition []byte) (string, error) {
	if digest, ok := b.defined[string(definition)]; ok {
		return digest, nil
	}
	digest := definitionDigest(definition)
	err := b.exec(ctx, `INSERT INTO definitions (digest, definition_json) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`,
		digest, string(definition))
	b.defined[string(definition)] = digest
	return digest, err
}

// The open rows of a pair, the first of which has the turn. Those of instances
// that hold up no other do not count.
const (
	firstInstance = `SELECT min(id) FROM instances WHERE orchestration = ? AND guid = ? AND ended = 0 AND idle = 0 AND status <> 'held'`
	firstDelivery = `SELECT min(id) FROM deliveries WHERE application = ? AND guid = ? AND ended = 0`
)

// instanceTurn returns 1 when no instance of the pair must go before the one
// with this id; 0 stands for one that is yet to be inserted.
func (b *batch) instanceTurn(ctx context.Context, orchestration string, guid ident.GUID, id int64) (int64, error) {
	return b.turn(ctx, firstInstance, orchestration, guid, id)
}

func (b *batch) turn(ctx context.Context, first, of string, guid ident.GUID, id int64) (int64, error) {
	var earliest sql.NullInt64
	err := b.scan(ctx, []any{&earliest}, first, of, guid)
	if err != nil || earliest.Valid && (id == 0 || earliest.Int64 < id) {
		return 0, err
	}
	return 1, nil
}

// passInstance gives the turn to the first instance of a pair.
func (b *batch) passInstance(ctx context.Context, orchestration string, guid ident.GUID) error {
	return b.exec(ctx, `UPDATE instances SET turn = 1 WHERE turn = 0 AND id = (`+firstInstance+`)`, orchestration, guid)
}

// passDelivery gives the turn to the first delivery of a pair.
func (b *batch) passDelivery(ctx context.Context, application string, guid ident.GUID) error {
	return b.exec(ctx, `UPDATE deliveries SET turn = 1 WHERE turn = 0 AND id = (`+firstDelivery+`)`, application, guid)
}

// note keeps a line for writeJournal.
func (b *batch) note(line JournalLine) { b.lines = append(b.lines, line) }

// writeJournal appends the lines that were noted.
func (b *batch) writeJournal(ctx context.Context, s *Store) error {
	if len(b.lines) == 0 {
		return nil
	}
	var seq int64
	var hash []byte
	if err := b.tx.QueryRowContext(ctx, `SELECT seq, hash FROM journal_head`).Scan(&seq, &hash); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, line := range b.lines {
		seq++
		line.Seq, line.At = seq, s.orNow(line.At)
		text, err := toJSON(line) // canonical: fields in the order of the struct, maps sorted
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		hash = chain(hash, text)
		if err := b.exec(ctx, `INSERT INTO journal (seq, line_json, hash) VALUES (?, ?, ?)`, seq, text, hash); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	b.lines = nil
	if err := b.exec(ctx, `UPDATE journal_head SET seq = ?, hash = ?`, seq, hash); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// none reports whether an error means that there is no row.
func none(err error) bool { return errors.Is(err, sql.ErrNoRows) }
