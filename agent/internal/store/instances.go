package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// InstanceStatus says where an instance stands.
type InstanceStatus string

// The statuses of instances.
const (
	InstanceHeld       InstanceStatus = "held"       // more than limits.start: a person decides
	InstanceReady      InstanceStatus = "ready"      // its next step may be done now
	InstanceWaiting    InstanceStatus = "waiting"    // until NextAt: a delay, a condition, or the next try
	InstanceDelivering InstanceStatus = "delivering" // a delivery of it is in the outbox
	InstanceBlocked    InstanceStatus = "blocked"    // a step failed for good: a person decides
	InstanceDone       InstanceStatus = "done"
	InstanceFailed     InstanceStatus = "failed"
	InstanceCancelled  InstanceStatus = "cancelled"
)

// Ended reports whether nothing more happens in this status by itself.
func (s InstanceStatus) Ended() bool {
	return s == InstanceDone || s == InstanceFailed || s == InstanceCancelled
}

// Values lists the statuses.
func (InstanceStatus) Values() []string {
	return []string{"held", "ready", "waiting", "delivering", "blocked", "done", "failed", "cancelled"}
}

// NewInstance is an orchestration that begins for an object.
type NewInstance struct {
	Orchestration string
	Definition    json.RawMessage // it keeps to this text, whatever becomes of the configuration
	Automation    string          // "" when a person started it
	Trigger       string          // "command", "schedule", "after created", ...
	Run           int64           // the run that caused it; 0 for none
	By            string
	GUID          ident.GUID
	DN            ident.DN
	Name          string
	Input         json.RawMessage // what started it: the change, the former state of the object
	State         json.RawMessage
	Step          string // the first step
	// Held makes it wait for ApproveInstances, with Cause as the reason.
	Held  bool
	Cause string
	// Limit holds it too when as many have begun in 24 hours; nil holds nothing.
	// Whoever has Approved it has decided, and nothing is counted.
	Limit *StartLimit
	// Approved is the person who let it begin; such a start does not count in
	// CountStarts.
	Approved string
	// Writes says that it has steps that write to the directory. What they do belongs to
	// a run, so JudgeEvents gives it one.
	Writes bool
	// Password is the sealed initial password that this instance may hand over.
	// It is erased when the instance ends, at the latest.
	Password []byte
}

// Instance is one run of an orchestration for one object.
type Instance struct {
	ID            int64           `json:"id"`
	Orchestration string          `json:"orchestration"`
	Digest        string          `json:"digest"` // of its definition
	Automation    string          `json:"automation,omitempty"`
	Trigger       string          `json:"trigger"`
	Run           int64           `json:"run,omitempty"`
	By            string          `json:"by"`
	Approved      string          `json:"approved,omitempty"`
	ReplayOf      int64           `json:"replay_of,omitempty"`
	GUID          ident.GUID      `json:"guid"`
	DN            ident.DN        `json:"dn"`
	Name          string          `json:"name"`
	Status        InstanceStatus  `json:"status"`
	Step          string          `json:"step,omitempty"`
	Cause         string          `json:"cause,omitempty"`
	Next          string          `json:"next,omitempty"`
	Version       int64           `json:"-"`
	NextAt        time.Time       `json:"next_at,omitzero"`
	Created       time.Time       `json:"created"`
	Started       time.Time       `json:"started,omitzero"` // zero while it is held, and when it was rejected
	Since         time.Time       `json:"since"`            // of the status
	Ended         time.Time       `json:"ended,omitzero"`
	Input         json.RawMessage `json:"-"`
	State         json.RawMessage `json:"-"`
}

// StoryLine is one line of an instance's story: one try of a step, or the
// decision of a person.
type StoryLine struct {
	At       time.Time `json:"at"`
	Step     string    `json:"step,omitempty"`
	Delivery int64     `json:"delivery,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	By       string    `json:"by,omitempty"`
	Request  string    `json:"request,omitempty"` // redacted
	Status   int       `json:"status,omitempty"`  // HTTP status of the answer
	Answer   string    `json:"answer,omitempty"`
	Result   string    `json:"result"`
	Cause    string    `json:"cause,omitempty"`
	Next     string    `json:"next,omitempty"`
}

const selectInstances = `SELECT id, orchestration, digest, automation, cause_of, run, started_by, approved, replay_of, guid, dn, name,
	status, step, cause, next, version, next_at, created, started, since, ended, input_json, state_json FROM instances`

func scanInstance(row scanner) (i Instance, err error) {
	var nextAt, created, started, since, ended int64
	var input, state string
	err = row.Scan(&i.ID, &i.Orchestration, &i.Digest, &i.Automation, &i.Trigger, &i.Run, &i.By, &i.Approved, &i.ReplayOf,
		&i.GUID, &i.DN, &i.Name, &i.Status, &i.Step, &i.Cause, &i.Next, &i.Version, &nextAt, &created, &started, &since, &ended,
		&input, &state)
	i.NextAt, i.Created, i.Started, i.Since, i.Ended = moment(nextAt), moment(created), moment(started), moment(since), moment(ended)
	i.Input, i.State = json.RawMessage(input), json.RawMessage(state)
	return i, err
}

// EarlierInstances returns the instances for an object that began before another and
// have not ended, the first one first. Those that wait for a time or a condition are
// not among them.
func (s *Store) EarlierInstances(ctx context.Context, guid ident.GUID, before int64) ([]Instance, error) {
	rows, err := s.reader.QueryContext(ctx, selectInstances+` WHERE `+earlierInstances+` ORDER BY id`, guid, before)
	if err != nil {
		return nil, s.fail("earlier orchestrations for an object", err)
	}
	list, err := collect(rows, scanInstance)
	return list, s.fail("earlier orchestrations for an object", err)
}

// StartInstances begins instances, all or none, and returns their numbers.
func (s *Store) StartInstances(ctx context.Context, lease Lease, list []NewInstance) ([]int64, error) {
	var ids []int64
	err := s.writeDue(ctx, "start orchestrations", func(tx *sql.Tx) (err error) {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		ids, err = s.startAll(ctx, s.newBatch(tx), list)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func (s *Store) startAll(ctx context.Context, b *batch, list []NewInstance) ([]int64, error) {
	ids := make([]int64, 0, len(list))
	for _, n := range list {
		id, err := s.startOne(ctx, b, n, 0)
		if err != nil {
			return nil, fmt.Errorf("orchestration %s for %s: %w", n.Orchestration, n.Name, err)
		}
		ids = append(ids, id)
	}
	return ids, b.writeJournal(ctx, s)
}

func (s *Store) startOne(ctx context.Context, b *batch, n NewInstance, replayOf int64) (int64, error) {
	if n.Orchestration == "" || n.GUID == "" || len(n.Definition) == 0 {
		return 0, errors.New("an instance needs an orchestration, its definition and an objectGUID")
	}
	digest, err := b.define(ctx, n.Definition)
	if err != nil {
		return 0, err
	}
	if err := s.limit(ctx, b, &n); err != nil {
		return 0, err
	}
	next := ""
	if n.Held && n.Run != 0 {
		next = fmt.Sprintf("`%s` or `%s`", ident.Command("approve", strconv.FormatInt(n.Run, 10)),
			ident.Command("reject", strconv.FormatInt(n.Run, 10)))
	}
	now := stamp(s.now())
	status, started, turn := InstanceReady, now, int64(1)
	if n.Held {
		status, started = InstanceHeld, 0
	} else if turn, err = b.instanceTurn(ctx, n.Orchestration, n.GUID, 0); err != nil {
		return 0, err
	}
	id, err := b.insert(ctx, `INSERT INTO instances (orchestration, digest, automation, cause_of, run, started_by, approved, replay_of,
		guid, dn, name, status, step, cause, next, idle, turn, version, next_at, created, started, since, ended, input_json, state_json)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 1, ?, ?, ?, ?, 0, ?, ?)`,
		n.Orchestration, digest, n.Automation, n.Trigger, n.Run, n.By, n.Approved, replayOf, n.GUID, n.DN, n.Name, status, n.Step, n.Cause,
		next, turn, now, now, started, now, orNull(n.Input), orNull(n.State))
	if err != nil {
		return 0, err
	}
	if len(n.Password) > 0 {
		if err := b.exec(ctx, `INSERT INTO initial_passwords (instance, sealed) VALUES (?, ?)`, id, n.Password); err != nil {
			return 0, err
		}
	}
	text := "started by " + n.Trigger
	if n.Held {
		text = joinNonEmpty("held", n.Cause)
	}
	b.note(JournalLine{
		Kind: JournalOrchestration, Automation: n.Automation, By: n.By, Run: n.Run, Text: text,
		Orchestrated: &Orchestrated{Orchestration: n.Orchestration, Instance: id, GUID: n.GUID, DN: n.DN, Name: n.Name, Status: string(status)},
	})
	return id, nil
}

// orNull returns a JSON text, or the text null when there is none.
func orNull(text json.RawMessage) string {
	if len(text) == 0 {
		return "null"
	}
	return string(text)
}

// Approver returns who last approved an instance, or its step; "" for nobody.
func (s *Store) Approver(ctx context.Context, instance int64) (string, error) {
	var by string
	err := s.reader.QueryRowContext(ctx, `SELECT told_by FROM story WHERE instance = ? AND result = 'approved' ORDER BY id DESC LIMIT 1`,
		instance).Scan(&by)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return by, s.fail("read who approved an orchestration", err)
}

// Definition returns the definition with a digest, as NewInstance got it.
func (s *Store) Definition(ctx context.Context, digest string) (json.RawMessage, error) {
	var text string
	err := s.reader.QueryRowContext(ctx, `SELECT definition_json FROM definitions WHERE digest = ?`, digest).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("the store has no definition %s", digest)
	}
	return json.RawMessage(text), s.fail("read the definition of an orchestration", err)
}

// InitialPassword returns the sealed password that an instance may hand over;
// nil when there is none, or none any more.
func (s *Store) InitialPassword(ctx context.Context, instance int64) ([]byte, error) {
	var sealed []byte
	err := s.reader.QueryRowContext(ctx, `SELECT sealed FROM initial_passwords WHERE instance = ?`, instance).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return sealed, s.fail("read an initial password", err)
}

func definitionDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
