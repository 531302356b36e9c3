package mirror

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

const (
	// patience is how long a domain controller that is behind may take to receive what
	// the former one had, before it is read as it is.
	patience = 15 * time.Minute
	// aside is how far clocks may differ, and a change take within a site: what the
	// former domain controller had that long before the two last agreed has arrived.
	aside = 15 * time.Minute
)

// source is the domain controller that the last complete state of the mirror is from.
type source struct {
	URL      string     `json:"url,omitempty"`
	Server   string     `json:"server,omitempty"` // as in store.MirrorState
	Database ident.GUID `json:"database,omitempty"`
	// USN is the highestCommittedUSN after the last read that found something: what the
	// mirror has is not newer. It stays when others than ours move the USN, such as
	// logons, which are not replicated.
	USN int64 `json:"usn,omitempty"`
}

// BehindError reports a domain controller that has not received yet what the mirror
// has from another one. Read now, it would undo that, and each difference would be
// an event. The mirror is as it was, and the next synchronisation asks again.
type BehindError struct {
	Server, Former string
	Until          time.Time // when it is read as it is
}

func (e *BehindError) Error() string {
	return fmt.Sprintf("%s has not received yet everything that was read from %s, and would show changes backwards: "+
		"it is read when it has, and as it is from %s on; next: look at the replication between the two (repadmin /showrepl), "+
		"or make the former one reachable", e.Server, e.Former, e.Until.UTC().Format("15:04:05 MST"))
}

// moved reports whether the mirror is from another domain controller, or from another
// copy of its database.
func (s *synchroniser) moved() bool {
	return s.last.From.Server != "" && s.last.From.Server != s.report.Server
}

// older reports whether the database was set back below what the mirror has, as when an
// old image of the virtual machine runs again. Where the domain controller notices that,
// the database gets another invocation id, and is another one.
func (s *synchroniser) older() bool {
	return !s.moved() && (s.last.Older || s.last.From.Server != "" && s.usn < max(s.last.USN, s.last.From.USN))
}

// awaitReplication returns a *BehindError as long as the domain controller is known to
// be behind the one that the mirror is from, within bounds. After that, and where it
// does not say how far it is, the read sets aside what may be older than the mirror. A
// database that was set back is not waited for: what it lacks comes from others, if at all.
func (s *synchroniser) awaitReplication(ctx context.Context) error {
	s.undone = store.Undone{}
	switch {
	case !s.recording():
		return nil
	case s.older():
		s.doubtWhatIsUndone(s.began.Add(-store.MostLag), "", fmt.Sprintf("it undoes a change that was read from %s before "+
			"the domain controller's database was set back", s.last.From.Server))
		return nil
	case !s.moved():
		return nil
	}
	has, known, err := s.replicatedFrom(ctx, s.last.From.Database)
	if err != nil || known && has.usn >= s.last.From.USN {
		return err
	}
	if known {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	since := s.began.Add(-store.MostLag)
	if known && !has.last.IsZero() {
		since = has.last.Add(-aside)
	}
	s.doubtWhatIsUndone(since, s.last.From.Server, fmt.Sprintf("it undoes a change that was read from %s, and %s may not have received that",
		s.last.From.Server, s.report.Server))
	return nil
}

// doubtWhatIsUndone sets aside what undoes events since a time. server is as in store.Undone.
func (s *synchroniser) doubtWhatIsUndone(since time.Time, server, why string) {
	s.undone = store.Undone{Since: since, Why: why, Server: server}
	s.log.Warn("the domain controller may be behind what was read before: an event that undoes an earlier one is set aside",
		"server", s.report.Server, "cause", "what was read from "+s.last.From.Server+" since "+since.UTC().Format(time.RFC3339)+
			" may be missing", "next", "look at what is set aside: rollcall quarantine list")
}

// wait returns a *BehindError until the time for it is over. The time begins when the
// first domain controller that is behind is met, over restarts too.
func (s *synchroniser) wait(ctx context.Context) error {
	c := s.last
	if c.Behind.IsZero() || c.Behind.After(s.began) {
		c.Behind = s.began
		state := s.before
		state.Deletions = c.deletions()
		var err error
		if state.Cookie, err = c.encode(); err != nil {
			return err
		}
		err = s.store.UpdateMirror(ctx, func(tx store.MirrorTx) error { return tx.SetState(state) })
		if err != nil {
			return fmt.Errorf("note that the domain controller is behind: %w", err)
		}
	}
	if until := c.Behind.Add(patience); s.began.Before(until) {
		return &BehindError{Server: s.report.Server, Former: c.From.Server, Until: until}
	}
	return nil
}

// note keeps how far the domain controller is after a read that found something.
func (s *synchroniser) note(ctx context.Context) error {
	usn, err := s.dir.HighestUSN(ctx)
	s.reached = usn
	return err
}

// foundNothing reports, at the end of a full read, whether the mirror has nothing that it
// did not have before: then it is not ahead of who has received what it had.
func (s *synchroniser) foundNothing(tx store.MirrorTx) (bool, error) {
	comparable := len(shared(s.names, s.comparable)) == len(s.names)
	if !s.recording() || !comparable || s.moved() || s.older() || s.last.From.USN == 0 || s.report.Removed > 0 {
		return false, nil
	}
	differs, err := tx.Differs()
	return !differs, err
}
