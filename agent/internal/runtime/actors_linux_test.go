package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	netmail "net/mail"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/command"
	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mail/mailtest"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// acting is an agent whose orchestrations are carried out.
type acting struct {
	*testing.T
	agent  *Agent
	starts store.Lease

	objects *atomic.Int64
}

// carryOut runs the dispatcher of an agent with such a configuration. Without actors
// those of its snapshot act.
func carryOut(t *testing.T, change func(*config.Config), actors map[orchestration.Kind]dispatch.Actor) acting {
	t.Helper()
	a, _ := installed(t)
	now, err := a.Snapshot(t.Context())
	must(t, err)
	snapshot, cfg := *now, *now.config
	change(&cfg)
	snapshot.config = &cfg
	a.now.Store(&snapshot)
	d := a.dispatcher(someone{}, 10*time.Millisecond)
	if actors != nil {
		d.Actors = func() map[orchestration.Kind]dispatch.Actor { return actors }
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	lease, err := a.store.AcquireLease(t.Context(), "starter", "test", time.Hour)
	must(t, err)
	return acting{t, a, lease, &atomic.Int64{}}
}

// mailing is an agent whose mails go to that port of a server.
func mailing(t *testing.T, port int) acting {
	t.Helper()
	return carryOut(t, func(c *config.Config) {
		c.Mail.URL, c.Mail.From = fmt.Sprintf("smtp://127.0.0.1:%d", port), "rollcall@example.com"
	}, nil)
}

// tell is a step that mails somebody, at most twice, and soon again.
func tell(address string) orchestration.Step {
	return orchestration.Step{
		Name: "tell", Retry: orchestration.Retry{Attempts: 2, Backoff: orchestration.Duration(time.Millisecond)},
		Mail: &orchestration.Mail{To: []string{address}, Subject: "Welcome", Text: "Hello"},
	}
}

// program is a step that runs a program, at most twice, and soon again.
func program(argv ...string) orchestration.Step {
	return orchestration.Step{
		Name: "badge", Retry: orchestration.Retry{Attempts: 2, Backoff: orchestration.Duration(time.Millisecond)}, Command: argv,
	}
}

// going lets an orchestration go on after a failed step.
func going(s orchestration.Step) orchestration.Step {
	s.OnError = &orchestration.OnError{Do: orchestration.OnErrorContinue}
	return s
}

// after is a step that can always be done once a condition holds.
func after(condition string) orchestration.Step {
	return orchestration.Step{Name: "after", If: condition, Delay: orchestration.Duration(time.Nanosecond)}
}

// carries out the steps, and returns their instance and story once it is as wanted.
func (a acting) carries(want store.InstanceStatus, steps ...orchestration.Step) (store.Instance, string) {
	a.Helper()
	text, err := json.Marshal(orchestration.Definition{Name: "joiner", Steps: steps})
	must(a.T, err)
	// Each has an object of its own: what is blocked holds up later ones of the same.
	guid := ident.GUID(fmt.Sprintf("guid-%d", a.objects.Add(1)))
	ids, err := a.agent.store.StartInstances(a.Context(), a.starts, []store.NewInstance{{
		Orchestration: "joiner", Definition: text, Trigger: "command", By: "ada", GUID: guid, Name: "Ada",
	}})
	must(a.T, err)
	return a.becomes(ids[0], want)
}

func (a acting) becomes(id int64, want store.InstanceStatus) (i store.Instance, story string) {
	a.Helper()
	defer func() {
		if a.Failed() {
			a.Logf("%s: %s\n%s", i.Status, i.Cause, a.story(id))
		}
	}()
	soak.Await(a, "the orchestration is "+string(want), func() bool {
		var err error
		i, err = a.agent.store.Instance(a.Context(), id)
		must(a.T, err)
		if i.Status == want {
			return true
		}
		switch i.Status {
		case store.InstanceBlocked, store.InstanceDone, store.InstanceFailed, store.InstanceCancelled, store.InstanceHeld:
			a.Fatalf("it is %s, want %s", i.Status, want)
		}
		return false
	})
	return i, a.story(id)
}

// story has a line for each line of the story: step, attempt, result, request,
// answer and cause.
func (a acting) story(id int64) string {
	a.Helper()
	lines, err := a.agent.store.Story(a.Context(), id)
	must(a.T, err)
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s/%d %s; %s; %d %s; %s\n", l.Step, l.Attempt, l.Result, l.Request, l.Status, l.Answer, l.Cause)
	}
	return b.String()
}

// resume does what `rollcall orchestrations resume` does.
func (a acting) resume(i store.Instance, steps ...orchestration.Step) {
	a.Helper()
	o, err := orchestration.Compile(orchestration.Definition{Name: "joiner", Steps: steps}, orchestration.Options{})
	must(a.T, err)
	s, err := o.ParseState(i.State)
	must(a.T, err)
	s, _, err = o.Resume(s, time.Now())
	must(a.T, err)
	state, err := json.Marshal(s)
	must(a.T, err)
	must(a.T, a.agent.store.ResumeInstance(a.Context(), i.ID, store.Resume{Version: i.Version, Step: i.Step, State: state, By: "eve"}))
}

// has looks for lines that begin so, in that order, and for no others.
func has(t *testing.T, story string, want ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(story), "\n")
	ok := len(lines) == len(want)
	for n := 0; ok && n < len(want); n++ {
		begin, within, _ := strings.Cut(want[n], " ... ")
		ok = strings.HasPrefix(lines[n], begin) && strings.Contains(lines[n], within)
	}
	if !ok {
		t.Errorf("the story is\n%s\nand not\n%s", story, strings.Join(want, "\n"))
	}
}

// messageIDs returns those of the mails to an address.
func messageIDs(t *testing.T, s *mailtest.Server, address string) (ids []string) {
	t.Helper()
	for _, m := range s.Mails(t) {
		if m.To[0] != address {
			continue
		}
		parsed, err := netmail.ReadMessage(strings.NewReader(m.Data))
		must(t, err)
		ids = append(ids, parsed.Header.Get("Message-Id"))
	}
	return ids
}

// TestMailSteps: what becomes of a mail by what the server says to it, and what its
// story tells.
func TestMailSteps(t *testing.T) {
	server := mailtest.Start(t)
	a := mailing(t, server.Ports["plain"])
	twice := func(address string) {
		t.Helper()
		if ids := messageIDs(t, server, address); len(ids) != 2 || ids[0] != ids[1] || ids[0] == "" {
			t.Errorf("%s got mails with Message-ID %q, want the same twice", address, ids)
		}
	}

	_, story := a.carries(store.InstanceDone, tell("ada@example.com"), after(`steps.tell.error == null`))
	has(t, story, "tell/1 done; to ada@example.com: Welcome; 0 2.0.0 queued as ", "after/0 done")

	_, story = a.carries(store.InstanceDone, tell("later@example.com"))
	has(t, story, "tell/1 retrying; to later@example.com: Welcome; 0 ;  ... 452 \"4.3.1 not now\"; next: the server wants it later",
		"tell/2 done")
	twice("later@example.com")

	_, story = a.carries(store.InstanceDone, tell("lost@example.com"))
	has(t, story, "tell/1 retrying; to lost@example.com: Welcome; 0 ;  ... (the server may have taken the mail)", "tell/2 done")
	twice("lost@example.com")

	i, story := a.carries(store.InstanceBlocked, tell("unknown@example.com"), after(""))
	has(t, story, "tell/1 failed; to unknown@example.com: Welcome; 0 ;  ... 550 \"5.1.1 no such user\"; next: correct the address")
	if i.Step != "tell" || !strings.Contains(i.Cause, "5.1.1 no such user") || !strings.Contains(i.Next, "resume or cancel") {
		t.Errorf("%+v", i)
	}

	_, story = a.carries(store.InstanceDone, going(tell("unknown@example.com")), after(`steps.tell.error != null`))
	has(t, story, "tell/1 failed;  ... 550", "after/0 done")

	_, story = a.carries(store.InstanceBlocked, tell("nobody at all"))
	has(t, story, "tell/1 failed; ;  ... nobody at all")
}

// TestAMailIsResumed: one that is out of attempts, and may have arrived, goes out
// again under its Message-ID when a person resumes it.
func TestAMailIsResumed(t *testing.T) {
	server := mailtest.Start(t)
	a := mailing(t, server.Ports["plain"])
	once := tell("lost-once@example.com")
	once.Retry.Attempts = 1
	i, _ := a.carries(store.InstanceBlocked, once, after(""))
	a.resume(i, once, after(""))
	_, story := a.becomes(i.ID, store.InstanceDone)
	has(t, story, "tell/1 failed; to lost-once@example.com: Welcome; 0 ;  ... may have taken",
		"tell/0 resumed", "tell/1 done", "after/0 done")
	if ids := messageIDs(t, server, "lost-once@example.com"); len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("Message-IDs %q", ids)
	}
}

// TestMailsOfTwoStatesDiffer: the first instance of one state folder and that of
// another one must not have the same Message-ID, as servers drop such mails.
func TestMailsOfTwoStatesDiffer(t *testing.T) {
	server := mailtest.Start(t)
	for range 2 {
		mailing(t, server.Ports["plain"]).carries(store.InstanceDone, tell("eve@example.com"))
	}
	if ids := messageIDs(t, server, "eve@example.com"); len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("Message-IDs %q", ids)
	}
}

// TestTheMailServerIsAway: it is tried again, then a person has to look.
func TestTheMailServerIsAway(t *testing.T) {
	a := mailing(t, 1)
	i, story := a.carries(store.InstanceBlocked, tell("ada@example.com"))
	has(t, story, "tell/1 retrying; to ada@example.com: Welcome; 0 ; connect ... refused",
		"tell/2 failed;  ... see whether url of [mail] is right")
	if !strings.Contains(i.Cause, "connection refused") {
		t.Error(i.Cause)
	}
}

// TestCommandSteps: what becomes of a program by how it ends, and what its story
// tells; arguments and output are not in it.
func TestCommandSteps(t *testing.T) {
	const print, no, count = "/usr/bin/printf", "/usr/bin/false", "/usr/bin/seq"
	a := carryOut(t, func(c *config.Config) { c.Agent.AllowCommands = []string{print, no, count} }, nil)

	_, story := a.carries(store.InstanceDone, program(print, "%s", `{"badge": 7}`),
		after(`steps.badge.response.badge == 7 && steps.badge.status == 0`))
	has(t, story, "badge/1 done; /usr/bin/printf with 2 arguments; 0 ; ", "after/0 done")

	_, story = a.carries(store.InstanceDone, program(print, "plain"), after(`steps.badge.response == "plain"`))
	has(t, story, "badge/1 done", "after/0 done")

	i, story := a.carries(store.InstanceBlocked, program(no))
	has(t, story, "badge/1 retrying; /usr/bin/false with 0 arguments; 1 ;  ... exit status 1",
		"badge/2 failed;  ... read what it wrote to stderr")
	if !strings.Contains(i.Cause, "exit status 1") {
		t.Error(i.Cause)
	}

	_, story = a.carries(store.InstanceDone, going(program(no)), after(`steps.badge.status == 1`))
	has(t, story, "badge/1 retrying", "badge/2 failed", "after/0 done")

	_, story = a.carries(store.InstanceBlocked, program("/usr/bin/id"))
	has(t, story, "badge/1 failed; /usr/bin/id with 0 arguments;  ... allow_commands in [agent] does not name it")

	next := program(print, "%s", "{{ steps.long.response }}")
	long := program(count, "100000")
	long.Name = "long"
	_, story = a.carries(store.InstanceBlocked, long, next)
	has(t, story, "long/1 done", "badge/1 failed;  ... the response of long was not kept: it has more than 65536 bytes")
}

// TestACommandTakesTooLong: it has started, so that it may have had its effect, and
// is tried again.
func TestACommandTakesTooLong(t *testing.T) {
	const sleep = "/usr/bin/sleep"
	actors := map[orchestration.Kind]dispatch.Actor{
		orchestration.KindCommand: runner{command.New(command.Settings{Allow: []string{sleep}, Timeout: 20 * time.Millisecond})},
	}
	a := carryOut(t, func(*config.Config) {}, actors)
	_, story := a.carries(store.InstanceBlocked, program(sleep, "3600"))
	has(t, story, "badge/1 retrying; /usr/bin/sleep with 1 arguments; -1 ;  ... it took longer than 20ms",
		"badge/2 failed;  ... how far it got")
}
