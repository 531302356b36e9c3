package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Advance is what an instance has become by a step.
type Advance struct {
	Instance int64
	Version  int64 // as it was read
	Status   InstanceStatus
	Step     string    // the step that comes next, or that it waits in
	NextAt   time.Time // when it goes on; zero is at once. For ready and waiting
	// Idle says that it waits for a time or a condition, so that later instances
	// of its orchestration and object need not wait for it.
	Idle bool
	// Linking says that it waits for the link that an earlier one for its object may
	// make or end; Earlier is what was seen of the earlier ones. It goes on at NextAt, or
	// once one of them has gone on.
	Linking     bool
	Earlier     Seen
	Cause, Next string
	State       json.RawMessage
	Story       []StoryLine
	Journal     []JournalLine // what a step wrote elsewhere, such as to the directory
	Deliver     *NewDelivery  // goes into the outbox
	// ErasePassword says that the initial password was handed over. It is erased
	// in any case when the instance ends.
	ErasePassword bool
}

// DueInstances returns instances whose next step is due, in the order in which
// they became due. An instance is not due while an earlier one of the same
// orchestration and object goes first: those that are held, or wait for a time
// or a condition, do not.
func (s *Store) DueInstances(ctx context.Context, now time.Time, limit int) ([]Instance, error) {
	rows, err := s.stmts.dueInstances.QueryContext(ctx, stamp(now), limit)
	if err != nil {
		return nil, s.fail("due instances", err)
	}
	list, err := collect(rows, scanInstance)
	return list, s.fail("due instances", err)
}

const dueInstances = ` WHERE turn = 1 AND status IN ('ready', 'waiting') AND next_at <= ? ORDER BY next_at, id LIMIT ?`

// AdvanceInstances moves instances on, in one transaction. It returns those that
// somebody else has changed since they were read, such as a person who cancelled
// one: their story and journal get what happened, and the rest is not written.
func (s *Store) AdvanceInstances(ctx context.Context, lease Lease, list []Advance) (stale []int64, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	err = s.write(ctx, "advance orchestrations", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		ids := make([]int64, len(list))
		for n, a := range list {
			ids[n] = a.Instance
		}
		if err := b.expect(ctx, nil, ids); err != nil {
			return err
		}
		for _, a := range list {
			written, err := s.advance(ctx, b, a)
			if err != nil {
				return fmt.Errorf("instance %d: %w", a.Instance, err)
			}
			if !written {
				stale = append(stale, a.Instance)
			}
		}
		return b.writeJournal(ctx, s)
	})
	if err != nil {
		return nil, err
	}
	return stale, nil
}

// brief is what the other writes about an instance need to know of it.
type brief struct {
	id                        int64
	orchestration, automation string
	run                       int64
	guid                      ident.GUID
	dn                        ident.DN
	name, step                string
	status                    InstanceStatus
	version                   int64
}

const selectBriefs = `SELECT id, orchestration, automation, run, guid, dn, name, step, status, version FROM instances WHERE `

func scanBrief(row scanner) (i brief, err error) {
	err = row.Scan(&i.id, &i.orchestration, &i.automation, &i.run, &i.guid, &i.dn, &i.name, &i.step, &i.status, &i.version)
	return i, err
}

func (b *batch) instance(ctx context.Context, id int64) (brief, error) {
	if i, found := once(b.instances, id); found {
		return i, nil
	}
	row, err := b.row(ctx, selectBriefs+`id = ?`, id)
	if err != nil {
		return brief{}, err
	}
	i, err := scanBrief(row)
	if none(err) {
		err = &NoInstanceError{ID: id}
	}
	return i, err
}

// advance returns false when the instance is another than was read.
func (s *Store) advance(ctx context.Context, b *batch, a Advance) (bool, error) {
	i, err := b.instance(ctx, a.Instance)
	if err != nil {
		return false, err
	}
	for _, line := range a.Story {
		if err := s.tell(ctx, b, i.id, line); err != nil {
			return false, err
		}
	}
	for _, line := range a.Journal {
		b.note(line)
	}
	if a.ErasePassword {
		if err := b.erasePassword(ctx, i.id); err != nil {
			return false, err
		}
	}
	if i.version != a.Version || i.status.Ended() {
		return false, nil
	}
	if a.Deliver != nil {
		if err := s.enqueue(ctx, b, i, *a.Deliver); err != nil {
			return false, err
		}
	}
	return true, s.become(ctx, b, i, a, "")
}

const (
	becomes = `UPDATE instances SET status = ?, step = ?, cause = ?, next = ?, idle = ?, linking = ?, version = version + 1, next_at = ?,
		since = CASE WHEN status = ? THEN since ELSE ? END, state_json = coalesce(?, state_json)`
	becomesEnded = becomes + `, ended = ?`
)

// become writes the new status of an instance, on behalf of by or of the agent
// (""), with what follows from it for others. It notes in the journal how the
// instance ended, or that it is blocked or held.
func (s *Store) become(ctx context.Context, b *batch, i brief, a Advance, by string) error {
	now, ended := stamp(s.now()), int64(0)
	if a.Status.Ended() {
		ended = now
	}
	nextAt, err := b.goesOn(ctx, i, a, now)
	if err != nil {
		return err
	}
	query, args := becomes, []any{a.Status, a.Step, a.Cause, a.Next, a.Idle, a.Linking, nextAt, a.Status, now, nullText(a.State)}
	if ended != 0 || i.status.Ended() { // only then, as several indexes depend on it
		query, args = becomesEnded, append(args, ended)
	}
	if err := b.exec(ctx, query+` WHERE id = ?`, append(args, i.id)...); err != nil {
		return err
	}
	if i.step != a.Step || i.status != a.Status {
		if err := b.wakeLinking(ctx, i.guid, i.id, now); err != nil {
			return err
		}
	}
	if ended != 0 {
		if err := b.erasePassword(ctx, i.id); err != nil {
			return err
		}
	}
	if ended != 0 || a.Idle || a.Status == InstanceHeld {
		if err := b.passInstance(ctx, i.orchestration, i.guid); err != nil {
			return err
		}
	}
	if by != "" || ended != 0 || a.Status == InstanceBlocked || a.Status == InstanceHeld {
		s.noteInstance(b, i, a, by)
	}
	return nil
}

func (s *Store) noteInstance(b *batch, i brief, a Advance, by string) {
	b.note(JournalLine{
		Kind: JournalOrchestration, Automation: i.automation, By: by, Run: i.run, Orchestrated: &Orchestrated{
			Orchestration: i.orchestration, Instance: i.id, Step: a.Step, GUID: i.guid, DN: i.dn, Name: i.name,
			Status: string(a.Status), Cause: a.Cause,
		},
	})
}

func (b *batch) erasePassword(ctx context.Context, instance int64) error {
	return b.exec(ctx, `DELETE FROM initial_passwords WHERE instance = ?`, instance)
}

// tell appends a line to an instance's story.
func (s *Store) tell(ctx context.Context, b *batch, instance int64, l StoryLine) error {
	return b.exec(ctx, `INSERT INTO story (instance, delivery, at, step, attempt, told_by, request, status, answer, result, cause, next)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, instance, l.Delivery, stamp(s.orNow(l.At)), l.Step, l.Attempt, l.By,
		l.Request, l.Status, l.Answer, l.Result, l.Cause, l.Next)
}

func nullText(text json.RawMessage) any {
	if text == nil {
		return nil
	}
	return string(text)
}
