package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// An echo is a change in the directory that will be read there because the agent
// writes it. Echoes are committed with their intent, before the write is sent, so
// each of them is known before the change can be read. A change that turns out to be an
// echo gets the origin of the write; the echo is used up by that. How long an
// echo is waited for:
//   - While the intent is open, the write may still have its effect.
//   - When the write is known not to have had it, the echo goes with the intent.
//     If somebody else makes the same change later, it is theirs.
//   - When the write has had its effect, the echo is settled. The next complete
//     read of that domain controller that begins afterwards must show the change; a
//     deletion, where the account is not shown any, the next search for them.
//     If it does not, the value was overwritten, was there before, or is not
//     mirrored, and nothing comes any more. Another domain controller may be late,
//     so the echo stays for MostLag.
//   - Where nothing reads the directory into the mirror, retention forgets it.

// MostLag is how long a change may take from one domain controller to another, where
// nothing says how far replication is: between sites the rarest usual schedule is
// once a day.
const MostLag = 25 * time.Hour

// ofIntent finds the echoes of an intent by their index, which has those of open intents
// only.
const ofIntent = ` WHERE intent = ? AND intent <> 0`

const (
	selectEchoes   = `SELECT id, intent, anchor, part, digest, origin_json FROM echoes`
	echoesOfIntent = selectEchoes + ofIntent + ` ORDER BY id`
	settleOfIntent = `UPDATE echoes SET intent = 0, settled = ?, guid = CASE WHEN guid = '' THEN ? ELSE guid END` + ofIntent
	// What belongs to an object, and what to an account that is being created.
	ofObject = ` WHERE guid = ? ORDER BY id DESC`
	ofAnchor = ` WHERE guid = '' AND anchor = ? ORDER BY id DESC`
	// What is over.
	endedEchoes   = `DELETE FROM echoes WHERE settled <> 0 AND (settled < ? AND server = ? OR settled < ?) AND part `
	unheardEchoes = `DELETE FROM echoes WHERE id IN (SELECT id FROM echoes WHERE settled <> 0 AND settled < ? LIMIT ?)`
	ownerlessEcho = `DELETE FROM echoes WHERE intent <> 0 AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.id = echoes.intent)`
)

// expectEchoes records what will be read because of an intent. It does so also while
// changes in the directory are no events: a read with which they begin to be may be under
// way, and what it has passed by then comes after it.
func expectEchoes(ctx context.Context, tx *sql.Tx, in Intent) error {
	origin, err := toJSON(in.Origin)
	if err != nil {
		return err
	}
	anchor := in.Anchor
	if in.GUID != "" {
		anchor = ""
	}
	list := operation.Echoes(in.Operation)
	if len(list) == 0 {
		return nil
	}
	const columns = 7
	args := make([]any, 0, len(list)*columns)
	for _, e := range list {
		args = append(args, in.GUID, anchor, e.Part, e.Digest, origin, in.Database, in.ID)
	}
	//nolint:gosec // only placeholders are repeated
	_, err = tx.ExecContext(ctx, `INSERT INTO echoes (guid, anchor, part, digest, origin_json, server, intent, settled)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0)`+strings.Repeat(`, (?, ?, ?, ?, ?, ?, ?, 0)`, len(list)-1), args...)
	return err
}

// settleEchoes keeps the echoes of an intent whose operation was carried out as
// wrote says, and forgets the others; all of them for the zero Operation. The part that
// was not carried out is the business of whoever does the same later.
func settleEchoes(ctx context.Context, tx *sql.Tx, intent int64, guid ident.GUID, wrote ident.Operation) error {
	rows, err := tx.QueryContext(ctx, echoesOfIntent, intent)
	if err != nil {
		return err
	}
	list, err := collect(rows, scanEcho)
	if err != nil || len(list) == 0 {
		return err
	}
	made := operation.Echoes(wrote)
	for _, e := range list {
		if slices.Contains(made, e.Echo) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM echoes WHERE id = ?`, e.id); err != nil {
			return err
		}
	}
	// The mirror compares with the system's time, whatever clock the store has.
	_, err = tx.ExecContext(ctx, settleOfIntent, stamp(time.Now()), guid, intent)
	return err
}

// echo is a row of the table echoes.
type echo struct {
	operation.Echo
	id     int64
	intent int64 // 0 once it is known how the write ended
	anchor string
	origin ident.Origin
}

func scanEcho(row scanner) (e echo, err error) {
	var origin string
	if err = row.Scan(&e.id, &e.intent, &e.anchor, &e.Part, &e.Digest, &origin); err == nil {
		err = fromJSON(origin, &e.origin)
	}
	return e, err
}

// recognise gives each part of an event that is a write of the agent its origin. It
// returns the intent of such a write if it is still open: what follows from the write,
// such as a link, is not known yet.
func (b *mirrorBatch) recognise(e *ident.Event) (intent int64, err error) {
	expected, err := b.expectsEchoes()
	if err != nil || !expected {
		return 0, err
	}
	list, err := b.echoes(e)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		if p.Kind == ident.EventCreated {
			intent, err = b.recogniseCreated(e, p, list)
		} else if found := slices.IndexFunc(list, func(o echo) bool { return o.Echo == operation.EchoOf(e, *p) }); found >= 0 {
			p.Origin, intent = &list[found].origin, max(intent, list[found].intent)
			err = b.exec(`DELETE FROM echoes WHERE id = ?`, list[found].id)
		}
		if err != nil {
			return 0, err
		}
	}
	originOfFlags(e.Parts)
	if intent == 0 && !slices.ContainsFunc(e.Parts, func(p ident.EventPart) bool { return p.Origin == nil }) {
		e.Unsure = "" // the agent has done it
	}
	return intent, nil
}

// expectsEchoes reports whether there were echoes when the first event of the
// transaction was written. Nobody adds any before it ends.
func (b *mirrorBatch) expectsEchoes() (bool, error) {
	if b.echoing == nil {
		var expected bool
		if err := b.tx.QueryRowContext(b.ctx, `SELECT EXISTS (SELECT 1 FROM echoes)`).Scan(&expected); err != nil {
			return false, err
		}
		b.echoing = &expected
	}
	return *b.echoing, nil
}

// echoes lists what is expected of an object, the newest first. An object that was
// just made may be known by its anchor only.
func (b *mirrorBatch) echoes(e *ident.Event) ([]echo, error) {
	list, err := b.echoesBy(ofObject, e.GUID)
	if err != nil || len(list) > 0 || !slices.ContainsFunc(e.Parts, func(p ident.EventPart) bool { return p.Kind == ident.EventCreated }) {
		return list, err
	}
	for attribute, values := range e.Image {
		for _, v := range values {
			if _, _, ok := ident.ParseAnchor(v); !ok {
				continue
			}
			if list, err = b.echoesBy(ofAnchor, v); err != nil {
				return nil, err
			}
			// The value counts where the create writes it, and nowhere else.
			anchored := operation.EchoOfValues(attribute, []string{v})
			if slices.ContainsFunc(list, func(o echo) bool { return o.Echo == anchored }) && operation.Shows(e, anchored) {
				return list, nil
			}
		}
	}
	return nil, nil
}

func (b *mirrorBatch) echoesBy(where string, arg any) ([]echo, error) {
	stmt, err := b.prepare(selectEchoes + where)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(b.ctx, arg)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanEcho)
}

// recogniseCreated decides whether an account is as the agent has made it, with
// what the agent has written to it since. If somebody else has changed it too, the
// event is theirs: nobody has heard of that change.
func (b *mirrorBatch) recogniseCreated(e *ident.Event, p *ident.EventPart, list []echo) (intent int64, err error) {
	made := slices.IndexFunc(list, func(o echo) bool { return o.Echo == operation.EchoOf(e, *p) })
	if made < 0 {
		return 0, nil
	}
	asWritten := map[string]bool{}
	var seen []int64
	for _, o := range list {
		if o.Membership() {
			continue // it has an event of its own
		}
		is := operation.Shows(e, o.Echo)
		asWritten[o.Part] = asWritten[o.Part] || is
		if is {
			seen, intent = append(seen, o.id), max(intent, o.intent)
		}
	}
	for _, is := range asWritten {
		if !is {
			return 0, nil
		}
	}
	p.Origin = &list[made].origin
	for _, id := range seen {
		if err := b.exec(`DELETE FROM echoes WHERE id = ?`, id); err != nil {
			return 0, err
		}
	}
	return intent, nil
}

// originOfFlags gives a change of userAccountControl the origin of the change of
// state that it is. Which value an enable or a disable leaves depends on the other
// bits, so there is no echo of it.
func originOfFlags(parts []ident.EventPart) {
	const flags = "userAccountControl"
	for i := range parts {
		p := &parts[i]
		if p.Kind != ident.EventModified || !text.Same(p.Attribute, flags) || p.Origin != nil || len(p.Old) != 1 || len(p.New) != 1 {
			continue
		}
		before, err := strconv.ParseInt(p.Old[0], 10, 64)
		after, alsoErr := strconv.ParseInt(p.New[0], 10, 64)
		if cmp.Or(err, alsoErr) != nil || before^after != ident.AccountDisable {
			continue
		}
		for _, other := range parts {
			if other.Kind == ident.EventEnabled || other.Kind == ident.EventDisabled {
				p.Origin = other.Origin
			}
		}
	}
}

// forgetEchoes forgets what a complete read, which began at a time, did not show
// although it had to, and what belongs to no intent.
func (b *mirrorBatch) forgetEchoes(state MirrorState) error {
	deletions := state.Deletions
	if deletions.IsZero() {
		deletions = state.Synced
	}
	err := b.exec(endedEchoes+`<> ?`, stamp(state.Synced), state.Server, stamp(state.Synced.Add(-MostLag)), operation.EchoLife)
	if err == nil {
		err = b.exec(endedEchoes+`= ?`, stamp(deletions), state.Server, stamp(deletions.Add(-MostLag)), operation.EchoLife)
	}
	if err != nil {
		return err
	}
	return b.exec(ownerlessEcho)
}

// unheardFor is how long an echo is kept where changes are recorded as events and nothing
// reads the directory: the agent is stopped, or the automations that ask for events are
// out of use for a while. What was written meanwhile is compared when they come back.
const unheardFor = 30 * 24 * time.Hour

// echoesAtOnce is how many of them one transaction forgets.
const echoesAtOnce = 1000

// forgetUnheard forgets the settled echoes that no complete read has come to forget.
func (s *Store) forgetUnheard(ctx context.Context, now time.Time) error {
	state, err := s.MirrorState(ctx)
	if err != nil {
		return err
	}
	keep := MostLag
	if state.Events {
		keep = unheardFor
	}
	for {
		var n int64
		err := s.write(ctx, "forget what will not be read in the directory", func(tx *sql.Tx) (err error) {
			n, err = deleted(ctx, tx, unheardEchoes, stamp(now.Add(-keep)), echoesAtOnce)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
