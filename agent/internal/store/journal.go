package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// The kinds of journal lines.
const (
	JournalRun     = "run"     // a run started or ended
	JournalOutcome = "outcome" // what became of an operation, with the values before it
	JournalLink    = "link"    // a link was made or changed by hand
	JournalUnlink  = "unlink"  // a link was removed by hand, or because a webhook has deleted its record
	JournalRemoved = "removed" // old runs were removed
	// JournalCheckpoint says that old lines of the journal were removed.
	JournalCheckpoint = "checkpoint"
	JournalConflict   = "conflict" // both sides changed a value, and the directory's stays
	JournalAccept     = "accept"   // a person accepted what needed one
	// JournalSecret says that a secret was set or deleted, or that a consent
	// brought tokens; it never contains their values.
	JournalSecret = "secret"
	// JournalOrchestration says that an instance was started, held, ended or
	// decided about, or what a step of it wrote to the directory.
	JournalOrchestration = "orchestration"
	JournalDelivery      = "delivery" // what became of a delivery
	// JournalSubscription says that a subscription at an application was made or
	// ended, by a person or by the agent itself.
	JournalSubscription = "subscription"
)

// JournalLine is one line of the journal.
type JournalLine struct {
	Seq         int64          `json:"seq"` // from 1, without gaps
	At          time.Time      `json:"at"`
	Kind        string         `json:"kind"`
	Automation  string         `json:"automation,omitempty"`
	Application string         `json:"application,omitempty"`
	By          string         `json:"by,omitempty"`
	Run         int64          `json:"run,omitempty"`
	HeldID      int64          `json:"held_id,omitempty"`
	Outcome     *ident.Outcome `json:"outcome,omitempty"`
	Link        *ident.Link    `json:"link,omitempty"` // the present link, or the removed one
	Unlinked    bool           `json:"unlinked,omitempty"`
	Text        string         `json:"text,omitempty"`
	Checkpoint  *Checkpoint    `json:"checkpoint,omitempty"`
	// Orchestrated says which instance and delivery the line is about.
	Orchestrated *Orchestrated `json:"orchestrated,omitempty"`

	// Raw is the line as it is hashed. Hash is the end of the chain after this
	// line: sha256(hash of the line before
	// Raw), in hexadecimal.
	Raw  json.RawMessage `json:"-"`
	Hash string          `json:"-"`
}

// Orchestrated is what a line says about an orchestration. It holds no request
// and no answer.
type Orchestrated struct {
	Orchestration string     `json:"orchestration"`
	Instance      int64      `json:"instance"`
	Step          string     `json:"step,omitempty"`
	Webhook       string     `json:"webhook,omitempty"`
	Delivery      int64      `json:"delivery,omitempty"`
	Attempts      int        `json:"attempts,omitempty"`
	GUID          ident.GUID `json:"guid"`
	DN            ident.DN   `json:"dn,omitempty"`
	Name          string     `json:"name,omitempty"`
	Status        string     `json:"status"` // of the delivery, or else of the instance
	Cause         string     `json:"cause,omitempty"`
}

// Checkpoint says which lines were removed from the beginning of the journal.
// The first remaining line is chained to Hash.
type Checkpoint struct {
	Last int64  `json:"last"` // the last line that was removed
	Hash string `json:"hash"` // its hash
}

// JournalBrokenError names the first line of the journal that fails the check.
type JournalBrokenError struct {
	Seq   int64
	Cause string
}

func (e *JournalBrokenError) Error() string {
	return fmt.Sprintf("the journal is broken at line %d: %s; what comes before it holds: compare with a backup to see what was changed",
		e.Seq, e.Cause)
}

// journalBatch is how many lines one query reads.
const journalBatch = 500

// journal appends a line in the same transaction as what the line records.
func (s *Store) journal(ctx context.Context, tx *sql.Tx, line JournalLine) error {
	b := s.newBatch(tx)
	b.note(line)
	return b.writeJournal(ctx, s)
}

func chain(previous []byte, text string) []byte {
	h := sha256.New()
	h.Write(previous)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func joinNonEmpty(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ": ")
}
