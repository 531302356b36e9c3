package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// EventVerdict is what an automation made of an event that it asks for.
type EventVerdict string

// The verdicts about events.
const (
	EventBegun    EventVerdict = "begun"
	EventHeld     EventVerdict = "held"     // more than limits.start: a person decides
	EventFiltered EventVerdict = "filtered" // its where is false
	EventEcho     EventVerdict = "echo"     // it would only go back to where it came from
	EventAside    EventVerdict = "aside"    // a person must look: see Cause and Next
	EventDropped  EventVerdict = "dropped"  // it was set aside, and a person dropped it
)

// Judgement is what one automation makes of an event.
type Judgement struct {
	Automation  string
	Verdict     EventVerdict
	Cause, Next string       // of what is set aside; Cause also says why it is filtered or an echo
	Begin       *NewInstance // of EventBegun; its Limit may make it held
}

// JudgedEvent is an event with the judgements of all automations that ask for it.
type JudgedEvent struct {
	Event      int64
	Judgements []Judgement
}

// Judged says what JudgeEvents wrote.
type Judged struct {
	Event      int64
	Automation string
	Verdict    EventVerdict
	Instance   int64
	Run        int64 // that holds the instance
}

// JudgeEvents writes what automations make of open events: it begins and holds
// orchestrations, keeps the verdicts and closes the events, all in one transaction.
// An event that is closed already has been judged by somebody else, and is left
// alone.
func (s *Store) JudgeEvents(ctx context.Context, lease Lease, list []JudgedEvent) ([]Judged, error) {
	var out []Judged
	err := s.judging(ctx, lease, "judge events", func(b *batch) error {
		out = nil
		for _, e := range list {
			closed, err := b.count(ctx, `UPDATE events SET open = 0 WHERE id = ? AND open = 1`, e.Event)
			if err != nil || closed == 0 {
				if err != nil {
					return err
				}
				continue
			}
			for _, j := range e.Judgements {
				one, err := s.judge(ctx, b, e.Event, j)
				if err != nil {
					return err
				}
				out = append(out, one)
			}
		}
		return nil
	})
	return out, err
}

// JudgeAside writes what an automation makes, now, of events that it had set aside, as by
// has asked for. Others are left alone.
func (s *Store) JudgeAside(ctx context.Context, lease Lease, list []JudgedEvent, by string) ([]Judged, error) {
	var out []Judged
	err := s.judging(ctx, lease, "judge events again", func(b *batch) error {
		out = nil
		for _, e := range list {
			for _, j := range e.Judgements {
				gone, err := b.count(ctx, `DELETE FROM event_verdicts WHERE event = ? AND automation = ? AND verdict = 'aside'`, e.Event, j.Automation)
				if err != nil || gone == 0 {
					if err != nil {
						return err
					}
					continue
				}
				one, err := s.judge(ctx, b, e.Event, j)
				if err != nil {
					return err
				}
				b.note(JournalLine{
					Kind: JournalAccept, Automation: j.Automation, By: by, Run: one.Run,
					Text: fmt.Sprintf("event %d judged again: %s", e.Event, one.Verdict),
				})
				out = append(out, one)
			}
		}
		return nil
	})
	return out, err
}

func (s *Store) judging(ctx context.Context, lease Lease, operation string, do func(*batch) error) error {
	return s.writeDue(ctx, operation, func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		if err := do(b); err != nil {
			return err
		}
		return b.writeJournal(ctx, s)
	})
}

// judge writes one judgement.
func (s *Store) judge(ctx context.Context, b *batch, event int64, j Judgement) (Judged, error) {
	one := Judged{Event: event, Automation: j.Automation, Verdict: j.Verdict}
	if n := j.Begin; n != nil {
		begin := *n
		if err := s.limit(ctx, b, &begin); err != nil {
			return one, err
		}
		begin.Limit = nil // it is decided
		if begin.Held {
			one.Verdict, j.Cause = EventHeld, begin.Cause
			var err error
			if one.Run, err = s.holdingRun(ctx, b, begin); err != nil {
				return one, err
			}
			begin.Run = one.Run
		} else if begin.Writes {
			var err error
			if begin.Run, err = s.dailyRun(ctx, b, begin); err != nil {
				return one, err
			}
		}
		var err error
		if one.Instance, err = s.startOne(ctx, b, begin, 0); err != nil {
			return one, fmt.Errorf("orchestration %s for %s: %w", begin.Orchestration, begin.Name, err)
		}
	}
	return one, b.exec(ctx, `INSERT INTO event_verdicts (event, automation, verdict, instance, cause, next, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		event, j.Automation, one.Verdict, one.Instance, j.Cause, j.Next, stamp(s.now()))
}

// holdingRun returns the run that holds what the events of an automation would
// begin: the last one that still holds something, or a new one. So a person decides
// about all of it at once, as about what any other run holds.
func (s *Store) holdingRun(ctx context.Context, b *batch, n NewInstance) (int64, error) {
	var run int64
	err := b.scan(ctx, []any{&run}, `SELECT id FROM runs WHERE automation = ? AND kind = ? AND orchestration = ?
		AND EXISTS (SELECT 1 FROM instances WHERE run = runs.id AND status = 'held') ORDER BY id DESC LIMIT 1`,
		n.Automation, KindEvents, n.Orchestration)
	if errors.Is(err, sql.ErrNoRows) {
		run, err = s.eventsRun(ctx, b, n, RunHeld)
	}
	return run, err
}

// dailyRun returns the run that what an orchestration writes to the directory belongs
// to: that of the last 24 hours, or a new one. A run for each change would hide all
// others in the list of runs.
func (s *Store) dailyRun(ctx context.Context, b *batch, n NewInstance) (int64, error) {
	var run int64
	err := b.scan(ctx, []any{&run}, `SELECT id FROM runs WHERE automation = ? AND kind = ? AND orchestration = ? AND result = ? AND started > ?
		ORDER BY id DESC LIMIT 1`, n.Automation, KindEvents, n.Orchestration, RunOK, stamp(s.now().Add(-24*time.Hour)))
	if errors.Is(err, sql.ErrNoRows) {
		run, err = s.eventsRun(ctx, b, n, RunOK)
	}
	return run, err
}

// eventsRun adds a run of the kind KindEvents.
func (s *Store) eventsRun(ctx context.Context, b *batch, n NewInstance, result RunResult) (int64, error) {
	now := s.now()
	run, err := b.insert(ctx, `INSERT INTO runs
		(automation, application, orchestration, kind, started_by, started, ended, result, error, plan_json)
		VALUES (?, '', ?, ?, ?, ?, ?, ?, '', '')`, n.Automation, n.Orchestration, KindEvents, n.By, stamp(now), stamp(now), result)
	if err != nil {
		return 0, err
	}
	b.note(JournalLine{
		Kind: JournalRun, Automation: n.Automation, By: n.By, Run: run,
		Text: joinNonEmpty(string(KindEvents), n.Orchestration, string(result), n.Cause),
	})
	return run, nil
}

// droppedAtOnce is how many events one transaction drops.
const droppedAtOnce = 500

// DropAside drops what an automation has set aside of an event, on behalf of by, or all
// of it (0). All is what was set aside at the beginning: nobody has seen what is
// meanwhile, be it of an older event or of one that was judged again. It returns what was
// dropped, of each object's attributes displayName only.
func (s *Store) DropAside(ctx context.Context, automation string, event int64, by string) ([]AsideEvent, error) {
	all, err := s.asideNow(ctx, automation, event)
	if err != nil {
		return nil, err
	}
	var dropped []AsideEvent
	for part := range slices.Chunk(all, droppedAtOnce) {
		some, err := s.dropSome(ctx, automation, part, by)
		if err != nil {
			return dropped, err
		}
		for _, one := range some {
			name, kept := one.Event.Image.First("displayName"), ident.Attributes{}
			if name != "" {
				kept.Set("displayName", name)
			}
			one.Event.Image = kept
			dropped = append(dropped, one)
		}
	}
	if event != 0 || len(dropped) == 0 {
		return dropped, nil
	}
	return dropped, s.noteDropped(ctx, automation, all[len(all)-1].event, len(dropped), by)
}

// setAside says which event an automation has set aside, and when.
type setAside struct{ event, at int64 }

// asideNow lists what an automation has set aside of an event, or of all (0).
func (s *Store) asideNow(ctx context.Context, automation string, event int64) ([]setAside, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT event, at FROM event_verdicts WHERE automation = ?1 AND verdict = 'aside'
		AND (?2 = 0 OR event = ?2) ORDER BY event`, automation, event)
	if err != nil {
		return nil, s.fail("look what was set aside", err)
	}
	list, err := collect(rows, func(row scanner) (a setAside, err error) {
		err = row.Scan(&a.event, &a.at)
		return a, err
	})
	return list, s.fail("look what was set aside", err)
}

// noteDropped writes to the journal how much was dropped at once, when all was asked for.
func (s *Store) noteDropped(ctx context.Context, automation string, last int64, n int, by string) error {
	return s.write(ctx, "drop events that were set aside", func(tx *sql.Tx) error {
		text := fmt.Sprintf("all that was set aside up to event %d is dropped: %d of them", last, n)
		return s.journal(ctx, tx, JournalLine{Kind: JournalAccept, Automation: automation, By: by, Text: text})
	})
}

func (s *Store) dropSome(ctx context.Context, automation string, some []setAside, by string) ([]AsideEvent, error) {
	var dropped []AsideEvent
	err := s.write(ctx, "drop events that were set aside", func(tx *sql.Tx) error {
		for _, one := range some {
			rows, err := tx.QueryContext(ctx, selectAside+` AND v.event = ? AND v.at = ?`, automation, one.event, one.at)
			if err != nil {
				return err
			}
			found, err := collect(rows, scanAside)
			if err != nil {
				return err
			}
			for _, a := range found {
				if err := s.dropEvent(ctx, tx, automation, a, by); err != nil {
					return err
				}
			}
			dropped = append(dropped, found...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return dropped, nil
}

func (s *Store) dropEvent(ctx context.Context, tx *sql.Tx, automation string, a AsideEvent, by string) error {
	_, err := tx.ExecContext(ctx, `UPDATE event_verdicts SET verdict = ?, cause = ?, next = '', at = ? WHERE event = ? AND automation = ?`,
		EventDropped, "dropped by "+by+"; it was set aside as "+a.Cause, stamp(s.now()), a.Event.ID, automation)
	if err != nil {
		return err
	}
	text := "event " + strconv.FormatInt(a.Event.ID, 10) + " about " + a.Event.Name + " dropped: " + a.Cause
	return s.journal(ctx, tx, JournalLine{Kind: JournalAccept, Automation: automation, By: by, Text: text})
}

// AsideEvent is an event that an automation has set aside.
type AsideEvent struct {
	Event       ident.Event
	Cause, Next string
	Unreadable  *UnreadableEventError // of Event, the number is all that is certain; nil otherwise
}
