package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// crashPlan is the variable that makes this program the child of a crash test.
const crashPlan = "ROLLCALL_TEST_CRASH_DISPATCH"

// plan is what such a child does.
type plan struct {
	Dir   string // of the store
	URL   string // of the application
	Life  int    // which child this is
	Start int    // how many instances it begins; fewer than 0: until it is killed
	Point string // at which it kills itself; "": at none
	Nth   int    // when it comes there for this time
}

// crashing is the main function of such a child.
func crashing(text string) int {
	var p plan
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		err = p.live(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// points are the moments at which a child can kill itself: before and after each
// thing that it does to the world.
var points = []string{
	"before take", "after take", "before save", "after save", "before send", "after send", "before settle", "after settle",
	"before advance", "after advance", "before act", "after act", "before recover", "after recover",
}

// mortal dies at its point.
type mortal struct {
	*plan
	hits atomic.Int64
}

func (m *mortal) at(point string) {
	if point != m.Point || m.hits.Add(1) != int64(m.Nth) {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

// around runs do between two points.
func around[T any](m *mortal, what string, do func() (T, error)) (T, error) {
	m.at("before " + what)
	v, err := do()
	m.at("after " + what)
	return v, err
}

// mortalStore is a store before and after whose writes the process may die.
type mortalStore struct {
	*store.Store
	*mortal
}

func (s mortalStore) TakeDeliveries(ctx context.Context, l store.Lease, now time.Time, most map[string]int) ([]store.Delivery, error) {
	s.at("before take")
	list, err := s.Store.TakeDeliveries(ctx, l, now, most)
	if len(list) > 0 {
		s.at("after take")
	}
	return list, err
}

func (s mortalStore) SaveCalls(ctx context.Context, l store.Lease, list []store.Call) error {
	_, err := around(s.mortal, "save", func() (any, error) { return nil, s.Store.SaveCalls(ctx, l, list) })
	return err
}

func (s mortalStore) SettleDeliveries(ctx context.Context, l store.Lease, list []store.Settled) (store.Settlement, error) {
	return around(s.mortal, "settle", func() (store.Settlement, error) { return s.Store.SettleDeliveries(ctx, l, list) })
}

func (s mortalStore) AdvanceInstances(ctx context.Context, l store.Lease, list []store.Advance) ([]int64, error) {
	return around(s.mortal, "advance", func() ([]int64, error) { return s.Store.AdvanceInstances(ctx, l, list) })
}

func (s mortalStore) RecoverDeliveries(ctx context.Context, l store.Lease) (int, error) {
	return around(s.mortal, "recover", func() (int, error) { return s.Store.RecoverDeliveries(ctx, l) })
}

// remote sends to the application of the test, over HTTP.
type remote struct{ *mortal }

func (remote) Applications() map[string]map[string]any {
	return map[string]map[string]any{"crm": {}, "sms": {}}
}

func (remote) Sends(string) bool { return true }

func (r remote) Send(ctx context.Context, application string, call Outgoing) (host.Answer, error) {
	return around(r.mortal, "send", func() (host.Answer, error) {
		status, err := r.post(ctx, "/"+application+call.Webhook.Path, call.Webhook.Body, call.Again)
		if err == nil && status != http.StatusOK {
			err = &host.CallError{Function: "invoke", Kind: abi.KindInternal, Status: status, Message: "not now"}
		}
		return host.Answer{Status: status}, err
	})
}

// Act implements Actor.
func (r remote) Act(ctx context.Context, a Action) Done {
	done, _ := around(r.mortal, "act", func() (Done, error) {
		status, err := r.post(ctx, "/mail"+a.Mail.Subject, a.Mail.Text, a.Again)
		if err != nil || status != http.StatusOK {
			return Done{Result: orchestration.Result{Error: fmt.Sprint("not now: ", status, err), Retry: true}}, nil
		}
		return Done{}, nil
	})
	return done
}

func (r remote) post(ctx context.Context, path, body string, again bool) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Again", strconv.FormatBool(again))
	resp, err := http.DefaultClient.Do(req)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err) // or else it would pass for killed
		os.Exit(3)                   // the test has ended, and its child with it
	}
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}

// restless is a directory in which each object is another at each look.
type restless struct{}

func (restless) Object(_ context.Context, guid ident.GUID, _ []string) (ident.Entry, bool, error) {
	e := ident.Entry{GUID: guid, DN: ident.DN("CN=" + string(guid) + ",DC=c"), Attributes: ident.Attributes{}}
	e.Attributes.Set("sAMAccountName", string(guid))
	e.Attributes.Set("description", strconv.Itoa(rand.Int()))
	return e, true, nil
}

func (restless) Named(context.Context, ident.DN, []string) (ident.Entry, bool, error) {
	return ident.Entry{}, false, nil
}

func (restless) Schema(context.Context, []string) (ident.Schema, error) { return nil, nil }

// The load: so many orchestrations begin for each of so many objects.
const (
	crashObjects        = 12
	crashOrchestrations = 3
	crashOpen           = 120 // instances that are open at once
)

// crashed is an orchestration of the load. change.kind is the name of the instance.
func crashed(n int) orchestration.Definition {
	retry := orchestration.Retry{Attempts: 1000, Backoff: orchestration.Duration(time.Millisecond), Max: orchestration.Duration(20 * time.Millisecond)}
	call := func(application, step string) orchestration.Step {
		s := webhook(application, "/{{ change.kind }}/"+step)
		s.Webhook.Call.Method, s.Webhook.Call.MessageType, s.Webhook.Call.Body = "POST", abi.MessageText, "{{ ad.sAMAccountName }} {{ ad.description }}"
		s.Name, s.Retry = "call"+step, retry
		return s
	}
	mail := orchestration.Step{Retry: retry, Mail: &orchestration.Mail{To: []string{"a@x"}, Subject: "/{{ change.kind }}/2", Text: "{{ ad.sAMAccountName }} x"}}
	wait := orchestration.Step{Delay: orchestration.Duration(5 * time.Millisecond)}
	return define(fmt.Sprint("o", n), call("crm", "1"), mail, wait, call("sms", "3"), call("crm", "4"))
}

// live dispatches until it is killed, or until all has ended.
func (p *plan) live(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m := &mortal{plan: p}
	var woken atomic.Pointer[Dispatcher]
	s, err := store.Open(ctx, p.Dir, store.WithDue(func() {
		if d := woken.Load(); d != nil {
			d.Wake()
		}
	}))
	if err != nil {
		return err
	}
	if err := s.BreakLeases(ctx); err != nil {
		return err
	}
	d := New(Settings{
		Store: mortalStore{s, m}, Sender: remote{m}, Directory: restless{}, Owner: "child", Poll: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Actors: func() map[orchestration.Kind]Actor {
			return map[orchestration.Kind]Actor{orchestration.KindMail: remote{m}}
		},
	})
	woken.Store(d)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	if err := p.begin(ctx, s); err != nil {
		return err
	}
	stop()
	return <-ended
}

// begin starts instances, and returns when all of them have ended.
func (p *plan) begin(ctx context.Context, s *store.Store) error {
	lease, err := s.AcquireLease(ctx, "starter", "child", 1000*time.Hour)
	if err != nil {
		return err
	}
	for n := 0; ; {
		open := 0
		counts, err := s.InstanceCounts(ctx)
		if err != nil {
			return err
		}
		for _, c := range counts {
			if !c.Status.Ended() {
				open += c.Count
			}
		}
		if p.Start >= 0 && n >= p.Start {
			if open == 0 {
				return nil
			}
		} else if open < crashOpen {
			if _, err := s.StartInstances(ctx, lease, p.some(&n)); err != nil {
				return err
			}
			continue
		}
		time.Sleep(time.Millisecond)
	}
}

// some is one instance for each object.
func (p *plan) some(n *int) (list []store.NewInstance) {
	for o := range crashObjects {
		d := crashed(*n % crashOrchestrations)
		text, err := json.Marshal(d)
		if err != nil {
			panic(err)
		}
		input, err := json.Marshal(orchestration.Input{Change: &orchestration.Change{Kind: fmt.Sprintf("%d-%d", p.Life, *n)}})
		if err != nil {
			panic(err)
		}
		name := "p" + strconv.Itoa(o)
		list = append(list, store.NewInstance{
			Orchestration: d.Name, Definition: text, Trigger: "test", By: "test", GUID: ident.GUID(name), Name: name, Input: input,
			DN: ident.DN("CN=" + name + ",DC=c"),
		})
		*n++
	}
	return list
}

// kindOf returns the name of an instance.
func kindOf(i store.Instance) string {
	var input orchestration.Input
	if err := json.Unmarshal(i.Input, &input); err != nil || input.Change == nil {
		return ""
	}
	return input.Change.Kind
}

// stepOf returns the step's part of a path "/application/KIND/STEP".
func stepOf(path string) (application, kind, step string) {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	if len(parts) < 3 {
		return path, "", ""
	}
	return parts[0], parts[1], parts[2]
}
