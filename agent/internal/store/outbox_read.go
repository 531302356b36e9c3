package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// outboxBatch is how many instances or deliveries one query of a listing reads.
const outboxBatch = 500

// where collects the conditions of a query.
type where struct {
	text []string
	args []any
}

func (w *where) and(condition string, args ...any) {
	w.text, w.args = append(w.text, condition), append(w.args, args...)
}

func andOf[T ~string](w *where, column string, value T) {
	if value != "" {
		w.and(column+" = ?", value)
	}
}

func andIn[T ~string | ~int64](w *where, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	w.and(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

func (w *where) String() string {
	if len(w.text) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.text, " AND ")
}

// InstanceFilter chooses instances; what is empty chooses all.
type InstanceFilter struct {
	Orchestration string
	Automation    string
	GUID          ident.GUID
	Run           int64
	Statuses      []InstanceStatus
}

func (f InstanceFilter) where() *where {
	w := &where{}
	andOf(w, "orchestration", f.Orchestration)
	andOf(w, "automation", f.Automation)
	andOf(w, "guid", f.GUID)
	if f.Run != 0 {
		w.and("run = ?", f.Run)
	}
	andIn(w, "status", f.Statuses)
	return w
}

// Instances calls each for the chosen instances, the newest first. It stops at
// the first error of each. It reads in batches, and the store can be used in the
// meantime.
func (s *Store) Instances(ctx context.Context, f InstanceFilter, each func(Instance) error) error {
	read := func(before int64) ([]Instance, error) {
		w := f.where()
		w.and("id < ?", before)
		rows, err := s.reader.QueryContext(ctx, selectInstances+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, outboxBatch)...)
		if err != nil {
			return nil, err
		}
		return collect(rows, scanInstance)
	}
	return eachBatch(s, "orchestrations", read, func(i Instance) int64 { return i.ID }, each)
}

const beyondAll = int64(1)<<62 - 1

func eachBatch[T any](s *Store, operation string, read func(before int64) ([]T, error), id func(T) int64, each func(T) error) error {
	before := beyondAll
	for {
		list, err := read(before)
		if err != nil {
			return s.fail(operation, err)
		}
		for _, item := range list {
			if err := each(item); err != nil {
				return err
			}
			before = id(item)
		}
		if len(list) < outboxBatch {
			return nil
		}
	}
}

// Instance returns an instance. It returns a *NoInstanceError when there is
// none.
func (s *Store) Instance(ctx context.Context, id int64) (Instance, error) {
	i, err := scanInstance(s.reader.QueryRowContext(ctx, selectInstances+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Instance{}, &NoInstanceError{ID: id}
	}
	return i, s.fail("orchestration", err)
}

// InstancesByID returns the instances with these numbers; those that do not exist
// are left out.
func (s *Store) InstancesByID(ctx context.Context, ids []int64) (map[int64]Instance, error) {
	found := make(map[int64]Instance, len(ids))
	for chunk := range slices.Chunk(ids, outboxBatch) {
		w := &where{}
		andIn(w, "id", chunk)
		rows, err := s.reader.QueryContext(ctx, selectInstances+w.String(), w.args...)
		if err != nil {
			return nil, s.fail("orchestrations", err)
		}
		list, err := collect(rows, scanInstance)
		if err != nil {
			return nil, s.fail("orchestrations", err)
		}
		for _, i := range list {
			found[i.ID] = i
		}
	}
	return found, nil
}

const selectStory = `SELECT s.at, s.step, s.delivery, s.attempt, s.told_by,
	CASE WHEN s.attempt > 0 THEN coalesce(d.request, s.request) ELSE s.request END, s.status, s.answer, s.result, s.cause, s.next
	FROM story s LEFT JOIN deliveries d ON d.id = s.delivery WHERE s.instance = `

// Story returns what happened in an instance, in order.
func (s *Store) Story(ctx context.Context, instance int64) ([]StoryLine, error) {
	return s.story(ctx, selectStory+`? ORDER BY s.id`, instance)
}

// DeliveryStory returns what happened to a delivery, in order.
func (s *Store) DeliveryStory(ctx context.Context, delivery int64) ([]StoryLine, error) {
	return s.story(ctx, selectStory+`(SELECT instance FROM deliveries WHERE id = ?) AND s.delivery = ? ORDER BY s.id`, delivery, delivery)
}

func (s *Store) story(ctx context.Context, query string, args ...any) ([]StoryLine, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail("story", err)
	}
	list, err := collect(rows, func(row scanner) (l StoryLine, err error) {
		var at int64
		err = row.Scan(&at, &l.Step, &l.Delivery, &l.Attempt, &l.By, &l.Request, &l.Status, &l.Answer, &l.Result, &l.Cause, &l.Next)
		l.At = moment(at)
		return l, err
	})
	return list, s.fail("story", err)
}

// DeliveryFilter chooses deliveries; what is empty chooses all.
type DeliveryFilter struct {
	Application   string
	Orchestration string
	GUID          ident.GUID
	Instance      int64
	States        []DeliveryState
	// Blocked chooses those that wait for an earlier dead one.
	Blocked bool
}

const selectDeliveries = `SELECT ` + deliveryColumns + `, waits, coalesce((SELECT f.state FROM deliveries f WHERE f.id = waits), '')
	FROM (SELECT d.*, CASE WHEN d.turn = 1 OR d.ended <> 0 THEN 0 ELSE (SELECT min(f.id) FROM deliveries f
		WHERE f.application = d.application AND f.guid = d.guid AND f.ended = 0) END AS waits FROM deliveries d) q`

func scanListed(row scanner) (d Delivery, err error) {
	var waits int64
	var state DeliveryState
	d, err = scanDeliveryAnd(row, &waits, &state)
	d.WaitsFor, d.WaitsForState = waits, state
	return d, err
}

func (f DeliveryFilter) where() *where {
	w := &where{}
	andOf(w, "application", f.Application)
	andOf(w, "orchestration", f.Orchestration)
	andOf(w, "guid", f.GUID)
	if f.Instance != 0 {
		w.and("instance = ?", f.Instance)
	}
	andIn(w, "state", f.States)
	if f.Blocked {
		w.and("turn = 0 AND ended = 0 AND (SELECT f.state FROM deliveries f WHERE f.id = waits) = 'dead'")
	}
	return w
}

// Deliveries calls each for the chosen deliveries, the newest first. It stops at
// the first error of each. It reads in batches, and the store can be used in the
// meantime.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter, each func(Delivery) error) error {
	read := func(before int64) ([]Delivery, error) {
		w := f.where()
		w.and("id < ?", before)
		rows, err := s.reader.QueryContext(ctx, selectDeliveries+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, outboxBatch)...)
		if err != nil {
			return nil, err
		}
		return collect(rows, scanListed)
	}
	return eachBatch(s, "deliveries", read, func(d Delivery) int64 { return d.ID }, each)
}

// Delivery returns a delivery. It returns a *NoDeliveryError when there is none.
func (s *Store) Delivery(ctx context.Context, id int64) (Delivery, error) {
	d, err := scanListed(s.reader.QueryRowContext(ctx, selectDeliveries+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Delivery{}, &NoDeliveryError{ID: id}
	}
	return d, s.fail("delivery", err)
}

// Depth describes the outbox. Only states in which deliveries are open count.
type Depth struct {
	States map[DeliveryState]int
	Oldest time.Time // when the oldest open delivery was queued; zero: there is none
}

const (
	outboxDepth    = `SELECT state, count(*), min(created) FROM deliveries WHERE ended = 0 GROUP BY state`
	instanceCounts = `SELECT orchestration, status, count(*) FROM instances GROUP BY orchestration, status ORDER BY orchestration, status`
)

// OutboxDepth counts the open deliveries.
func (s *Store) OutboxDepth(ctx context.Context) (Depth, error) {
	d := Depth{States: map[DeliveryState]int{}}
	rows, err := s.reader.QueryContext(ctx, outboxDepth)
	if err != nil {
		return d, s.fail("depth of the outbox", err)
	}
	_, err = collect(rows, func(row scanner) (state DeliveryState, err error) {
		var n int
		var oldest int64
		if err = row.Scan(&state, &n, &oldest); err != nil {
			return state, err
		}
		d.States[state] = n
		if at := moment(oldest); d.Oldest.IsZero() || at.Before(d.Oldest) {
			d.Oldest = at
		}
		return state, nil
	})
	return d, s.fail("depth of the outbox", err)
}

// InstanceCount says how many instances of an orchestration have a status.
type InstanceCount struct {
	Orchestration string         `json:"orchestration"`
	Status        InstanceStatus `json:"status"`
	Count         int            `json:"count"`
}

// InstanceCounts counts the instances that are kept, in order.
func (s *Store) InstanceCounts(ctx context.Context) ([]InstanceCount, error) {
	return s.countInstances(ctx, instanceCounts)
}

const instancesOfRun = `SELECT orchestration, status, count(*) FROM instances WHERE run = ? GROUP BY orchestration, status
	ORDER BY orchestration, status`

// InstancesOfRun counts the instances that a run caused, in order.
func (s *Store) InstancesOfRun(ctx context.Context, run int64) ([]InstanceCount, error) {
	return s.countInstances(ctx, instancesOfRun, run)
}

func (s *Store) countInstances(ctx context.Context, query string, args ...any) ([]InstanceCount, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail("count orchestrations", err)
	}
	list, err := collect(rows, func(row scanner) (c InstanceCount, err error) {
		err = row.Scan(&c.Orchestration, &c.Status, &c.Count)
		return c, err
	})
	return list, s.fail("count orchestrations", err)
}
