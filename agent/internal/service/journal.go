package service

import (
	"context"
	"encoding/json"
	"iter"
)

// VerifyJournal checks the whole chain of hashes.
func (s *Service) VerifyJournal(ctx context.Context, _ Caller, _ Nothing) (JournalState, error) {
	return s.agent.Store().CheckJournal(ctx)
}

// ExportJournal lists the lines in order, each with what is needed to verify
// it elsewhere.
func (s *Service) ExportJournal(ctx context.Context, _ Caller, _ Nothing) iter.Seq2[json.RawMessage, error] {
	return listed(func(each func(json.RawMessage) error) error { return s.agent.Store().ExportJournal(ctx, each) })
}
