package service

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// These are the questions about what happened to a person, and their answers.
type (
	// TimelineEntry is one thing that happened to a person.
	TimelineEntry = store.TimelineEntry
	// TimelineChange is an event of the directory.
	TimelineChange = store.TimelineChange
	// LinkChange is a link that was made or removed.
	LinkChange = store.LinkChange
	// ExplainRequest asks what happened to a user.
	ExplainRequest struct {
		// User is a sAMAccountName, userPrincipalName, mail, DN or objectGUID, or an
		// application's key as APPLICATION[/KIND]:KEY.
		User  string
		Since time.Time // zero: as far back as it is kept
		Most  int       // so many of the newest entries
		// Outlook says whether their records are looked at now, by the configuration
		// on disk.
		Outlook Outlook
		OnDisk
	}
	// Explained is a part of the answer: first the person, then what runs would do
	// now, at last each entry of the timeline, the oldest first.
	Explained struct {
		Person   *Person   `json:"person,omitempty"`
		Prospect *Prospect `json:"prospect,omitempty"`
		// RunningAgent comes before the timeline; nil when the agent has the same
		// configuration, or the records are not looked at.
		RunningAgent *Divergence    `json:"running_agent,omitempty"`
		Entry        *TimelineEntry `json:"entry,omitempty"`
	}
	// Person is who is explained, as things are now.
	Person struct {
		Name    string       `json:"name"` // display name, or else the name in the DN
		GUID    ident.GUID   `json:"guid,omitempty"`
		DN      ident.DN     `json:"dn,omitempty"`
		Account string       `json:"account,omitempty"` // sAMAccountName
		UPN     string       `json:"upn,omitempty"`
		Mail    string       `json:"mail,omitempty"`
		State   PersonState  `json:"state"`
		Deleted time.Time    `json:"deleted,omitzero"` // when that was seen
		Seen    time.Time    `json:"seen,omitzero"`    // when the directory was last read
		Links   []ident.Link `json:"links"`
		Records []string     `json:"records"` // APPLICATION[/KIND]:KEY, of former links too
		Held    []store.Held `json:"held"`    // operations that wait for an approval
		Open    []Instance   `json:"open"`    // orchestrations that have not ended
		Attend  []Attention  `json:"attend"`  // what needs a person
		Earlier bool         `json:"earlier"` // there are entries before the first one
	}
	// Attention is something about the person that needs somebody.
	Attention struct {
		Automation string `json:"automation"`
		ident.QuarantineItem
	}
	// PersonState says what has become of the account.
	PersonState string
)

// What has become of an orchestration at its beginning.
const (
	BecameBegun = store.BecameBegun
	BecameHeld  = store.BecameHeld
)

// The states of accounts.
const (
	PersonEnabled  PersonState = "enabled"
	PersonDisabled PersonState = "disabled"
	PersonDeleted  PersonState = "deleted"
	PersonPresent  PersonState = "present"    // whether it is disabled is not known
	PersonUnseen   PersonState = "unseen"     // the local image of the directory does not have it
	PersonNone     PersonState = "no account" // there is only a record
)

// MostExplained is how many entries one answer has at most.
const MostExplained = 5000

// Explain tells what happened to a user, from all sides.
func (s *Service) Explain(ctx context.Context, _ Caller, in ExplainRequest) iter.Seq2[Explained, error] {
	return listed(func(each func(Explained) error) error {
		if in.Most < 1 || in.Most > MostExplained {
			return exit.Mistake(fmt.Errorf("--limit is %d; it must be from 1 to %d", in.Most, MostExplained))
		}
		who, keys, err := s.person(ctx, in.User)
		if err != nil {
			return err
		}
		now, looked, err := s.outlook(ctx, in, keys)
		if err != nil {
			return err
		}
		if looked { // the directory was read since
			if who, keys, err = s.person(ctx, in.User); err != nil {
				return err
			}
		}
		list, earlier, err := s.agent.Store().Timeline(ctx, store.TimelineOf{GUID: who.GUID, Keys: keys, Since: in.Since, Most: in.Most})
		if err != nil {
			return err
		}
		who.Earlier = earlier
		if err := each(Explained{Person: &who}); err != nil {
			return err
		}
		for _, part := range now {
			if err := each(part); err != nil {
				return err
			}
		}
		for _, e := range list {
			if err := each(Explained{Entry: &e}); err != nil {
				return err
			}
		}
		return nil
	})
}

// person returns who has a name, as things are now, with the keys of their records.
func (s *Service) person(ctx context.Context, name string) (who Person, keys []store.RecordKey, err error) {
	if who, err = s.whoIs(ctx, name); err == nil {
		keys, err = s.describe(ctx, &who)
	}
	return who, keys, err
}

// describe adds to a person what the store knows now, and returns the keys of their
// records.
func (s *Service) describe(ctx context.Context, who *Person) (keys []store.RecordKey, err error) {
	kept := s.agent.Store()
	state, err := kept.MirrorState(ctx)
	if err != nil {
		return nil, err
	}
	if state.Full {
		who.Seen = state.Synced
	}
	if who.GUID == "" {
		keys = who.record()
	} else if keys, err = kept.KeysOf(ctx, who.GUID); err != nil {
		return nil, err
	}
	for _, k := range keys {
		who.Records = append(who.Records, ident.Anchor(k.Space, k.Key))
	}
	links, err := kept.LinksOf(ctx, who.GUID)
	if err != nil {
		return nil, err
	}
	who.Links = append(who.Links, links...)
	held, err := kept.HeldAbout(ctx, who.GUID)
	if err != nil {
		return nil, err
	}
	who.Held = append(who.Held, held...)
	if who.GUID != "" {
		err = kept.Instances(ctx, store.InstanceFilter{GUID: who.GUID, Statuses: openInstances}, func(i Instance) error {
			who.Open = append(who.Open, i)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, s.needing(ctx, who, keys)
}

// needing adds what is set aside about a person's records.
func (s *Service) needing(ctx context.Context, who *Person, records []store.RecordKey) error {
	var keys []ident.Key
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	items, err := s.agent.Store().QuarantineOf(ctx, keys)
	if err != nil {
		return err
	}
	for _, item := range items {
		about := func(r store.RecordKey) bool {
			return r.Key == item.Key && s.reads(ctx, s.agent.Config(), item.Automation, r.Space)
		}
		if slices.ContainsFunc(records, about) {
			who.Attend = append(who.Attend, Attention{item.Automation, item.QuarantineItem})
		}
	}
	return nil
}

// reads reports whether the records that an automation reads can be of a space. While
// their connector does not serve, those of an endpoint that names no kind of its own
// can be of any kind.
func (s *Service) reads(ctx context.Context, cfg *config.Config, automation string, space ident.Space) bool {
	data := cfg.DataSources[cfg.Automations[automation].DataSource]
	if data.Application != space.Application() {
		return false
	}
	conf := cfg.Applications[data.Application]
	kind := ""
	if len(data.Endpoints) > 0 {
		kind = conf.Endpoints[data.Endpoints[0]].Kind
	}
	if kind == "" {
		if m, err := s.manifestOf(ctx, conf); err == nil {
			kind = fit.KindOf(cfg, automation, m, time.Now())
		}
	}
	return kind == "" || kind == space.Kind()
}
