package store

import (
	"context"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// byKeys returns the condition for the rows of any of these keys, with its
// arguments: one is the condition for a key, and of its arguments. It is false for
// no keys.
func byKeys(keys []RecordKey, one string, of func(RecordKey) []any) (string, []any) {
	if len(keys) == 0 {
		return "1 = 0", nil
	}
	var args []any
	for _, k := range keys {
		args = append(args, of(k)...)
	}
	return "(" + one + strings.Repeat(" OR "+one, len(keys)-1) + ")", args
}

// timelineReceipts leaves out what was about the record of somebody else, who had
// the key then.
func (s *Store) timelineReceipts(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	condition, args := byKeys(of.Keys, "(application = ? AND records IN (?, ?) AND key = ?)", func(k RecordKey) []any {
		kind, unsaid := k.Space.Kind(), k.Space.Kind()
		if kind == ident.UserKind {
			unsaid = ""
		}
		return []any{k.Space.Application(), kind, unsaid, k.Key}
	})
	theirs := notOthers("receipts.application", "CASE receipts.records WHEN '' THEN 'user' ELSE receipts.records END",
		"receipts.key", "receipts.at")
	list, err := timelineRows(ctx, s.reader, of,
		`SELECT application, delivery, kind, records, key, state, cause, at, id FROM receipts WHERE `+condition+` AND `+theirs,
		append(args, of.GUID),
		func(row scanner, e *TimelineEntry, rest ...any) error {
			r := &TimelineReceived{}
			e.Kind, e.Receipt = TimelineReceipt, r
			into := []any{&r.Application, &r.Delivery, &r.Change, &r.Records, &r.Key, &r.State, &r.Cause}
			err := row.Scan(append(into, rest...)...)
			r.ID = e.id
			return err
		})
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if e.Receipt.Runs, err = s.receiptRuns(ctx, e.Receipt.ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// receiptRuns lists the runs that were about a receipt, in order.
func (s *Store) receiptRuns(ctx context.Context, receipt int64) ([]int64, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT run FROM receipt_runs WHERE receipt = ? AND failed = 0 ORDER BY run`, receipt)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanID)
}

// timelineOutcomes gives an operation that was held two entries: when its run held
// it, and what became of it. An operation that was not carried out is also about the
// record, whatever object it names: an adoption that is held, for example.
func (s *Store) timelineOutcomes(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	mine, args := `SELECT id FROM outcomes WHERE guid = ? AND guid <> ''`, []any{of.GUID}
	for _, k := range of.Keys { // one condition for all of them would read all outcomes
		mine += ` UNION ALL SELECT id FROM outcomes WHERE application = ? AND kind = ? AND key = ? AND key <> ''
			AND (guid = '' OR result <> 'applied')`
		args = append(args, k.Space.Application(), k.Space.Kind(), k.Key)
	}
	const columns = `o.id, o.automation, o.application, o.kind, o.run, coalesce(o.settled_run, 0), o.key, o.guid, o.dn, o.name,
		o.operation_json, `
	const settled = `(o.settled_run IS NOT NULL OR o.result IN ('rejected', 'dropped'))`
	query := `SELECT ` + columns + `o.result, o.code, o.cause, o.next, o.approved, o.at AS outcome_at, o.orchestration, r.kind AS run_kind,
			r.started_by, o.at, o.id AS entry
			FROM outcomes o JOIN runs r ON r.id = o.run WHERE o.id IN (SELECT id FROM mine)
		UNION ALL SELECT ` + columns + `'held', 0, '', '', '', o.at, o.orchestration, r.kind, r.started_by,
			CASE r.ended WHEN 0 THEN r.started ELSE r.ended END, o.id
			FROM outcomes o JOIN runs r ON r.id = o.run WHERE ` + settled + ` AND o.id IN (SELECT id FROM mine)`
	args = append(args, of.GUID, of.GUID, stamp(of.Since), of.Most)
	rows, err := s.reader.QueryContext(ctx, `WITH mine AS (`+mine+`)
		SELECT * FROM (`+query+`) q WHERE (guid = ? AND guid <> '' OR key = '' OR `+notOthers("q.application", "q.kind", "q.key", "q.at")+`)
			AND at >= ? ORDER BY at DESC, entry DESC LIMIT ?`, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanTimelineOutcome)
}

func scanTimelineOutcome(row scanner) (e TimelineEntry, err error) {
	o := &TimelineOperation{}
	var at int64
	h, err := scanOutcomeAnd(row, &o.Orchestration, &o.RunKind, &o.By, &at, &e.id)
	if err != nil {
		return e, err
	}
	o.Outcome, o.Automation, o.Application, o.Kind = h.Outcome, h.Automation, h.Application, h.Kind
	e.At, e.Kind, e.Outcome = moment(at), TimelineOutcome, o
	o.At = e.At
	if o.Result == ident.ResultHeld {
		o.SettledBy = 0
	}
	if o.Key == "" { // a directory step is about no record
		o.Kind = ""
	}
	return e, nil
}

func (s *Store) timelineLinks(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	return timelineRows(ctx, s.reader, of,
		`SELECT application, kind, key, guid, made, automation, orchestration, origin, run, changed_by, at, id FROM link_changes
			WHERE guid = ? AND guid <> ''`, []any{of.GUID},
		func(row scanner, e *TimelineEntry, rest ...any) error {
			c := &LinkChange{}
			e.Kind, e.Link = TimelineLink, c
			into := []any{&c.Application, &c.Kind, &c.Key, &c.GUID, &c.Made, &c.Automation, &c.Orchestration, &c.Origin, &c.Run, &c.By}
			return row.Scan(append(into, rest...)...)
		})
}

func (s *Store) timelineEvents(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	const query = `SELECT ` + eventColumns + ` FROM events WHERE guid = ? AND guid <> ''`
	return timelineRows(ctx, s.reader, of, query, []any{of.GUID}, scanTimelineEvent)
}

// eventColumns end with those that timelineRows reads.
const eventColumns = `object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, unsure, open, at, id`

func scanTimelineEvent(row scanner, e *TimelineEntry, rest ...any) error {
	c, group, parts := &TimelineChange{}, ident.EventGroup{}, ""
	e.Kind, e.Event = TimelineEvent, c
	into := []any{&c.Object, &c.GUID, &c.DN, &c.From, &c.Name, &group.GUID, &group.DN, &group.Name, &parts, &c.Unsure, &c.Open}
	err := row.Scan(append(into, rest...)...)
	if err != nil {
		return err
	}
	c.ID = e.id
	if group != (ident.EventGroup{}) {
		c.Group = &group
	}
	if c.Parts, err = ident.ParseParts(parts); err != nil { // the others are told all the same
		c.Parts, c.Unsure = nil, "what happened cannot be read: its row in the agent's state is damaged: "+err.Error()
	}
	for i := range c.Parts {
		c.Parts[i].Attribute = ident.Spelled(c.Parts[i].Attribute)
	}
	return nil
}

func (s *Store) timelineVerdicts(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	return timelineRows(ctx, s.reader, of,
		`SELECT v.automation, v.verdict, v.instance, coalesce(i.orchestration, '') AS orchestration, v.cause, v.next, v.at, v.event AS id
			FROM event_verdicts v JOIN events e ON e.id = v.event LEFT JOIN instances i ON i.id = v.instance
			WHERE e.guid = ? AND e.guid <> ''`, []any{of.GUID},
		func(row scanner, e *TimelineEntry, rest ...any) error {
			v := &TimelineJudged{}
			e.Kind, e.Verdict = TimelineVerdict, v
			into := []any{&v.Automation, &v.Verdict, &v.Instance, &v.Orchestration, &v.Cause, &v.Next}
			err := row.Scan(append(into, rest...)...)
			v.Event = e.id
			return err
		})
}

// timelineInstances gives an orchestration one entry for its beginning and one for
// its end.
func (s *Store) timelineInstances(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	const columns = `SELECT orchestration, automation, cause_of, run, started_by, replay_of, `
	const begins = columns + `CASE WHEN started = created THEN 'begun' ELSE 'held' END AS became,
		CASE WHEN status = 'held' THEN cause ELSE '' END AS cause, CASE WHEN status = 'held' THEN next ELSE '' END AS next, created AS at, id
		FROM instances WHERE guid = ?1 AND guid <> ''`
	const ends = columns + `status, cause, next, ended, id FROM instances WHERE guid = ?1 AND guid <> '' AND ended <> 0`
	return timelineRows(ctx, s.reader, of, begins+` UNION ALL `+ends, []any{of.GUID},
		func(row scanner, e *TimelineEntry, rest ...any) error {
			i := &TimelineInstance{}
			e.Kind, e.Orchestration = TimelineOrchestration, i
			into := []any{&i.Orchestration, &i.Automation, &i.Trigger, &i.Run, &i.By, &i.ReplayOf, &i.Became, &i.Cause, &i.Next}
			err := row.Scan(append(into, rest...)...)
			i.Instance = e.id
			return err
		})
}

func (s *Store) timelineSteps(ctx context.Context, of TimelineOf) ([]TimelineEntry, error) {
	return timelineRows(ctx, s.reader, of,
		`SELECT i.id AS instance, i.orchestration, coalesce(d.webhook, '') AS webhook, coalesce(d.application, '') AS application, s.step,
			s.delivery, s.attempt, s.told_by, CASE WHEN s.attempt > 0 THEN coalesce(d.request, s.request) ELSE s.request END AS request,
			s.status, s.answer, s.result, s.cause, s.next, s.at, s.id
			FROM instances i JOIN story s ON s.instance = i.id LEFT JOIN deliveries d ON d.id = s.delivery
			WHERE i.guid = ? AND i.guid <> ''`, []any{of.GUID},
		func(row scanner, e *TimelineEntry, rest ...any) error {
			l := &TimelineInstanceStory{}
			e.Kind, e.Step = TimelineStep, l
			into := []any{
				&l.Instance, &l.Orchestration, &l.Webhook, &l.Application, &l.Step, &l.Delivery, &l.Attempt, &l.By, &l.Request,
				&l.Status, &l.Answer, &l.Result, &l.Cause, &l.Next,
			}
			return row.Scan(append(into, rest...)...)
		})
}
