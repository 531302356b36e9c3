package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
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
	JournalLink    = "link"    // a link was put by hand
	JournalUnlink  = "unlink"  // a link was removed by hand
	JournalAccept  = "accept"  // something that needed a person is meant to be so
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
	Link        *ident.Link    `json:"link,omitempty"` // as it is now, or as it was when it was removed
	Unlinked    bool           `json:"unlinked,omitempty"`
	Text        string         `json:"text,omitempty"`

	// Raw is the line as it is hashed, Hash the chain up to and with it:
	// sha256(hash of the line before || Raw), in hexadecimal.
	Raw  json.RawMessage `json:"-"`
	Hash string          `json:"-"`
}

// ErrJournalBroken names the first line of the journal that does not hold.
type ErrJournalBroken struct {
	Seq   int64
	Cause string
}

func (e *ErrJournalBroken) Error() string {
	return fmt.Sprintf("the journal is broken at line %d: %s; what comes before it holds: compare with a backup to see what was changed", e.Seq, e.Cause)
}

// journalBatch is how many lines one query reads.
const journalBatch = 500

// journal appends a line in the transaction of what it records.
func (s *Store) journal(ctx context.Context, tx *sql.Tx, line JournalLine) error {
	var previous []byte
	if err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM journal_head`).Scan(&line.Seq, &previous); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	line.Seq++
	line.At = s.orNow(line.At)
	text, err := toJSON(line) // canonical: fields in the order of the struct, maps sorted
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	hash := chain(previous, text)
	if _, err := tx.ExecContext(ctx, `INSERT INTO journal (seq, line_json, hash) VALUES (?, ?, ?)`, line.Seq, text, hash); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE journal_head SET seq = ?, hash = ?`, line.Seq, hash); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func chain(previous []byte, text string) []byte {
	h := sha256.New()
	h.Write(previous)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// JournalState is what a journal holds whose chain is whole.
type JournalState struct {
	Lines int    `json:"lines"`
	Last  int64  `json:"last"` // the number of the last line; 0: there is none
	Hash  string `json:"hash"` // its hash, to compare with one that was noted elsewhere
}

// VerifyJournal is CheckJournal without what it counts.
func (s *Store) VerifyJournal(ctx context.Context) error {
	_, err := s.CheckJournal(ctx)
	return err
}

// CheckJournal walks the whole chain and returns an *ErrJournalBroken for the
// first line that was changed, removed or put in between, and for lines that
// are gone from the end.
func (s *Store) CheckJournal(ctx context.Context) (JournalState, error) {
	var state JournalState
	var headSeq int64
	var headHash []byte
	// The head is read first: lines that are appended meanwhile are beyond it.
	if err := s.reader.QueryRowContext(ctx, `SELECT seq, hash FROM journal_head`).Scan(&headSeq, &headHash); err != nil {
		return state, s.fail("verify journal", err)
	}
	seq, hash := int64(0), make([]byte, sha256.Size)
	err := s.eachRawLine(ctx, func(row rawLine) error {
		var line JournalLine
		switch {
		case row.seq != seq+1:
			return &ErrJournalBroken{Seq: seq + 1, Cause: fmt.Sprintf("it is not there; line %d follows", row.seq)}
		case !bytes.Equal(row.hash, chain(hash, row.text)):
			return &ErrJournalBroken{Seq: row.seq, Cause: "its hash does not follow from its text and the line before"}
		case json.Unmarshal([]byte(row.text), &line) != nil || line.Seq != row.seq:
			return &ErrJournalBroken{Seq: row.seq, Cause: "its text does not carry its number"}
		case row.seq == headSeq && !bytes.Equal(row.hash, headHash):
			return &ErrJournalBroken{Seq: row.seq, Cause: "its hash is not the one noted when it was written"}
		}
		seq, hash = row.seq, row.hash
		state.Lines++
		return nil
	})
	if err == nil && seq < headSeq {
		err = &ErrJournalBroken{Seq: seq + 1, Cause: fmt.Sprintf("the lines up to %d are gone", headSeq)}
	}
	state.Last, state.Hash = seq, hex.EncodeToString(hash)
	return state, s.fail("verify journal", err)
}

// ExportJournal calls each for every line in order, and ends with the first
// error of each. A line is a JSON object with the members of the JournalLine
// and three more: raw is the line as it is hashed, hash its hash and previous
// that of the line before, in hexadecimal. It does not verify.
func (s *Store) ExportJournal(ctx context.Context, each func(json.RawMessage) error) error {
	previous := make([]byte, sha256.Size)
	return s.eachRawLine(ctx, func(row rawLine) error {
		proof, err := toJSON(struct {
			Previous string `json:"previous"`
			Hash     string `json:"hash"`
			Raw      string `json:"raw"`
		}{hex.EncodeToString(previous), hex.EncodeToString(row.hash), row.text})
		if err != nil {
			return fmt.Errorf("journal line %d: %w", row.seq, err)
		}
		previous = row.hash
		open, isObject := strings.CutSuffix(row.text, "}")
		if !isObject || len(open) < 2 || !json.Valid([]byte(row.text)) { // somebody has changed it: the proof says so
			return each(json.RawMessage(proof))
		}
		return each(json.RawMessage(open + "," + proof[1:]))
	})
}

// EachJournal calls each for every line in order, and ends with the first
// error of each. It does not verify.
func (s *Store) EachJournal(ctx context.Context, each func(JournalLine) error) error {
	return s.eachRawLine(ctx, func(row rawLine) error {
		line := JournalLine{Raw: json.RawMessage(row.text), Hash: hex.EncodeToString(row.hash)}
		if err := fromJSON(row.text, &line); err != nil {
			return fmt.Errorf("journal line %d: %w", row.seq, err)
		}
		return each(line)
	})
}

type rawLine struct {
	seq  int64
	text string
	hash []byte
}

func (s *Store) eachRawLine(ctx context.Context, each func(rawLine) error) error {
	last := int64(-1 << 63)
	for {
		rows, err := s.reader.QueryContext(ctx, `SELECT seq, line_json, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`, last, journalBatch)
		if err != nil {
			return s.fail("read journal", err)
		}
		batch, err := collect(rows, func(row scanner) (l rawLine, err error) {
			err = row.Scan(&l.seq, &l.text, &l.hash)
			return l, err
		})
		if err != nil {
			return s.fail("read journal", err)
		}
		for _, row := range batch {
			if err := each(row); err != nil {
				return err
			}
			last = row.seq
		}
		if len(batch) < journalBatch {
			return nil
		}
	}
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
