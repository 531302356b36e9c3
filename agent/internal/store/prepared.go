package store

import (
	"context"
	"database/sql"
	"sync"
)

// prepared keeps the statements of transactions that do the same for many rows
// from one transaction to the next, as SQLite takes longer to parse a short
// statement than to carry it out. The zero value is ready for use.
type prepared struct {
	mu     sync.Mutex
	ready  map[string]*sql.Stmt // nil: wanted
	wanted []string
}

// mostPrepared bounds how many statements are kept: some have a list of another
// length each time.
const mostPrepared = 100

// find returns a statement of the writer; nil when it is not there yet. The next
// transaction has it then.
func (p *prepared) find(query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, known := p.ready[query]
	if !known && len(p.ready) < mostPrepared {
		if p.ready == nil {
			p.ready = map[string]*sql.Stmt{}
		}
		p.ready[query] = nil
		p.wanted = append(p.wanted, query)
	}
	return found
}

// prepare makes the statements that were looked for. It must not be called within
// a transaction: that has the only connection. What cannot be prepared is left to
// the transaction that needs it.
func (p *prepared) prepare(ctx context.Context, writer *sql.DB) {
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = nil
	p.mu.Unlock()
	for _, query := range wanted {
		made, err := writer.PrepareContext(ctx, query)
		p.mu.Lock()
		if err == nil {
			p.ready[query] = made
		} else {
			delete(p.ready, query)
		}
		p.mu.Unlock()
	}
}
