package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TimelineKind says what an entry of a timeline is about.
type TimelineKind string

// The kinds of entries, in the order in which those of one moment stand.
const (
	TimelineReceipt       TimelineKind = "receipt"       // an application told of a change
	TimelineOutcome       TimelineKind = "outcome"       // what became of an operation of a run or a step
	TimelineLink          TimelineKind = "link"          // a link was made or removed
	TimelineEvent         TimelineKind = "event"         // what the directory showed
	TimelineVerdict       TimelineKind = "verdict"       // what an automation made of an event
	TimelineOrchestration TimelineKind = "orchestration" // an orchestration was begun, was held or ended
	TimelineStep          TimelineKind = "step"          // a try of a step, or the decision of a person
)

var timelineKinds = []TimelineKind{
	TimelineReceipt, TimelineOutcome, TimelineLink, TimelineEvent, TimelineVerdict, TimelineOrchestration, TimelineStep,
}

// TimelineEntry is one thing that happened to a person. The member that Kind names
// is set, and no other.
type TimelineEntry struct {
	At            time.Time              `json:"at"`
	Kind          TimelineKind           `json:"kind"`
	Receipt       *TimelineReceived      `json:"receipt,omitempty"`
	Outcome       *TimelineOperation     `json:"outcome,omitempty"`
	Link          *LinkChange            `json:"link,omitempty"`
	Event         *TimelineChange        `json:"event,omitempty"`
	Verdict       *TimelineJudged        `json:"verdict,omitempty"`
	Orchestration *TimelineInstance      `json:"orchestration,omitempty"`
	Step          *TimelineInstanceStory `json:"step,omitempty"`

	id int64 // orders entries of one kind and moment
}

// TimelineReceived is what an application sent to the receiver.
type TimelineReceived struct {
	ID          int64     `json:"id"`
	Application string    `json:"application"`
	Delivery    string    `json:"delivery"` // the application's id of it
	Change      string    `json:"change"`   // in the application's words
	Records     string    `json:"records"`  // the kind of the records
	Key         ident.Key `json:"key"`
	State       string    `json:"state"` // open, done, ignored, failed
	Runs        []int64   `json:"runs,omitempty"`
	Cause       string    `json:"cause,omitempty"`
}

// TimelineOperation is an operation of a run, or of a directory step, with what
// became of it.
type TimelineOperation struct {
	Automation    string `json:"automation,omitempty"`
	Orchestration string `json:"orchestration,omitempty"` // whose directory step it was
	Application   string `json:"application,omitempty"`
	Kind          string `json:"kind,omitempty"` // of the record
	RunKind       Kind   `json:"run_kind"`
	By            string `json:"by"` // the person or trigger that started the run
	ident.Outcome
}

// TimelineChange is an event of the directory.
type TimelineChange struct {
	ID     int64             `json:"id"`
	Object ident.ObjectKind  `json:"object"`
	GUID   ident.GUID        `json:"guid"`
	Name   string            `json:"name"`
	DN     ident.DN          `json:"dn"`
	From   ident.DN          `json:"from,omitempty"`
	Group  *ident.EventGroup `json:"group,omitempty"`
	Parts  []ident.EventPart `json:"parts"`
	Unsure string            `json:"unsure,omitempty"`
	Open   bool              `json:"open,omitempty"` // no automation has judged it yet
}

// TimelineJudged is what an automation made of an event.
type TimelineJudged struct {
	Event         int64  `json:"event"`
	Automation    string `json:"automation"`
	Verdict       string `json:"verdict"`
	Instance      int64  `json:"instance,omitempty"`
	Orchestration string `json:"orchestration,omitempty"` // of the instance
	Cause         string `json:"cause,omitempty"`
	Next          string `json:"next,omitempty"`
}

// TimelineInstance is the beginning or the end of an orchestration.
type TimelineInstance struct {
	Instance      int64  `json:"instance"`
	Orchestration string `json:"orchestration"`
	Automation    string `json:"automation,omitempty"`
	Trigger       string `json:"trigger"`
	Run           int64  `json:"run,omitempty"`
	By            string `json:"by"`
	ReplayOf      int64  `json:"replay_of,omitempty"`
	// Became is begun or held, or the status in which it ended.
	Became string `json:"became"`
	Cause  string `json:"cause,omitempty"`
	Next   string `json:"next,omitempty"`
}

// Became of a TimelineInstance at its beginning; at its end it is an InstanceStatus.
const (
	BecameBegun = "begun"
	BecameHeld  = string(InstanceHeld)
)

// TimelineInstanceStory is a line of an orchestration's story.
type TimelineInstanceStory struct {
	Instance      int64  `json:"instance"`
	Orchestration string `json:"orchestration"`
	Webhook       string `json:"webhook,omitempty"`
	Application   string `json:"application,omitempty"` // of the webhook
	StoryLine
}

// RecordKey is a key of an application's records.
type RecordKey struct {
	Space ident.Space
	Key   ident.Key
}

// TimelineOf says whose timeline is read, and which part of it.
type TimelineOf struct {
	GUID  ident.GUID  // "": nobody of the directory
	Keys  []RecordKey // of the person's records, now and formerly
	Since time.Time
	Most  int // so many of the newest
}

// Timeline returns what happened to a person, as far as it is kept, the oldest
// first. earlier reports whether there is more before that. It holds at most
// of.Most entries of each kind in memory.
func (s *Store) Timeline(ctx context.Context, of TimelineOf) (list []TimelineEntry, earlier bool, err error) {
	for _, read := range []func(context.Context, TimelineOf) ([]TimelineEntry, error){
		s.timelineReceipts, s.timelineOutcomes, s.timelineLinks, s.timelineEvents, s.timelineVerdicts, s.timelineInstances, s.timelineSteps,
	} {
		more := of
		more.Most++
		some, err := read(ctx, more)
		if err != nil {
			return nil, false, s.fail("timeline", err)
		}
		list = newest(append(list, some...), more.Most)
	}
	if earlier = len(list) > of.Most; earlier {
		list = list[1:]
	}
	return list, earlier, nil
}

// newest puts entries in order and returns the last ones.
func newest(list []TimelineEntry, most int) []TimelineEntry {
	slices.SortStableFunc(list, func(x, y TimelineEntry) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.place(), y.place()), cmp.Compare(x.id, y.id))
	})
	return list[max(0, len(list)-most):]
}

// place orders entries of one moment: causes come before what follows from them,
// and an orchestration ends after its steps.
func (e TimelineEntry) place() int {
	if e.Orchestration != nil && e.Orchestration.Became != BecameBegun && e.Orchestration.Became != BecameHeld {
		return len(timelineKinds)
	}
	return slices.Index(timelineKinds, e.Kind)
}

// timelineRows reads the newest rows of one kind. The query has its conditions and
// selects, at its end, the columns at and id.
//
// Every condition must be part of it: whoever drops rows afterwards drops some of
// the newest, and says that there are no others before.
func timelineRows(
	ctx context.Context, db *sql.DB, of TimelineOf, query string, args []any, scan func(scanner, *TimelineEntry, ...any) error,
) ([]TimelineEntry, error) {
	//nolint:gosec // queries are written in this package
	rows, err := db.QueryContext(ctx, `SELECT * FROM (`+query+`) q WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?`,
		append(args, stamp(of.Since), of.Most)...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(row scanner) (e TimelineEntry, err error) {
		var at int64
		err = scan(row, &e, &at, &e.id)
		if e.At = moment(at); e.Step != nil {
			e.Step.At = e.At
		}
		return e, err
	})
}

// KeysOf lists the keys of an object's records in applications, now and formerly,
// in order. An operation makes a record the object's only when it was carried out:
// what is held, or was rejected, may be an adoption that a person does not want.
func (s *Store) KeysOf(ctx context.Context, guid ident.GUID) ([]RecordKey, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT application, kind, key FROM links WHERE guid = ?1
		UNION SELECT application, kind, key FROM link_changes WHERE guid = ?1
		UNION SELECT application, kind, key FROM outcomes WHERE guid = ?1 AND guid <> '' AND key <> '' AND result = 'applied'
		ORDER BY 1, 2, 3`, guid)
	if err != nil {
		return nil, s.fail("keys of an object", err)
	}
	keys, err := collect(rows, func(row scanner) (k RecordKey, err error) {
		var application, kind string
		err = row.Scan(&application, &kind, &k.Key)
		k.Space = ident.SpaceOf(application, kind)
		return k, err
	})
	return keys, s.fail("keys of an object", err)
}

// notOthers is the condition that a record was nobody's but an object's ("" for none)
// at a moment; its argument is the object. The four texts are columns. Whose it was
// says its last link before. What came before its first link belongs to who got that,
// and what came before anything that is kept about its links to whose it is.
func notOthers(application, kind, key, at string) string {
	of := ` WHERE c.application = ` + application + ` AND c.kind = ` + kind + ` AND c.key = ` + key
	return `coalesce(
		nullif((SELECT CASE c.made WHEN 1 THEN c.guid ELSE '' END FROM link_changes c` + of + ` AND c.at <= ` + at + `
			ORDER BY c.at DESC, c.id DESC LIMIT 1), ''),
		(SELECT c.guid FROM link_changes c` + of + ` AND c.at > ` + at + ` AND c.made = 1 ORDER BY c.at, c.id LIMIT 1),
		(SELECT c.guid FROM links c` + of + ` AND c.created <= ` + at + `),
		'') IN ('', ?)`
}
