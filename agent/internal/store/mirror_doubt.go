package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/event"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// What the bind account may no longer read looks as if it were gone. This file says
// which differences are therefore in doubt; their events carry the cause:
//   - The mirror's caller knows which deletions are not certain (see MirrorTx.Doubt).
//     What follows from one is not either: the memberships, the references such as
//     manager, the return.
//   - An attribute, or the members of groups, that a full read no longer shows of most
//     objects that had it. A lost permission is more likely than so many changes.
//   - What comes back of these.
// The agent's own writes are certain in all cases.

// fewLost is up to how many objects of a kind may lose an attribute without suspicion,
// so that a small directory is not always in doubt.
const fewLost = 2

// groupsOf stands in mirror_doubts for the memberships of an object.
const groupsOf = "memberof"

// lostAttribute is an attribute that users or groups have lost; members for the
// members of groups.
type lostAttribute struct {
	kind ident.ObjectKind
	name string
}

// findVanished finds the attributes that most objects have lost in a full read.
func (r *recorder) findVanished() error {
	if !r.durable {
		return nil
	}
	lost := map[lostAttribute]int{}
	err := r.eachTouched(func(guid ident.GUID, t touched) error { return r.countLost(guid, t, lost) })
	if err != nil {
		return err
	}
	var groups int
	err = r.b.batch.scan(r.b.ctx, []any{&groups}, `SELECT count(*) FROM (SELECT DISTINCT group_guid FROM mirror_members WHERE added = 0) g
		JOIN mirror m ON m.guid = g.group_guid
		WHERE NOT EXISTS (SELECT 1 FROM mirror_values v WHERE v.entry = m.id AND v.attribute = '`+members+`')`)
	if err != nil {
		return err
	}
	lost[lostAttribute{ident.ObjectGroup, members}] = groups
	for what, n := range lost {
		if n <= fewLost {
			continue
		}
		left, err := r.stillHave(what)
		if err != nil {
			return err
		}
		if n > left {
			r.vanished[what] = fmt.Sprintf("%s is no longer shown of %d of the %d %ss that had it: "+
				"it was removed, or the bind account may no longer read it", what.name, n, n+left, what.kind)
		}
	}
	return nil
}

// countLost counts the attributes of which an object has no value any more.
func (r *recorder) countLost(guid ident.GUID, t touched, lost map[lostAttribute]int) error {
	if t.dn == "" {
		return nil
	}
	var names []string
	for name, old := range t.old {
		if len(old) == 0 {
			continue
		}
		has, err := r.has(guid, name)
		if err != nil {
			return err
		}
		if !has {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	after, found, err := r.entry(guid)
	if err != nil || !found {
		return err
	}
	if kind, ok := event.Kind(after.Attributes); ok {
		for _, name := range names {
			lost[lostAttribute{kind, name}]++
		}
	}
	return nil
}

// has reports whether an object has an attribute now.
func (r *recorder) has(guid ident.GUID, attribute string) (has bool, err error) {
	err = r.b.batch.scan(r.b.ctx, []any{&has},
		`SELECT count(*) > 0 FROM mirror m JOIN mirror_values v ON v.entry = m.id WHERE m.guid = ? AND v.attribute = ?`, guid, attribute)
	return has, err
}

// stillHave counts the objects that have an attribute now.
func (r *recorder) stillHave(what lostAttribute) (n int, err error) {
	const ofClass = `EXISTS (SELECT 1 FROM mirror_values c WHERE c.entry = v.entry AND c.attribute = 'objectclass' AND c.folded = ?)`
	err = r.b.batch.scan(r.b.ctx, []any{&n},
		`SELECT count(DISTINCT v.entry) FROM mirror_values v WHERE v.attribute = ? AND `+ofClass+` AND NOT `+ofClass,
		what.name, []byte(what.kind), []byte("computer"))
	return n, err
}

// addParts adds an event of an object. What is in doubt of it is another event, so
// that the rest is not set aside with it.
func (r *recorder) addParts(e ident.Event, parts []ident.EventPart) error {
	doubtful := e
	var causes []string
	for _, p := range parts {
		why, err := r.doubtOf(e, p)
		if err != nil {
			return err
		}
		if why == "" {
			e.Parts = append(e.Parts, p)
			continue
		}
		doubtful.Parts = append(doubtful.Parts, p)
		if !slices.Contains(causes, why) {
			causes = append(causes, why)
		}
	}
	if len(e.Parts) > 0 {
		if err := r.add(&e); err != nil {
			return err
		}
	}
	if len(doubtful.Parts) == 0 {
		return nil
	}
	doubtful.Unsure = strings.Join(causes, "; ")
	return r.add(&doubtful)
}

// doubtOf says why a part of an event is in doubt; "" when it is certain.
func (r *recorder) doubtOf(e ident.Event, p ident.EventPart) (string, error) {
	if p.Kind != ident.EventModified {
		return "", nil
	}
	before, err := r.takeDoubt(e.GUID, p.Attribute)
	if err != nil {
		return "", err
	}
	why := ""
	if len(p.New) == 0 {
		why = r.vanished[lostAttribute{e.Object, p.Attribute}]
	}
	if why == "" && isReference(p.Attribute) && len(p.New) < len(p.Old) {
		why, err = r.doubtOfFormer(p.Old)
	}
	if why != "" {
		return why, r.noteDoubt(e.GUID, p.Attribute)
	}
	if err == nil && isReference(p.Attribute) {
		why, err = r.doubtOfNamed(p.New)
	}
	if err == nil && why == "" && before {
		why = shownAgain(p.Attribute)
	}
	return why, err
}

func shownAgain(what string) string {
	return "it was not certain that " + what + " was removed before: it was changed, " +
		"or the bind account is shown again what was there all the time"
}

// doubtOfFormer says why it is not certain what became of an object that one of the
// values named before.
func (r *recorder) doubtOfFormer(values []string) (string, error) {
	for _, v := range values {
		guid, err := recordedPlaces{r}.Before(ident.DN(v))
		if err != nil {
			return "", err
		}
		if why := r.doubts[guid]; why != "" {
			return "about " + v + ": " + why, nil
		}
	}
	return "", nil
}

// doubtOfNamed says why the return of an object is in doubt that one of the values names.
func (r *recorder) doubtOfNamed(values []string) (string, error) {
	for _, v := range values {
		guid, err := recordedPlaces{r}.After(ident.DN(v))
		if err != nil {
			return "", err
		}
		why, err := r.doubtOfReturn(guid)
		if why != "" || err != nil {
			return "about " + v + ": " + why, err
		}
	}
	return "", nil
}

// doubtOfReturn says why the return of an object is in doubt, told or not told yet.
func (r *recorder) doubtOfReturn(guid ident.GUID) (string, error) {
	if why := r.doubts[guid]; why != "" || guid == "" {
		return why, nil
	}
	var unsure string
	err := r.b.batch.scan(r.b.ctx, []any{&unsure}, `SELECT unsure FROM mirror_deleted WHERE guid = ?`, guid)
	if none(err) || err == nil && unsure == "" {
		return "", nil
	}
	return inSightAgain, err
}

// doubtOfMembers says why it is not certain that a group has lost, or gained, members.
func (r *recorder) doubtOfMembers(group ident.GUID, left, joined []ident.GUID) (gone, come string, err error) {
	before, err := r.takeDoubt(group, members)
	if err != nil {
		return "", "", err
	}
	if before && len(joined) > 0 {
		come = shownAgain(members)
	}
	why := r.vanished[lostAttribute{ident.ObjectGroup, members}]
	if why == "" || len(left) == 0 {
		return "", come, nil
	}
	if has, err := r.has(group, members); err != nil || has {
		return "", come, err
	}
	return why, come, r.noteDoubt(group, members)
}

// doubtOfMember says why it is not certain what became of the group or of the member.
func (r *recorder) doubtOfMember(guid, group ident.GUID, what ident.EventKind) (string, error) {
	if why := r.doubts[group]; why != "" {
		return "about the group: " + why, nil
	}
	if why := r.doubts[guid]; why != "" || what != ident.EventMemberAdded {
		return why, nil
	}
	again, err := r.isAgain(guid)
	if err != nil || !again {
		return "", err
	}
	return inSightAgain, nil
}

// noteDoubt remembers that an object may have lost an attribute only because it is not
// shown any more: what comes back of it is in doubt as well.
func (r *recorder) noteDoubt(guid ident.GUID, attribute string) error {
	return r.b.exec(`INSERT INTO mirror_doubts (guid, attribute) VALUES (?, ?) ON CONFLICT (guid, attribute) DO NOTHING`, guid, attribute)
}

// remembersDoubts reports whether doubts were remembered when the first event was told.
func (r *recorder) remembersDoubts() (bool, error) {
	if r.doubted == nil {
		var doubted bool
		if err := r.b.batch.scan(r.b.ctx, []any{&doubted}, `SELECT count(*) > 0 FROM mirror_doubts`); err != nil {
			return false, err
		}
		r.doubted = &doubted
	}
	return *r.doubted, nil
}

// takeDoubt reports whether a doubt was remembered, and forgets it.
func (r *recorder) takeDoubt(guid ident.GUID, attribute string) (bool, error) {
	if any, err := r.remembersDoubts(); err != nil || !any {
		return false, err
	}
	n, err := r.b.batch.count(r.b.ctx, `DELETE FROM mirror_doubts WHERE guid = ? AND attribute = ?`, guid, attribute)
	return n > 0, err
}

// isAgain reports whether an object is shown again since the last full read. Its groups
// may only name it in the next one.
func (r *recorder) isAgain(guid ident.GUID) (is bool, err error) {
	if any, err := r.remembersDoubts(); err != nil || !any {
		return false, err
	}
	err = r.b.batch.scan(r.b.ctx, []any{&is}, `SELECT count(*) > 0 FROM mirror_doubts WHERE guid = ? AND attribute = ?`, guid, groupsOf)
	return is, err
}
