package service

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/find"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// These are the questions about webhooks, and their answers.
type (
	// WebhooksRequest asks for the webhooks that steps may name.
	WebhooksRequest struct {
		OnDisk
		Name string // a webhook, or an application for those of it; "": all
	}
	// WebhooksAnswer lists them, with the configuration on disk.
	WebhooksAnswer struct {
		Webhooks     []Webhook   `json:"webhooks"`
		Problems     []string    `json:"problems,omitempty"` // of applications, whose webhooks are not known
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
	// Webhook is one of them, with what it needs.
	Webhook struct {
		Name        string      `json:"name"`
		Application string      `json:"application"`
		Connector   string      `json:"connector,omitempty"`
		Title       string      `json:"title,omitempty"`
		Place       string      `json:"place,omitempty"` // of one of the configuration: FILE:LINE:COLUMN
		From        string      `json:"from,omitempty"`
		Call        abi.Webhook `json:"call"`
		LinkKind    string      `json:"link_kind,omitempty"`
		UsesLink    bool        `json:"uses_link,omitempty"`
		Uses        []string    `json:"uses,omitempty"` // the names of its templates
		UsedBy      []string    `json:"used_by,omitempty"`
		Problem     string      `json:"problem,omitempty"` // why it cannot be sent
		// Sample is the request for an object that does not exist, and
		// SampleProblem says why there is none. They are set when one webhook
		// was asked for.
		Sample        *SampleRequest `json:"sample,omitempty"`
		SampleProblem string         `json:"sample_problem,omitempty"`
	}
	// SampleRequest is a request that is not sent.
	SampleRequest = runtime.SampleRequest
	// TestWebhookRequest asks for a webhook to be tried on one object.
	TestWebhookRequest struct {
		OnDisk
		Webhook string
		Kind    ObjectKind
		Object  string
		DryRun  bool
	}
	// TestWebhookAnswer says what was sent, and what came of it.
	TestWebhookAnswer struct {
		Trial
		RunningAgent *Divergence `json:"running_agent,omitempty"`
	}
	// Trial is what came of a test call.
	Trial = runtime.Trial
	// Exchange is a request that was sent, with its answer.
	Exchange = runtime.Exchange
	// ObjectKind is user or group.
	ObjectKind = find.Kind
	// ObjectsRequest asks for users and groups of the scope to choose from.
	ObjectsRequest struct {
		OnDisk
		Begin string // what a part of the name begins with
		Most  int    // of each kind
	}
	// ObjectsAnswer lists them.
	ObjectsAnswer struct {
		Objects []Object
		More    bool // there are others
	}
	// Object is a user or a group.
	Object struct {
		Kind  ObjectKind
		GUID  ident.GUID
		DN    ident.DN
		Label string
	}
)

// Webhooks lists the webhooks that steps may name.
func (s *Service) Webhooks(ctx context.Context, _ Caller, in WebhooksRequest) (WebhooksAnswer, error) {
	now, differs, err := s.agent.OnDisk(ctx, in.OnDisk)
	if err != nil {
		return WebhooksAnswer{}, err
	}
	out := WebhooksAnswer{Webhooks: []Webhook{}, RunningAgent: differs}
	_, isApplication := now.Config().Applications[in.Name]
	if _, own := now.Config().Webhooks[in.Name]; in.Name != "" && (own || !isApplication) {
		one, err := now.Webhook(in.Name)
		if err != nil {
			return WebhooksAnswer{}, exit.Mistake(err)
		}
		w := shownWebhook(one)
		if sample, err := now.SampleRequest(one.Name); err == nil {
			w.Sample = &sample
		} else if w.Problem == "" {
			w.SampleProblem = err.Error()
		}
		out.Webhooks = append(out.Webhooks, w)
		return out, nil
	}
	all, unknown := now.Webhooks()
	for _, one := range all {
		if in.Name == "" || one.Application == in.Name {
			out.Webhooks = append(out.Webhooks, shownWebhook(one))
		}
	}
	for _, err := range unknown {
		out.Problems = append(out.Problems, err.Error())
	}
	return out, nil
}

func shownWebhook(l runtime.Listed) Webhook {
	w := Webhook{
		Name: l.Name, Application: l.Application, Connector: l.Connector, Title: l.Title, From: l.From, Call: l.Call,
		LinkKind: l.LinkKind, UsesLink: l.UsesLink(), Uses: l.Uses, UsedBy: l.UsedBy,
	}
	if l.Own {
		w.Place = l.Place.String()
	}
	if l.Problem != nil {
		w.Problem = l.Problem.Error()
	}
	return w
}

// TestWebhook tries a webhook on one object. It goes by the configuration on disk,
// as it is there to try what the agent does not run with yet. A real call is
// refused when the application or the directory is another one than the agent's: a
// link that it makes would be taken for one of the agent's application.
func (s *Service) TestWebhook(ctx context.Context, caller Caller, in TestWebhookRequest) (TestWebhookAnswer, error) {
	now, differs, err := s.agent.OnDisk(ctx, in.OnDisk)
	if err != nil {
		return TestWebhookAnswer{}, err
	}
	application := now.Config().ApplicationOf(in.Webhook)
	if !in.DryRun && differs.Touches("directory", "applications."+application) {
		return TestWebhookAnswer{}, exit.Mistake(fmt.Errorf("nothing was sent: %s. Next: %s. --dry-run shows what would be sent",
			differs.Says(), differs.Next))
	}
	trial, err := now.Try(ctx, runtime.TrialRequest{
		Webhook: in.Webhook, Kind: in.Kind, Object: in.Object, DryRun: in.DryRun, By: string(caller),
	})
	return TestWebhookAnswer{trial, differs}, err
}

// Objects lists users and groups of the directory's scope whose name begins with a
// text.
func (s *Service) Objects(ctx context.Context, _ Caller, in ObjectsRequest) (ObjectsAnswer, error) {
	now, _, err := s.agent.OnDisk(ctx, in.OnDisk)
	if err != nil {
		return ObjectsAnswer{}, err
	}
	out := ObjectsAnswer{Objects: []Object{}}
	for _, kind := range []ObjectKind{find.User, find.Group} {
		list, more, err := now.ListObjects(ctx, kind, in.Begin, in.Most)
		if err != nil {
			return ObjectsAnswer{}, err
		}
		out.More = out.More || more
		for _, e := range list {
			out.Objects = append(out.Objects, Object{kind, e.GUID, e.DN, find.Label(e)})
		}
	}
	return out, nil
}
