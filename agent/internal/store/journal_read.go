package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// JournalState describes a journal whose chain is unbroken.
type JournalState struct {
	Lines int    `json:"lines"`
	Last  int64  `json:"last"` // the number of the last line; 0: the journal is empty
	Hash  string `json:"hash"` // the hash of the last line, to compare with one noted elsewhere
	// Removed is the last of the removed lines, according to a checkpoint; 0:
	// none was removed.
	Removed int64 `json:"removed,omitempty"`
}

// VerifyJournal is CheckJournal without the counts.
func (s *Store) VerifyJournal(ctx context.Context) error {
	_, err := s.CheckJournal(ctx)
	return err
}

// CheckJournal walks the whole chain. It returns a *JournalBrokenError for the
// first line that was changed, removed or inserted, for lines missing at the
// end, and for lines missing at the beginning without a checkpoint.
func (s *Store) CheckJournal(ctx context.Context) (JournalState, error) {
	var state JournalState
	var headSeq int64
	var headHash []byte
	// Read the head first: lines that are appended from now on lie beyond it.
	if err := s.reader.QueryRowContext(ctx, `SELECT seq, hash FROM journal_head`).Scan(&headSeq, &headHash); err != nil {
		return state, s.fail("verify journal", err)
	}
	base, err := s.journalBase(ctx)
	if err != nil {
		return state, s.fail("verify journal", err)
	}
	walk, told := chainWalk{seq: base.Last, hash: base.hash}, base.Last == 0
	err = s.eachRawLine(ctx, base.Last, func(row rawLine) error {
		line, err := walk.next(row)
		if err != nil {
			return err
		}
		if row.seq == headSeq && !bytes.Equal(row.hash, headHash) {
			return &JournalBrokenError{Seq: row.seq, Cause: "its hash is not the one noted when it was written"}
		}
		told = told || line.Kind == JournalCheckpoint && line.Checkpoint != nil && *line.Checkpoint == base.Checkpoint
		state.Lines++
		return nil
	})
	switch {
	case err != nil:
	case walk.seq < headSeq:
		err = &JournalBrokenError{Seq: walk.seq + 1, Cause: fmt.Sprintf("the lines up to %d are gone", headSeq)}
	case !told:
		err = &JournalBrokenError{
			Seq: base.Last, Cause: "it is not there, nor are those before it, and no checkpoint says that they were removed",
		}
	}
	state.Last, state.Hash, state.Removed = walk.seq, hex.EncodeToString(walk.hash), base.Last
	return state, s.fail("verify journal", err)
}

// journalBase is the last line that was removed, where the chain begins.
type journalBase struct {
	Checkpoint
	hash []byte
}

func (s *Store) journalBase(ctx context.Context) (journalBase, error) {
	var b journalBase
	err := s.reader.QueryRowContext(ctx, `SELECT base_seq, base_hash FROM journal_head`).Scan(&b.Last, &b.hash)
	b.Hash = hex.EncodeToString(b.hash)
	return b, err
}

// chainWalk checks lines one by one.
type chainWalk struct {
	seq  int64 // of the last line that passed
	hash []byte
}

// next returns a *JournalBrokenError for a line that does not continue the
// chain.
func (w *chainWalk) next(row rawLine) (line JournalLine, err error) {
	switch {
	case row.seq != w.seq+1:
		return line, &JournalBrokenError{Seq: w.seq + 1, Cause: fmt.Sprintf("it is not there; line %d follows", row.seq)}
	case !bytes.Equal(row.hash, chain(w.hash, row.text)):
		return line, &JournalBrokenError{Seq: row.seq, Cause: "its hash does not follow from its text and the line before"}
	case json.Unmarshal([]byte(row.text), &line) != nil || line.Seq != row.seq:
		return line, &JournalBrokenError{Seq: row.seq, Cause: "its text does not carry its number"}
	}
	w.seq, w.hash = row.seq, row.hash
	return line, nil
}

// ExportJournal calls each for every line in order, and stops at the first error
// of each. A line is a JSON object with the members of JournalLine and three
// more: raw is the line as it is hashed, hash its hash, and previous the hash of
// the line before, both in hexadecimal. It does not verify the chain.
func (s *Store) ExportJournal(ctx context.Context, each func(json.RawMessage) error) error {
	base, err := s.journalBase(ctx)
	if err != nil {
		return s.fail("export journal", err)
	}
	previous := base.hash
	return s.eachRawLine(ctx, base.Last, func(row rawLine) error {
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
		if !isObject || len(open) < 2 || !json.Valid([]byte(row.text)) { // somebody has tampered with it: the hashes will show that
			return each(json.RawMessage(proof))
		}
		return each(json.RawMessage(open + "," + proof[1:]))
	})
}

// EachJournal calls each for every line in order, and stops at the first error
// of each. It does not verify the chain.
func (s *Store) EachJournal(ctx context.Context, each func(JournalLine) error) error {
	base, err := s.journalBase(ctx)
	if err != nil {
		return s.fail("read journal", err)
	}
	return s.eachRawLine(ctx, base.Last, func(row rawLine) error {
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

var errShortened = errors.New("old lines of the journal were removed while it was read: try again")

// eachRawLine reads the lines after base. With base 0 it starts at the very
// beginning, and also reads lines with impossible numbers.
func (s *Store) eachRawLine(ctx context.Context, base int64, each func(rawLine) error) error {
	last := base
	if base == 0 {
		last = -1 << 63
	}
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
		if now, err := s.journalBase(ctx); err != nil || now.Last != base && now.Last > last {
			return s.fail("read journal", cmp.Or(err, errShortened))
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
