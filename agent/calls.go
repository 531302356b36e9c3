package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// The requests and answers of the calls that commands make, by their names.
type (
	planRequest struct {
		onDisk
		Automation   string
		AcceptShrink bool
	}
	planAnswer struct {
		ident.Plan
		RunningAgent *divergence `json:"running_agent,omitempty"`
	}
	applyRequest struct {
		onDisk
		Automation   string
		AcceptShrink bool
		Plan         *ident.Plan // a saved plan; nil for a new run
	}
	reportAnswer struct {
		engine.Report
		RunningAgent *divergence `json:"running_agent,omitempty"`
	}
	decideRequest struct {
		onDisk
		Run  int64
		Only ident.Class
	}
	rejectAnswer struct {
		Rejected int `json:"rejected"`
	}
	runsRequest  struct{ Limit int }
	runRequest   struct{ Run int64 }
	linksRequest struct{ Application string }
	// listedLink is a link with the account at its other side, nil when the local
	// image of the directory does not have it.
	listedLink struct {
		ident.Link
		Account *store.Account `json:"account,omitempty"`
	}
	unlinkRequest struct {
		Application string
		Key         ident.Key
	}
	linkRequest struct {
		onDisk
		Automation string
		Key        ident.Key
		Account    string
		// WithoutRecord and DryRun are those of engine.LinkRequest.
		WithoutRecord, DryRun bool
	}
	rekeyRequest struct {
		onDisk
		Automation    string
		Former, Key   ident.Key
		Force, DryRun bool
	}
	linkAnswer struct {
		engine.Linked
		RunningAgent *divergence `json:"running_agent,omitempty"`
	}
	quarantineList struct {
		Automation  string                 `json:"automation"`
		Application string                 `json:"application"`
		Items       []ident.QuarantineItem `json:"items"`
	}
	acceptRequest struct {
		Automation string
		Key        ident.Key
	}
	secretRequest struct {
		Name  string
		Value []byte
	}
	nothing struct{}
)

// calls registers everything that an agent does for commands.
func (a *app) calls() *control.Mux {
	m := control.NewMux(a.log)
	control.Handle(m, "configuration", func(_ context.Context, _ control.Caller, in onDisk) (*divergence, error) {
		found, err := a.read(in)
		if err != nil {
			return nil, err
		}
		return found.agent, nil
	})
	control.Handle(m, "plan", func(ctx context.Context, _ control.Caller, in planRequest) (planAnswer, error) {
		e, differs, err := a.tried(ctx, in.onDisk)
		if err != nil {
			return planAnswer{}, err
		}
		p, err := e.Plan(ctx, engine.Request{Automation: in.Automation, AcceptShrink: in.AcceptShrink})
		return planAnswer{p, differs}, callError(err)
	})
	a.applyCalls(m)
	control.Handle(m, "reject", func(ctx context.Context, who control.Caller, in decideRequest) (rejectAnswer, error) {
		e, err := a.engine(ctx)
		if err != nil {
			return rejectAnswer{}, err
		}
		n, err := e.Reject(ctx, engine.Decision{Run: in.Run, Only: in.Only, By: string(who)})
		return rejectAnswer{n}, callError(err)
	})
	a.historyCalls(m)
	a.linkCalls(m)
	a.quarantineCalls(m)
	a.agentCalls(m)
	a.authorizeCalls(m)
	a.onlineCalls(m)
	return m
}

func (a *app) applyCalls(m *control.Mux) {
	control.Handle(m, "apply", func(ctx context.Context, who control.Caller, in applyRequest) (reportAnswer, error) {
		shown := ""
		if in.Plan != nil {
			in.Automation, shown = in.Plan.Automation, in.Plan.Config
		}
		e, differs, err := a.agreed(ctx, in.onDisk, in.Automation, shown)
		if err != nil {
			return reportAnswer{}, err
		}
		var r engine.Report
		if in.Plan != nil {
			r, err = e.ApplyPlan(ctx, *in.Plan, string(who))
		} else {
			r, err = e.Run(ctx, engine.Request{Automation: in.Automation, Kind: store.KindManual, By: string(who), AcceptShrink: in.AcceptShrink})
		}
		r, err = reported(r, err)
		return reportAnswer{r, differs}, err
	})
	// What a run holds was shown with the configuration of that run: approving it
	// goes by that, and by what the agent runs with.
	control.Handle(m, "approve", func(ctx context.Context, who control.Caller, in decideRequest) (reportAnswer, error) {
		e, err := a.engine(ctx)
		if err != nil {
			return reportAnswer{}, err
		}
		r, err := reported(e.Approve(ctx, engine.Decision{Run: in.Run, Only: in.Only, By: string(who)}))
		if err != nil {
			return reportAnswer{}, err
		}
		return reportAnswer{r, a.differing(in.onDisk, r.Automation)}, nil
	})
}

func (a *app) historyCalls(m *control.Mux) {
	control.Handle(m, "runs", func(ctx context.Context, _ control.Caller, in runsRequest) ([]store.Run, error) {
		runs, err := a.store.Runs(ctx, in.Limit)
		return orEmpty(runs), err
	})
	control.Handle(m, "run", func(ctx context.Context, _ control.Caller, in runRequest) (engine.Report, error) {
		r, err := engine.ReadReport(ctx, a.store, in.Run)
		return r, callError(err)
	})
	control.Handle(m, "quarantine", func(ctx context.Context, _ control.Caller, _ nothing) ([]quarantineList, error) {
		var all []quarantineList
		for _, name := range sortedNames(a.config.Automations) {
			items, err := a.store.Quarantine(ctx, name)
			if err != nil {
				return nil, err
			}
			slices.SortStableFunc(items, func(x, y ident.QuarantineItem) int { return x.Key.Compare(y.Key) })
			source := a.config.DataSources[a.config.Automations[name].DataSource]
			all = append(all, quarantineList{name, source.Application, orEmpty(items)})
		}
		return all, nil
	})
	control.Handle(m, "journal-verify", func(ctx context.Context, _ control.Caller, _ nothing) (store.JournalState, error) {
		return a.store.CheckJournal(ctx)
	})
	control.HandleStream(m, "journal-export", func(ctx context.Context, _ control.Caller, _ nothing, each func(any) error) error {
		return a.store.ExportJournal(ctx, func(line json.RawMessage) error { return each(line) })
	})
}

// orEmpty makes JSON say [] where there is nothing, not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (a *app) linkCalls(m *control.Mux) {
	control.Handle(m, "links", func(ctx context.Context, _ control.Caller, in linksRequest) ([]listedLink, error) {
		if err := a.knownApplication(ctx, in.Application); err != nil {
			return nil, err
		}
		return a.links(ctx, in.Application)
	})
	control.Handle(m, "link", func(ctx context.Context, who control.Caller, in linkRequest) (linkAnswer, error) {
		e, differs, err := a.linking(ctx, in.onDisk, in.Automation, in.DryRun)
		if err != nil {
			return linkAnswer{}, err
		}
		l, err := e.Link(ctx, engine.LinkRequest{
			Automation: in.Automation, Key: in.Key, Account: in.Account,
			WithoutRecord: in.WithoutRecord, DryRun: in.DryRun, By: string(who),
		})
		return linkAnswer{l, differs}, callError(err)
	})
	control.Handle(m, "rekey", func(ctx context.Context, who control.Caller, in rekeyRequest) (linkAnswer, error) {
		e, differs, err := a.linking(ctx, in.onDisk, in.Automation, in.DryRun)
		if err != nil {
			return linkAnswer{}, err
		}
		l, err := e.Rekey(ctx, engine.RekeyRequest{
			Automation: in.Automation, Former: in.Former, Key: in.Key, Force: in.Force, DryRun: in.DryRun, By: string(who),
		})
		return linkAnswer{l, differs}, callError(err)
	})
	control.Handle(m, "unlink", func(ctx context.Context, who control.Caller, in unlinkRequest) (store.Unlinked, error) {
		e, err := a.engine(ctx)
		if err != nil {
			return store.Unlinked{}, err
		}
		if err := a.knownApplication(ctx, in.Application); err != nil {
			return store.Unlinked{}, err
		}
		gone, err := e.Unlink(ctx, in.Application, in.Key, string(who))
		var none *store.NotLinkedError
		if errors.As(err, &none) {
			err = a.unknownLink(ctx, in.Application, in.Key)
		}
		return gone, callError(err)
	})
}

// links lists the links of an application ("" is all of them), key by key.
func (a *app) links(ctx context.Context, application string) ([]listedLink, error) {
	accounts, err := a.store.LinkedAccounts(ctx, application)
	if err != nil {
		return nil, err
	}
	links := []listedLink{}
	err = a.store.Links(ctx, application, func(l ident.Link) error {
		listed := listedLink{Link: l}
		if account, ok := accounts[l.GUID]; ok {
			listed.Account = &account
		}
		links = append(links, listed)
		return nil
	})
	slices.SortStableFunc(links, func(x, y listedLink) int {
		return cmp.Or(cmp.Compare(x.Application, y.Application), x.Key.Compare(y.Key))
	})
	return links, err
}

// linking is the engine for a link by hand: what is only tried goes by the
// configuration on disk.
func (a *app) linking(ctx context.Context, in onDisk, automation string, dry bool) (*engine.Engine, *divergence, error) {
	if dry {
		return a.tried(ctx, in)
	}
	return a.agreed(ctx, in, automation, "")
}

func (a *app) quarantineCalls(m *control.Mux) {
	control.Handle(m, "quarantine-accept", func(ctx context.Context, who control.Caller, in acceptRequest) ([]ident.QuarantineItem, error) {
		e, err := a.engine(ctx)
		if err != nil {
			return nil, err
		}
		items, err := e.Accept(ctx, in.Automation, in.Key, string(who))
		return orEmpty(items), callError(err)
	})
	control.Handle(m, "quarantine-retry", func(ctx context.Context, _ control.Caller, in acceptRequest) (int, error) {
		e, err := a.engine(ctx)
		if err != nil {
			return 0, err
		}
		n, err := e.RetryRefused(ctx, in.Automation, in.Key)
		return n, callError(err)
	})
}

func (a *app) agentCalls(m *control.Mux) {
	control.Handle(m, "connectors", func(ctx context.Context, _ control.Caller, _ nothing) ([]connector.View, error) {
		h, err := a.host(ctx)
		if err != nil {
			return nil, err
		}
		return connector.Views(h.Modules(), a.config.Applications), nil
	})
	control.Handle(m, "secret-set", func(ctx context.Context, who control.Caller, in secretRequest) (nothing, error) {
		return nothing{}, a.vaultBy(who, "").Set(ctx, in.Name, in.Value)
	})
	control.Handle(m, "secret-list", func(ctx context.Context, _ control.Caller, _ nothing) ([]string, error) {
		return a.vault.List(ctx)
	})
	control.Handle(m, "secret-delete", func(ctx context.Context, who control.Caller, in secretRequest) (nothing, error) {
		err := a.vaultBy(who, "").Delete(ctx, in.Name)
		if errors.Is(err, secrets.ErrNoSecret) {
			err = a.unknownSecret(ctx, in.Name)
		}
		return nothing{}, err
	})
}

// reported prefers a report that tells of the failure to a bare error.
func reported(r engine.Report, err error) (engine.Report, error) {
	if r.ID != 0 {
		return r, nil
	}
	return r, callError(err)
}

// callError marks what the caller got wrong.
func callError(err error) error {
	var name *ident.UnknownNameError
	var run *engine.UnknownRunError
	var taken *store.LinkTakenError
	var none *store.NotLinkedError
	if errors.As(err, &none) || errors.As(err, &name) || errors.As(err, &run) || errors.As(err, &taken) || errors.Is(err, engine.ErrNothingHeld) ||
		errors.Is(err, engine.ErrPlanOutdated) || errors.Is(err, engine.ErrCannotLink) || errors.Is(err, engine.ErrNothingToAccept) {
		return control.Usage(err)
	}
	return err
}
