package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

var wide = ReceiptBounds{Open: 1000, Bytes: 1 << 20}

func sent(delivery string, key ident.Key) NewReceipt {
	return NewReceipt{Application: "crm", Delivery: delivery, Kind: "change", Records: "user", Key: key, Body: []byte(`{"who":"` + key + `"}`)}
}

// keepSent stores receipts one by one, and fails unless all of them are new.
func keepSent(t *testing.T, s *Store, list ...NewReceipt) {
	t.Helper()
	for _, r := range list {
		got, err := s.KeepReceipts(t.Context(), wide, []NewReceipt{r})
		if err != nil || got[0] != KeptNew {
			t.Fatalf("%s: %v, %v", r.Delivery, got, err)
		}
	}
}

func open(t *testing.T, s *Store) []Receipt {
	t.Helper()
	return must1[[]Receipt](t)(s.OpenReceipts(t.Context(), "crm", s.now()))
}

func bodies(t *testing.T, s *Store) map[string]string {
	t.Helper()
	rows, err := s.reader.QueryContext(t.Context(), `SELECT delivery, body FROM receipts WHERE size = length(body)`)
	must(t, err)
	all := map[string]string{}
	_, err = collect(rows, func(row scanner) (_ struct{}, err error) {
		var delivery string
		var body []byte
		err = row.Scan(&delivery, &body)
		all[delivery] = string(body)
		return struct{}{}, err
	})
	must(t, err)
	return all
}

func TestReceiptsAreKeptOnce(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	other := sent("d1", "1")
	other.Application = "hr"
	got, err := s.KeepReceipts(t.Context(), wide, []NewReceipt{sent("d1", "1"), sent("d2", "2"), sent("d1", "1"), other})
	if err != nil || !slices.Equal(got, []Kept{KeptNew, KeptNew, KeptKnown, KeptNew}) {
		t.Fatalf("%v, %v", got, err)
	}
	if got, err := s.KeepReceipts(t.Context(), wide, []NewReceipt{sent("d2", "9")}); err != nil || got[0] != KeptKnown {
		t.Errorf("%v, %v", got, err)
	}
	want := []Receipt{
		{ID: 1, Application: "crm", Delivery: "d1", At: now.Now(), Kind: "change", Records: "user", Key: "1", State: ReceiptOpen, NextAt: now.Now()},
		{ID: 2, Application: "crm", Delivery: "d2", At: now.Now(), Kind: "change", Records: "user", Key: "2", State: ReceiptOpen, NextAt: now.Now()},
	}
	list := open(t, s)
	list[0].ID, list[1].ID = 1, 2 // a known delivery may take a number
	if d := cmp.Diff(want, list); d != "" {
		t.Error(d)
	}
}

// TestReceiptsAreBounded: nobody fills the disk, one application takes nothing from
// another, and what is known is not sent again and again.
func TestReceiptsAreBounded(t *testing.T) {
	s := openTest(t)
	few := ReceiptBounds{Open: 2, Bytes: 1 << 20}
	got, err := s.KeepReceipts(t.Context(), few, []NewReceipt{sent("d1", "1"), sent("d2", "2"), sent("d3", "3"), sent("d1", "1")})
	if err != nil || !slices.Equal(got, []Kept{KeptNew, KeptNew, KeptNot, KeptKnown}) {
		t.Fatalf("%v, %v", got, err)
	}
	other := sent("d1", "1")
	other.Application = "hr"
	if got, err := s.KeepReceipts(t.Context(), few, []NewReceipt{other}); err != nil || got[0] != KeptNew {
		t.Errorf("another application: %v, %v", got, err)
	}
	must(t, s.EndReceipts(t.Context(), []int64{open(t, s)[0].ID}, ReceiptDone, ""))
	if got, err := s.KeepReceipts(t.Context(), few, []NewReceipt{sent("d3", "3")}); err != nil || got[0] != KeptNew {
		t.Errorf("there is room again: %v, %v", got, err)
	}
	small := ReceiptBounds{Open: 100, Bytes: int64(2*len(sent("", "1").Body) + 1)}
	if got, err := s.KeepReceipts(t.Context(), small, []NewReceipt{sent("d4", "4")}); err != nil || got[0] != KeptNot {
		t.Errorf("too many bytes: %v, %v", got, err)
	}
}

// TestReceiptsEnd: a receipt ends when every automation has run for it, and then
// nobody keeps what the application sent.
func TestReceiptsEnd(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	keepSent(t, s, sent("d1", "1"), sent("d2", "2"), sent("d3", "3"), sent("d4", "4"))
	must(t, s.ReceiptsSeen(t.Context(), "staff", 7, []int64{1, 2}, []int64{2}))
	must(t, s.EndReceipts(t.Context(), []int64{3}, ReceiptIgnored, "no automation reads endpoint users"))
	now.Add(time.Minute)
	must(t, s.ReceiptsTried(t.Context(), "staff", []int64{3, 4}, now.Now().Add(time.Hour), "the application is down"))
	must(t, s.PutOffReceipts(t.Context(), []int64{4}, now.Now().Add(time.Minute), ""))
	list := open(t, s)
	if len(list) != 1 || list[0].ID != 1 || !slices.Equal(list[0].Ran, []string{"staff"}) || list[0].Run != 7 {
		t.Fatalf("%+v", list)
	}
	if d := cmp.Diff(map[string]string{"d1": `{"who":"1"}`, "d2": "", "d3": "", "d4": `{"who":"4"}`}, bodies(t, s)); d != "" {
		t.Error(d)
	}
	must(t, s.ReceiptsSeen(t.Context(), "more", 8, []int64{1}, []int64{1}))
	now.Add(time.Minute)
	if list = open(t, s); len(list) != 1 || list[0].ID != 4 || list[0].Attempts != 1 || list[0].Cause != "the application is down" ||
		len(list[0].Ran) > 0 || list[0].Tries["staff"] != (Try{Attempts: 1, Next: now.Now().Add(59 * time.Minute)}) {
		t.Fatalf("%+v", list)
	}
	about := must1[[]Receipt](t)(s.ReceiptsAbout(t.Context(), "crm", "", "1", 10))
	if len(about) != 1 || about[0].State != ReceiptDone || about[0].Run != 8 || !slices.Equal(about[0].Ran, []string{"more", "staff"}) || about[0].Ended.IsZero() {
		t.Errorf("%+v", about)
	}
	if about = must1[[]Receipt](t)(s.ReceiptsAbout(t.Context(), "crm", "deal", "1", 10)); len(about) != 0 {
		t.Errorf("%+v", about)
	}
	must(t, s.GiveUpReceipts(t.Context(), "staff", "twice", []int64{1}, []int64{1})) // what has ended stays as it is
	if about = must1[[]Receipt](t)(s.ReceiptsAbout(t.Context(), "crm", "user", "1", 10)); about[0].State != ReceiptDone {
		t.Errorf("%+v", about)
	}
}

// TestReceiptsThatOneAutomationGaveUp: the other one runs for it all the same, and
// then it is told that something failed.
func TestReceiptsThatOneAutomationGaveUp(t *testing.T) {
	s := openTest(t)
	keepSent(t, s, sent("d1", "1"), sent("d2", "2"))
	must(t, s.GiveUpReceipts(t.Context(), "staff", "the connector is gone", []int64{1, 2}, []int64{2}))
	list := open(t, s)
	if len(list) != 1 || list[0].ID != 1 || !slices.Equal(list[0].Ran, []string{"staff"}) || bodies(t, s)["d2"] != "" || bodies(t, s)["d1"] == "" {
		t.Fatalf("%+v", list)
	}
	must(t, s.ReceiptsSeen(t.Context(), "more", 9, []int64{1}, []int64{1}))
	for since, want := range map[time.Duration]map[string]int{-time.Minute: {"crm": 2}, time.Minute: {}} {
		if d := cmp.Diff(want, must1[map[string]int](t)(s.GivenUpReceipts(t.Context(), s.now().Add(since)))); d != "" {
			t.Errorf("given up since %s: %s", since, d)
		}
	}
	for _, key := range []ident.Key{"1", "2"} {
		got := must1[[]Receipt](t)(s.ReceiptsAbout(t.Context(), "crm", "user", key, 10))
		if len(got) != 1 || got[0].State != ReceiptFailed || got[0].Cause != "the connector is gone" {
			t.Errorf("%+v", got)
		}
	}
}

func TestReceiptsAreCounted(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	keepSent(t, s, sent("d1", "1"))
	first := now.Now()
	now.Add(time.Minute)
	keepSent(t, s, sent("d2", "2"))
	must(t, s.PutOffReceipts(t.Context(), []int64{1}, now.Now().Add(time.Hour), "x"))
	want := []OpenCount{{Application: "crm", Open: 2, Oldest: first, Next: now.Now()}}
	if d := cmp.Diff(want, must1[[]OpenCount](t)(s.OpenReceiptCounts(t.Context()))); d != "" {
		t.Error(d)
	}
}

// TestReceiptsAreRetained: they go with the history, open ones never do.
func TestReceiptsAreRetained(t *testing.T) {
	now := newClock()
	s := openTest(t, WithClock(now.Now))
	for i := range 10 {
		keepSent(t, s, sent(fmt.Sprint("d", i), "1"))
	}
	all := open(t, s)
	for _, r := range all[:8] {
		must(t, s.ReceiptsSeen(t.Context(), "staff", 3, []int64{r.ID}, []int64{r.ID}))
		now.Add(time.Hour)
	}
	left := func() int {
		return len(must1[[]Receipt](t)(s.ReceiptsAbout(t.Context(), "crm", "user", "1", 100)))
	}
	if n, err := s.TrimReceipts(t.Context(), now.Now(), 8); err != nil || n != 0 {
		t.Errorf("none is too many: %d, %v", n, err)
	}
	if n, err := s.TrimReceipts(t.Context(), now.Now().Add(-7*time.Hour), 2); err != nil || n != 1 || left() != 9 {
		t.Errorf("what is young is still known: %d, %v", n, err)
	}
	if n, err := s.TrimReceipts(t.Context(), now.Now(), 5); err != nil || n != 2 || left() != 7 {
		t.Errorf("the oldest go: %d, %d, %v", n, left(), err)
	}
	removed, err := s.Retain(t.Context(), Retention{Runs: now.Now().Add(time.Hour)})
	if err != nil || removed.Receipts != 5 || left() != 2 || len(open(t, s)) != 2 {
		t.Errorf("%+v, %d, %v", removed, left(), err)
	}
}

// TestReceiptsOutliveACancel: a caller that has given up learns nothing, and what
// is stored is whole.
func TestReceiptsOutliveACancel(t *testing.T) {
	s := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.KeepReceipts(ctx, wide, []NewReceipt{sent("d1", "1")}); err == nil {
		t.Error("it says that it was stored")
	}
	keepSent(t, s, sent("d1", "1"))
}
