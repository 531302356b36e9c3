package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// rehire has somebody leave and come back under another key.
func rehire(t *testing.T, app string) (*scene, *feed) {
	t.Helper()
	source := &feed{records: []ident.Record{person("1", "Good "+app), person("2", "Rehired "+app)}}
	s := onDC(t, map[string]*feed{app: source})
	s.run(app)
	source.records = source.records[:1]
	s.run(app)
	if s.enabled(s.account(app + ":2").GUID) {
		t.Fatal("the leaver is enabled")
	}
	source.records = append(source.records, person("77", "Rehired "+app))
	return s, source
}

func (s *scene) rekey(req RekeyRequest) (Linked, error) {
	req.By = "ada"
	return s.Rekey(s.Context(), req)
}

// TestRekey gives the account of a leaver to their new key: link and anchor
// change together, and the next run enables the account.
func TestRekey(t *testing.T) {
	const app = "rehired"
	s, source := rehire(t, app)
	guid := s.account(app + ":2").GUID
	dry, err := s.rekey(RekeyRequest{Automation: app, Former: "2", Key: "77", DryRun: true})
	if err != nil || dry.Account.Enabled || dry.Record.Name != "Rehired "+app || len(dry.Follows) == 0 || dry.Follows[0].Class != ident.ClassEnable {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if _, linked := s.link(app, "77"); linked {
		t.Fatal("a dry run changed the link")
	}
	got, err := s.rekey(RekeyRequest{Automation: app, Former: "2", Key: "77"})
	if err != nil || got.GUID != guid || got.MissingSince == nil {
		t.Fatalf("rekey: %+v, %v", got, err)
	}
	if _, old := s.link(app, "2"); old || s.account(app+":77").GUID != guid {
		t.Error("the old link is still there, or the anchor was not replaced")
	}
	r := s.run(app)
	if r.Counts[ident.ClassEnable][ident.ResultApplied] != 1 || len(r.Counts) != 1 || !s.enabled(guid) {
		t.Errorf("the next run: %+v", r.Counts)
	}
	if err := s.Store.VerifyJournal(t.Context()); err != nil {
		t.Error(err)
	}

	source.records = append(source.records, person("88", "Somebody Else"), person("99", "Rehired "+app))
	for name, c := range map[string]struct {
		req  RekeyRequest
		says string
	}{
		"still delivered": {RekeyRequest{Former: "77", Key: "99"}, "still delivers the key 77"},
		"somebody else":   {RekeyRequest{Former: "77", Key: "88"}, "neither the name nor the mail address"},
		"not delivered":   {RekeyRequest{Former: "77", Key: "66", Force: true}, "does not deliver a record with the key 66"},
		"not linked":      {RekeyRequest{Former: "66", Key: "99", Force: true}, "no account is linked to the key 66"},
	} {
		c.req.Automation = app
		if _, err := s.rekey(c.req); !errors.Is(err, ErrCannotLink) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	source.records = slices.Delete(source.records, 1, 2)
	if forced, err := s.rekey(RekeyRequest{Automation: app, Former: "77", Key: "88", Force: true}); err != nil || len(forced.Warnings) == 0 {
		t.Errorf("forced: %+v, %v", forced, err)
	}
}

// dying is a writer that is killed before it writes.
type dying struct{ apply.Writer }

func (dying) Apply(context.Context, ident.GUID, ident.Operation, write.Initial) (ident.GUID, error) {
	return "", errors.New("killed")
}

// TestRekeyThatWasCutOff kills the agent between anchor and link: the next run
// finds the anchor and gives the link its key.
func TestRekeyThatWasCutOff(t *testing.T) {
	const app = "cutrekey"
	for name, written := range map[string]bool{"before the write": false, "after the write": true} {
		t.Run(name, func(t *testing.T) {
			app := app + map[bool]string{true: "after", false: "before"}[written]
			s, _ := rehire(t, app)
			e := s.account(app + ":2")
			a := s.Automations[app]
			hand, _, err := s.proposeRekey(t.Context(), a, RekeyRequest{Automation: app, Former: "2", Key: "77"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.record(t.Context(), a, Request{Automation: app, Kind: store.KindLink, By: "ada"}, func(ctx context.Context, r *run) error {
				return s.connected(ctx, func(client Directory) error {
					if err := s.enter(ctx, r, client); err != nil {
						return err
					}
					s.begin(r, client, dying{r.job.Writer})
					return r.job.Apply(ctx, []apply.Task{{Change: &hand.Change, Op: hand.Change.Operations[0]}})
				})
			})
			if err == nil {
				t.Fatal("not killed")
			}
			if written {
				s.dc.Replace(t, e.DN, "employeeNumber", app+":77")
			}
			r := s.run(app)
			now, _ := s.link(app, "77")
			moved := now.GUID == e.GUID
			if _, old := s.link(app, "2"); moved != written || old == written {
				t.Errorf("linked to the new key: %t, to the old one: %t", moved, old)
			}
			if n := r.Counts[ident.ClassCreate][ident.ResultApplied]; written && n > 0 {
				t.Errorf("a second account was made: %+v", r.Counts)
			}
		})
	}
}
