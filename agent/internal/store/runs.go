package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind says what started a run.
type Kind string

// The kinds of runs.
const (
	KindScheduled Kind = "scheduled"
	KindManual    Kind = "manual"
	KindSaved     Kind = "saved"    // a plan that was saved to a file
	KindApproval  Kind = "approval" // of what another run held
	KindLink      Kind = "link"     // a link made by hand
	// KindOrchestrate is an orchestration that somebody began for chosen objects.
	KindOrchestrate Kind = "orchestrate"
	KindInstant     Kind = "instant" // of single users, because an application reported their change
	KindChosen      Kind = "chosen"  // of single users whom a person chose
	// KindEvents holds the orchestrations that changes in the directory would begin, and
	// that are more than limits.start; or has what those that began write to the
	// directory, for a day.
	KindEvents Kind = "events"
)

// RunResult says how a run ended.
type RunResult string

// The results of a run. When several apply, the later one in this list counts.
const (
	RunRunning     RunResult = "running"
	RunOK          RunResult = "ok"
	RunQuarantined RunResult = "quarantined" // some users were not processed, or not in every part
	RunHeld        RunResult = "held"        // a part waits for approval, or was refused by limits
	RunDoubtful    RunResult = "doubtful"    // the delivery cannot be trusted: leavers may go unnoticed
	RunPartial     RunResult = "partial"     // some writes failed
	RunFailed      RunResult = "failed"      // all writes failed, or the run could not be carried out
	RunInterrupted RunResult = "interrupted" // the run was stopped, or the agent died during it
)

// RunResults lists the results that a run can have.
var RunResults = []RunResult{RunOK, RunQuarantined, RunHeld, RunDoubtful, RunPartial, RunFailed, RunInterrupted}

// Run is one execution of an automation.
type Run struct {
	ID         int64  `json:"id"`
	Automation string `json:"automation"`
	// Application is the automation's application; "" for runs of older
	// versions, which did not record it, when they left no outcome.
	Application string `json:"application,omitempty"`
	// Orchestration is what the run began for objects of the directory; "" for a
	// run that brings records of an application into the directory.
	Orchestration string          `json:"orchestration,omitempty"`
	Kind          Kind            `json:"kind"`
	By            string          `json:"by"` // the person or trigger that started it
	Started       time.Time       `json:"started"`
	Ended         *time.Time      `json:"ended,omitempty"`
	Result        RunResult       `json:"result"`
	Error         string          `json:"error,omitempty"` // why the result is failed, partial or doubtful
	Plan          json.RawMessage `json:"plan,omitempty"`  // the plan without its changes
	// Held counts the operations that the run held and nobody has decided yet,
	// HeldStarts the orchestrations.
	Held       int `json:"held,omitempty"`
	HeldStarts int `json:"held_orchestrations,omitempty"`
}

const selectRuns = `SELECT id, automation, application, orchestration,
	(SELECT count(*) FROM outcomes WHERE run = runs.id AND outcomes.result = 'held'),
	(SELECT count(*) FROM instances WHERE run = runs.id AND instances.status = 'held'),
	kind, started_by, started, ended, result, error, plan_json FROM runs`

// StartRun records that a run has started under a lease and returns its
// number. Started is set to the time of the call when it is zero.
func (s *Store) StartRun(ctx context.Context, lease Lease, run Run) (int64, error) {
	err := s.write(ctx, "start run", func(tx *sql.Tx) error {
		if err := s.checkLive(ctx, tx, lease); err != nil {
			return err
		}
		run.Started, run.Result = s.orNow(run.Started), RunRunning
		result, err := tx.ExecContext(ctx, `INSERT INTO runs
			(automation, application, orchestration, kind, started_by, started, ended, result, error, plan_json)
			VALUES (?, ?, ?, ?, ?, ?, 0, ?, '', ?)`, run.Automation, run.Application, run.Orchestration, run.Kind, run.By, stamp(run.Started),
			run.Result, string(run.Plan))
		if err != nil {
			return err
		}
		if run.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		return s.journalRun(ctx, tx, run)
	})
	if err != nil {
		return 0, err
	}
	return run.ID, nil
}

// FinishRun records how the run with run.ID ended: Result, Error, Plan, and
// Ended (the time of the call when nil).
func (s *Store) FinishRun(ctx context.Context, lease Lease, run Run) error {
	return s.write(ctx, "finish run", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		return s.endRun(ctx, tx, run)
	})
}

func (s *Store) endRun(ctx context.Context, tx *sql.Tx, run Run) error {
	known, err := scanRun(tx.QueryRowContext(ctx, selectRuns+` WHERE id = ?`, run.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("there is no run %d", run.ID)
	}
	if err != nil {
		return err
	}
	if known.Result != RunRunning {
		return fmt.Errorf("run %d has ended already: %s", run.ID, known.Result)
	}
	if run.Ended == nil {
		now := s.now()
		run.Ended = &now
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET ended = ?, result = ?, error = ?, plan_json = ? WHERE id = ?`,
		stamp(*run.Ended), run.Result, run.Error, string(run.Plan), run.ID)
	if err != nil {
		return err
	}
	known.Result, known.Error = run.Result, run.Error
	if err := s.journalConflicts(ctx, tx, known, run.Plan); err != nil {
		return err
	}
	return s.journalRun(ctx, tx, known)
}

func (s *Store) journalRun(ctx context.Context, tx *sql.Tx, run Run) error {
	return s.journal(ctx, tx, JournalLine{
		Kind: JournalRun, Automation: run.Automation, By: run.By, Run: run.ID,
		Text: joinNonEmpty(string(run.Kind), run.Orchestration, string(run.Result), run.Error),
	})
}

// InterruptRuns marks the runs that a crash left running as interrupted, and
// returns how many there were. Like BreakLeases, it is for a process that has
// just taken the lock of the state folder.
func (s *Store) InterruptRuns(ctx context.Context) (int, error) {
	var left []Run
	err := s.write(ctx, "interrupt runs", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, selectRuns+` WHERE result = ? ORDER BY id`, RunRunning)
		if err != nil {
			return err
		}
		if left, err = collect(rows, scanRun); err != nil {
			return err
		}
		for _, run := range left {
			run.Result, run.Error = RunInterrupted, "the agent ended while it ran"
			if err := s.endRun(ctx, tx, run); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(left), nil
}

// Runs returns the last runs, at most limit, the newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]Run, error) {
	rows, err := s.reader.QueryContext(ctx, selectRuns+` ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, s.fail("runs", err)
	}
	runs, err := collect(rows, scanRun)
	return runs, s.fail("runs", err)
}

// LastScheduled returns when the last scheduled run of an automation started;
// the zero time when there was none. Other kinds of runs do not count.
func (s *Store) LastScheduled(ctx context.Context, automation string) (time.Time, error) {
	var started int64
	err := s.reader.QueryRowContext(ctx, `SELECT started FROM runs WHERE automation = ? AND kind = ? ORDER BY id DESC LIMIT 1`,
		automation, KindScheduled).Scan(&started)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return moment(started), s.fail("last scheduled run", err)
}

// Standing returns the results of an automation's last complete run, and the
// time at which the last successful one ended. A run of a part only does not
// count, nor does one that is still under way. results holds the run's result
// and those that its summary adds; it is empty when there was no run. success is
// zero when none succeeded.
func (s *Store) Standing(ctx context.Context, automation string) (results []string, success time.Time, err error) {
	const whole = ` FROM runs WHERE automation = ? AND kind IN (?, ?) AND result `
	var result string
	var besides []byte
	err = s.reader.QueryRowContext(ctx,
		`SELECT result, coalesce(json_extract(nullif(plan_json, ''), '$.besides'), '[]')`+whole+`<> ? ORDER BY id DESC LIMIT 1`,
		automation, KindScheduled, KindManual, RunRunning).Scan(&result, &besides)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	if err == nil {
		err = json.Unmarshal(besides, &results)
	}
	if err != nil {
		return nil, time.Time{}, s.fail("last run", err)
	}
	results = append([]string{result}, results...)
	var ended int64
	err = s.reader.QueryRowContext(ctx, `SELECT ended`+whole+`IN (?, ?, ?) ORDER BY id DESC LIMIT 1`,
		automation, KindScheduled, KindManual, RunOK, RunQuarantined, RunHeld).Scan(&ended)
	if errors.Is(err, sql.ErrNoRows) {
		return results, time.Time{}, nil
	}
	return results, moment(ended), s.fail("last success", err)
}

// RunByID returns a run; false when there is none with that number.
func (s *Store) RunByID(ctx context.Context, id int64) (Run, bool, error) {
	run, err := scanRun(s.reader.QueryRowContext(ctx, selectRuns+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Run{}, false, nil
	}
	return run, err == nil, s.fail("run", err)
}

func scanRun(row scanner) (Run, error) {
	var (
		r              Run
		started, ended int64
		plan           string
	)
	if err := row.Scan(&r.ID, &r.Automation, &r.Application, &r.Orchestration, &r.Held, &r.HeldStarts, &r.Kind, &r.By, &started, &ended,
		&r.Result, &r.Error, &plan); err != nil {
		return Run{}, err
	}
	r.Started, r.Ended = moment(started), momentOf(ended)
	if plan != "" {
		r.Plan = json.RawMessage(plan)
	}
	return r, nil
}
