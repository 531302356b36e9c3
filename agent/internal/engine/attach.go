package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Attacher is a Fetcher that can also fetch what an address in a record leads to.
type Attacher interface {
	// Attach fetches it, or learns that it is still what was seen. An error is an
	// AttachError when it is about this address alone.
	Attach(ctx context.Context, url string, seen ident.Seen) (ident.Fetched, error)
}

// AttachError is an error about what one address leads to.
type AttachError interface {
	error
	// Step returns what the operator can do; "" when that is not known.
	Step() string
	// Answered reports whether a server gave the answer that is wrong: it is not
	// asked again at once.
	Answered() bool
}

// One run fetches only so much. The rest comes with the next runs: a plan holds what it
// writes in memory, and all records wait for what is fetched.
const (
	mostAsked   = 2000
	mostFetched = 32 << 20 // bytes

	// lookAgain is how long what was seen at an address counts as unchanged, and
	// tryAgain how long a wrong answer stands.
	lookAgain = 24 * time.Hour
	tryAgain  = time.Hour
	// forgotten is how long nobody has asked for something that is forgotten.
	forgotten = 90 * 24 * time.Hour

	// mostFailures is how many requests in a row a host may leave without an answer.
	// It is not asked again in this run.
	mostFailures = 3
)

// attaching is the fetching of attachments for one delivery.
type attaching struct {
	engine *Engine
	a      Automation
	from   Attacher
	d      *delivery

	asked, bytes int
	failures     map[string]int // in a row, by host
	first        ident.Key      // the first that was left to a later run; "" when none was
}

// attached counts what a delivery lacks of its attachments.
type attached struct {
	left   int   // to a later run, because this one has fetched enough
	held   int   // because a server does not answer
	outage error // the first of these
}

// attach fetches what the addresses in a delivery's records lead to, and stages it for
// the plan. Nothing that goes wrong there ends the run.
//
// It fetches for linked accounts only. Nobody knows of another record whether it will
// ever have an account; a new account has its picture one run later.
func (e *Engine) attach(ctx context.Context, a Automation, d *delivery) error {
	from, can := a.Source.(Attacher)
	if !can || !a.Mapper.Attaches() || a.Settings.Action == plan.ActionCreate {
		return nil
	}
	at := &attaching{engine: e, a: a, from: from, d: d, failures: map[string]int{}}
	resume, _ := e.resume.Load(a.Settings.Automation)
	start, _ := resume.(ident.Key)
	// Who was left out in the last run comes first in this one, or those at the end
	// would wait for ever behind some whose pictures cannot be written.
	for _, after := range []bool{true, false} {
		if !after && start == "" {
			continue
		}
		err := e.eachArrival(ctx, a, d, func(s arrival) error {
			if !turn(s.Record.Key, start, after) {
				return nil
			}
			return at.arrival(ctx, s)
		})
		if err != nil {
			return err
		}
	}
	e.resume.Store(a.Settings.Automation, at.first)
	return e.Store.ForgetSeen(ctx, a.Settings.Automation, e.Now().Add(-forgotten))
}

// turn reports whether a key belongs to the first part of the walk, that from start
// on, or to the rest.
func turn(key, start ident.Key, first bool) bool { return (key >= start) == first }

// arrival fetches the attachments of one record, if it is one that the plan compares
// with its account.
func (at *attaching) arrival(ctx context.Context, s arrival) error {
	rec := s.Record
	if s.Records != 1 || s.Deleted || rec.Problem != "" || s.without != "" {
		return nil
	}
	if in, err := at.a.Mapper.InScope(rec); err != nil || !in {
		return nil //nolint:nilerr // the plan says what is wrong with it
	}
	addresses := at.a.Mapper.Addresses(rec)
	if len(addresses) == 0 {
		return nil
	}
	link, found, err := at.engine.Store.LinkByKey(ctx, at.a.Settings.Space(), rec.Key)
	if err != nil || !found {
		return err
	}
	account, _, err := at.engine.Store.EntryByGUID(ctx, link.GUID)
	if err != nil {
		return err
	}
	got := map[string]ident.Attachment{}
	for _, address := range addresses {
		one, err := at.one(ctx, rec.Key, address, account)
		if err != nil {
			return err
		}
		if len(one.Content) > 0 || one.Problem != "" || one.Waits {
			got[address.Attribute] = one
		}
		if one.Waits && at.first == "" {
			at.first = rec.Key
		}
	}
	if len(got) == 0 {
		return nil
	}
	return at.stage(ctx, rec.Key, got)
}

// stage keeps what was fetched for the plan. Where there is no room left, this run
// fetches no more.
func (at *attaching) stage(ctx context.Context, key ident.Key, got map[string]ident.Attachment) error {
	err := at.engine.Store.StageAttached(ctx, at.d.staging, key, got)
	var full *store.StagingFullError
	if !errors.As(err, &full) {
		return err
	}
	at.asked = mostAsked
	if at.d.attached.left++; at.first == "" {
		at.first = key
	}
	later := map[string]ident.Attachment{}
	for name := range got {
		later[name] = ident.Attachment{Waits: true}
	}
	err = at.engine.Store.StageAttached(ctx, at.d.staging, key, later)
	if errors.As(err, &full) {
		return nil
	}
	return err
}

// one decides about one address. The zero Attachment leaves the attribute as it is.
func (at *attaching) one(ctx context.Context, key ident.Key, address mapping.Address, account ident.Entry) (ident.Attachment, error) {
	values := account.Attributes.Values(address.Attribute)
	if address.Apply == ident.ApplyIfEmpty && len(values) > 0 {
		return ident.Attachment{}, nil
	}
	seen, known, err := at.engine.Store.Seen(ctx, at.a.Settings.Automation, key, address.Attribute)
	if err != nil {
		return ident.Attachment{}, err
	}
	age := at.engine.Now().Sub(seen.At)
	same := known && seen.URL == address.URL && age >= 0
	written := len(values) == 1 && ident.ContentDigest([]byte(values[0])) == seen.Digest || len(values) > 0 && address.Directory
	switch {
	case !same:
		seen = ident.Seen{URL: address.URL}
	case seen.Problem != "" && age < tryAgain:
		return seen.Attachment, nil
	case seen.Problem != "" || !written:
		seen.ETag, seen.Modified = "", "" // the content itself is needed
	case age < lookAgain:
		return ident.Attachment{}, nil
	}
	return at.ask(ctx, key, address, seen, written && same)
}

// ask asks for what an address leads to, unless the run has fetched enough or its host
// does not answer. written says that the account has what was seen.
func (at *attaching) ask(
	ctx context.Context, key ident.Key, address mapping.Address, seen ident.Seen, written bool,
) (ident.Attachment, error) {
	host := hostOf(address.URL)
	switch {
	case at.failures[host] >= mostFailures:
		at.d.attached.held++
		return ident.Attachment{Waits: true}, nil
	case at.asked >= mostAsked || at.bytes >= mostFetched:
		at.d.attached.left++
		return ident.Attachment{Waits: true}, nil
	}
	if at.asked++; at.asked%20 == 1 {
		progress.Tell(ctx, progress.Step{Phase: "fetching pictures", Done: at.asked})
	}
	got, err := at.from.Attach(ctx, address.URL, seen)
	if ctx.Err() != nil {
		return ident.Attachment{}, ctx.Err()
	}
	seen.At, seen.Attachment = at.engine.Now(), ident.Attachment{}
	var wrong AttachError
	switch {
	case errors.As(err, &wrong):
		delete(at.failures, host)
		seen.Attachment = problemOf(address, wrong)
		if !wrong.Answered() {
			return seen.Attachment, nil
		}
		seen.ETag, seen.Modified, seen.Digest = "", "", ""
	case err != nil:
		at.failures[host]++
		at.d.attached.held++
		if at.d.attached.outage == nil {
			at.d.attached.outage = err
		}
		return ident.Attachment{Waits: true}, nil
	case !got.Same:
		delete(at.failures, host)
		at.bytes += len(got.Content)
		at.judge(&seen, address, got, written)
	}
	content := seen.Content
	seen.Content = nil
	if err := at.engine.Store.See(ctx, at.a.Settings.Automation, key, address.Attribute, seen); err != nil {
		return ident.Attachment{}, err
	}
	return ident.Attachment{Content: content, Problem: seen.Problem, Shared: seen.Shared, Next: seen.Next}, nil
}

// judge decides about content that was fetched. What the account has already is not
// written again.
func (at *attaching) judge(seen *ident.Seen, address mapping.Address, got ident.Fetched, written bool) {
	cause, shared, next := unfit(address, got.Content)
	if cause != "" {
		*seen = ident.Seen{URL: seen.URL, At: seen.At, Attachment: ident.Attachment{
			Problem: "the picture at " + withoutQuery(address.URL) + " " + cause, Shared: "the picture " + shared, Next: next,
		}}
		return
	}
	digest := ident.ContentDigest(got.Content)
	if !written || digest != seen.Digest {
		seen.Content = got.Content
	}
	seen.Digest, seen.ETag, seen.Modified = digest, got.ETag, got.Modified
}

// problemOf turns an error about an address into what the plan says of it.
func problemOf(address mapping.Address, wrong AttachError) ident.Attachment {
	return ident.Attachment{
		Problem: fmt.Sprintf("the picture at %s cannot be fetched: %v", withoutQuery(address.URL), wrong),
		Shared:  "the picture cannot be fetched from " + hostOf(address.URL), Next: wrong.Step(),
	}
}

// hostOf returns the host of an address; the address itself when it has none.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}

// withoutQuery returns an address without its query, which may hold a signature.
func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Sprintf("%.80q", address)
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// reportAttached says in the plan which pictures wait.
func (d delivery) reportAttached(b *plan.Builder) {
	if n := d.attached.left; n > 0 {
		b.Remark(ofMany(n, "picture waits", "pictures wait") +
			fmt.Sprintf(" for the next runs: one run asks for at most %d, and fetches at most %d MiB", mostAsked, mostFetched>>20))
	}
	if n := d.attached.held; n > 0 {
		b.Attend(ofMany(n, "picture cannot", "pictures cannot")+
			fmt.Sprintf(" be fetched for now, and nothing else waits for that; the first: %v", d.attached.outage),
			"the next run tries again; when it stays, check the network and the server of the pictures")
	}
}
