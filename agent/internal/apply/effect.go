package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// effect is what the directory shows of an intent.
type effect struct {
	guid ident.GUID
	done bool
	part ident.Operation // what was carried out of an intent that is not done
}

// cameTrue looks what the directory shows of an intent. If it shows only the first
// half, the intent is cut down to that half; the next plan makes the rest.
func (j *Job) cameTrue(ctx context.Context, in *store.Intent) (effect, error) {
	if operation.MakesAccount(in.Operation.Class) {
		return j.created(ctx, in)
	}
	if !operation.Known(in.Operation.Class) {
		return effect{}, &unsettledError{
			fmt.Sprintf("this version of rollcall does not know the operation %q", in.Operation.Class),
			"run it once with the newer rollcall that wrote it",
		}
	}
	attributes := []string{"userAccountControl", "memberOf", "primaryGroupID", "objectSid", "cn", j.Anchor}
	for _, a := range in.Operation.Attributes {
		attributes = append(attributes, a.Name)
	}
	entry, err := j.Directory.Get(ctx, conn.ByGUID(in.GUID), attributes)
	if errors.Is(err, conn.ErrNotFound) {
		return effect{guid: in.GUID, done: operation.Removes(in.Operation.Class)}, nil
	}
	if err != nil {
		return effect{}, err
	}
	if entry.Attributes.First("userAccountControl") == "" {
		return effect{}, &unsettledError{
			fmt.Sprintf("userAccountControl of %s cannot be read", entry.DN),
			"give the bind account the right to read that account: rollcall validate --online",
		}
	}
	if err := AddPrimaryGroup(ctx, j.Directory, entry); err != nil {
		return effect{}, err
	}
	if operation.Holds(entry, in.Operation) {
		return effect{guid: in.GUID, done: true}, nil
	}
	first, halved := operation.FirstHalf(in.Operation)
	if !halved || !operation.Holds(entry, first) {
		return effect{guid: in.GUID, part: operation.Shown(entry, in.Operation)}, nil
	}
	if in.Application == "" {
		in.Operation = first
		return effect{guid: in.GUID, done: true}, nil
	}
	link, ok, err := j.Store.LinkByKey(ctx, in.Space(), in.Key)
	if err != nil || !ok {
		return effect{guid: in.GUID, part: first}, err
	}
	link = operation.Remember(link, first, in.Created)
	in.Operation, in.Link = first, &link
	return effect{guid: in.GUID, done: true}, nil
}

// created finds the account of an interrupted create by its anchor. The intent is cut down
// to the attributes that the account has: one of them may have been refused, which nobody
// heard of.
func (j *Job) created(ctx context.Context, in *store.Intent) (effect, error) {
	found, err := j.Writer.FindAnchor(ctx, in.Anchor)
	if err != nil {
		return effect{}, err
	}
	if len(found) > 1 {
		return effect{}, &unsettledError{
			fmt.Sprintf("%d accounts carry the anchor %s: %s", len(found), in.Anchor, dns(found)),
			fmt.Sprintf("clear %s on those that do not belong to this person; the next run links the one that is left", j.Anchor),
		}
	}
	if len(found) == 0 {
		return effect{}, nil
	}
	var attributes []string
	for _, ch := range in.Operation.Attributes {
		attributes = append(attributes, ch.Name)
	}
	guid := found[0].GUID
	entry, err := j.Directory.Get(ctx, conn.ByGUID(guid), attributes)
	if err != nil {
		return effect{}, fmt.Errorf("read the account that was made: %w", err)
	}
	made := operation.Shown(entry, in.Operation)
	if in.Link != nil {
		link := operation.LeaveOut(*in.Link, in.Operation, made)
		in.Link = &link
	}
	in.Operation = made
	return effect{guid: guid, done: true}, nil
}

func dns(entries []ident.Entry) string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = string(e.DN)
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

// AddPrimaryGroup adds the primary group to the groups of an account that was read
// with primaryGroupID and objectSid, because AD leaves it out of memberOf.
func AddPrimaryGroup(ctx context.Context, dir interface {
	Get(context.Context, conn.Target, []string) (ident.Entry, error)
}, account ident.Entry,
) error {
	sid := ident.PrimaryGroup(account)
	if sid == "" {
		return nil
	}
	group, err := dir.Get(ctx, conn.ByDN(ident.DN("<SID="+sid+">")), []string{"cn"})
	if errors.Is(err, conn.ErrNotFound) {
		return nil
	}
	if err == nil {
		account.Attributes["memberof"] = append(account.Attributes["memberof"], string(group.DN))
	}
	return err
}
