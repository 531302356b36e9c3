package store

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// crashOutbox names the store whose outbox a child process sends from until it
// is killed.
const crashOutbox = "ROLLCALL_TEST_CRASH_OUTBOX"

// sendForever queues deliveries for three objects and sends what is due, again
// and again. It tells what it has queued, is about to send, and has settled.
func sendForever(ctx context.Context, dir string) error {
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	if err := s.BreakLeases(ctx); err != nil {
		return err
	}
	lease, err := s.AcquireLease(ctx, "outbox", "child", time.Hour)
	if err != nil {
		return err
	}
	if _, err := s.RecoverDeliveries(ctx, lease); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := queueSome(ctx, s, lease, n); err != nil {
			return err
		}
		if err := sendSome(ctx, s, lease, n); err != nil {
			return err
		}
	}
}

// queueSome starts instances and queues a delivery for each that is due.
func queueSome(ctx context.Context, s *Store, lease Lease, n int) error {
	var list []NewInstance
	for g := range 3 {
		list = append(list, NewInstance{
			Orchestration: fmt.Sprint("leaver-", n%4), Definition: json.RawMessage(`{}`), GUID: ident.GUID(fmt.Sprint(g)), Name: "x",
		})
	}
	if _, err := s.StartInstances(ctx, lease, list); err != nil {
		return err
	}
	due, err := s.DueInstances(ctx, s.now(), 100)
	if err != nil {
		return err
	}
	var advances []Advance
	for _, i := range due {
		advances = append(advances, Advance{
			Instance: i.ID, Version: i.Version, Status: InstanceDelivering, Step: "off",
			Deliver: &NewDelivery{Step: "off", Webhook: "off", Application: "crm"},
		})
	}
	if _, err := s.AdvanceInstances(ctx, lease, advances); err != nil {
		return err
	}
	for _, i := range due {
		fmt.Println("queued", i.ID, i.GUID, false)
	}
	return nil
}

func sendSome(ctx context.Context, s *Store, lease Lease, n int) error {
	taken, err := s.TakeDeliveries(ctx, lease, s.now(), map[string]int{"crm": 2})
	if err != nil {
		return err
	}
	var calls []Call
	var ids []int64
	for _, d := range taken {
		calls, ids = append(calls, Call{Delivery: d.ID, Call: []byte("call")}), append(ids, d.Instance)
	}
	if err := s.SaveCalls(ctx, lease, calls); err != nil {
		return err
	}
	instances, err := s.InstancesByID(ctx, ids)
	if err != nil {
		return err
	}
	var list []Settled
	for k, d := range taken {
		fmt.Println("sent", d.ID, d.GUID, d.Again)
		settled := Settled{Delivery: d.ID, State: DeliveryRetrying, Again: true}
		if (n+k)%3 > 0 {
			settled.State = DeliveryDone
			settled.Advance = &Advance{Instance: d.Instance, Version: instances[d.Instance].Version, Status: InstanceDone}
		}
		list = append(list, settled)
	}
	if _, err := s.SettleDeliveries(ctx, lease, list); err != nil {
		return err
	}
	for k, d := range list {
		if d.State == DeliveryDone {
			fmt.Println("done", d.Delivery, taken[k].GUID, false)
		}
	}
	return nil
}

// outboxLog is what the children have told.
type outboxLog struct {
	*testing.T
	queued map[int64]bool // instances; each has one delivery
	sent   map[int64]int
	done   map[int64]bool
	last   map[ident.GUID]int64 // the delivery about an object that was sent last
	twice  int
}

// told checks one line: about one object nothing is sent out of order or beside
// something else, and what is sent twice is known to be.
func (l *outboxLog) told(line string) {
	l.Helper()
	var what string
	var id int64
	var guid ident.GUID
	var again bool
	if _, err := fmt.Sscan(line, &what, &id, &guid, &again); err != nil {
		l.Fatalf("%q: %v", line, err)
	}
	switch what {
	case "queued":
		l.queued[id] = true
	case "done":
		l.done[id] = true
	case "sent":
		if l.done[id] || l.sent[id] > 0 && !again || id < l.last[guid] {
			l.Errorf("%s: sent %d times, done %v, the last about %s was %d", line, l.sent[id], l.done[id], guid, l.last[guid])
		}
		if l.sent[id]++; again {
			l.twice++
		}
		l.last[guid] = id
	}
}

func TestKillWhileSending(t *testing.T) {
	random := soak.Rand(t)
	dir := t.TempDir()
	l := &outboxLog{T: t, queued: map[int64]bool{}, sent: map[int64]int{}, done: map[int64]bool{}, last: map[ident.GUID]int64{}}
	for range soak.Size(6, 40) {
		sendAndKill(t, dir, 1+random.IntN(60), l)
		s, err := Open(t.Context(), dir)
		must(t, err)
		must(t, s.VerifyJournal(t.Context()))
		must(t, s.Deliveries(t.Context(), DeliveryFilter{}, func(d Delivery) error {
			if l.done[d.ID] && d.State != DeliveryDone || l.sent[d.ID] > 0 && d.Attempts == 0 {
				t.Errorf("%+v", d)
			}
			if status := statusOf(t, s, d.Instance); (status == InstanceDone) != (d.State == DeliveryDone) {
				t.Errorf("delivery %d is %s, and its instance %s", d.ID, d.State, status)
			}
			delete(l.queued, d.Instance)
			return nil
		}))
		must(t, s.Close())
		if len(l.queued) > 0 {
			t.Fatalf("queued and lost: %v", l.queued)
		}
	}
	if len(l.done) == 0 {
		t.Error("nothing was sent")
	}
	t.Logf("%d delivered, %d sent again", len(l.done), l.twice)
}

// sendAndKill starts the child and kills it at some moment after it has told
// count lines.
func sendAndKill(t *testing.T, dir string, count int, l *outboxLog) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashOutbox+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	n := 0
	for lines.Scan() {
		l.told(lines.Text())
		if n++; n == count {
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || n < count {
		t.Fatalf("the child ended by itself after %d lines: %v", n, err)
	}
}
