package simkit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	w := Window{Length: 2 * time.Second}
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for i, c := range []struct {
		after time.Duration
		want  Use
	}{
		{0, Use{true, 1, 2 * time.Second}},
		{500 * time.Millisecond, Use{true, 0, 1500 * time.Millisecond}},
		{time.Second, Use{false, 0, 500 * time.Millisecond}},
		{499 * time.Millisecond, Use{false, 0, time.Millisecond}},
		{time.Millisecond, Use{true, 0, 500 * time.Millisecond}},
	} {
		now = now.Add(c.after)
		if got := w.Take("a", 2, now); got != c.want {
			t.Errorf("request %d: %+v, want %+v", i, got, c.want)
		}
	}
	if got := w.Take("b", 2, now); !got.OK {
		t.Error("keys share a window")
	}
	if got := w.Reset("a", now); got != 500*time.Millisecond || Seconds(got) != 1 || Seconds(time.Second) != 1 {
		t.Errorf("reset %s", got)
	}
}

func TestBudget(t *testing.T) {
	var b Budget
	now := time.Date(2026, 3, 4, 23, 59, 0, 0, time.UTC)
	if !b.Spend(6, 10, now) || b.Spend(5, 10, now) || !b.Spend(4, 10, now) || b.Spent() != 10 {
		t.Errorf("spent %d", b.Spent())
	}
	if !b.Spend(5, 10, now.Add(time.Minute)) || b.Spent() != 5 {
		t.Errorf("the next day: spent %d", b.Spent())
	}
}

func TestStore(t *testing.T) {
	s := NewStore(1_000_000, func(id int64) []int64 { return []int64{id} }, func(v []int64) []int64 { return append([]int64{}, v...) })
	refused := errors.New("refused")
	_, after, ok, err := s.Change(2, func(v *[]int64) error { (*v)[0] = 20; return nil })
	if !ok || err != nil || after[0] != 20 {
		t.Errorf("%v %v %v", after, ok, err)
	}
	after[0] = 99
	if _, _, ok, err := s.Change(2, func(v *[]int64) error { (*v)[0] = 30; return refused }); !ok || !errors.Is(err, refused) {
		t.Errorf("%v %v", ok, err)
	}
	if _, _, ok, _ := s.Change(1_000_001, func(*[]int64) error { return nil }); ok {
		t.Error("nobody was changed")
	}
	s.Add(func(id int64) []int64 { return []int64{id, id} })
	s.Remove(3)
	if _, ok := s.Remove(3); ok {
		t.Error("removed twice")
	}
	tell := func() string {
		var out []any
		for _, id := range []int64{0, 1, 2, 3, 1_000_000, 1_000_001, 1_000_002} {
			v, _ := s.Get(id)
			out = append(out, v)
		}
		return fmt.Sprint(out, s.Highest(), s.Changed())
	}
	if got, want := tell(), "[[] [1] [20] [] [1000000] [1000001 1000001] []] 1000001 [[20] [1000001 1000001]]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if v, ok := s.Find(func(v []int64) bool { return v[0] == 20 }); !ok || len(v) != 1 {
		t.Errorf("found %v", v)
	}
	if v, ok := s.Find(func(v []int64) bool { return v[0] == 1 }); ok {
		t.Errorf("a generated record is kept: %v", v)
	}
	s.Reset()
	if got, want := tell(), "[[] [1] [2] [3] [1000000] [] []] 1000000 []"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNames(t *testing.T) {
	make := func(seed uint64, number int64) string {
		n := NewNames(seed)
		d := n.Dice(number)
		name := n.Full(&d, n.Culture(&d), number)
		return name + " <" + n.Address(&d, name, number) + ">"
	}
	differ := 0
	for number := int64(1); number <= 300; number++ {
		if again := make(7, number); make(7, number) != again {
			t.Errorf("person %d is not always the same", number)
		}
		if make(7, number) != make(8, number) {
			differ++
		}
		_, address, _ := strings.Cut(make(7, number), " <")
		if got, ok := NumberOf(address); !ok || got != number {
			t.Errorf("%s: number %d", address, got)
		}
	}
	if differ < 250 {
		t.Errorf("another seed: only %d people differ", differ)
	}
	n, given := NewNames(1), map[string]bool{}
	for number := range int64(1000) {
		if name, ok := n.Special(number); ok {
			given[name] = true
		}
	}
	for _, name := range n.Specials() {
		if !given[name] {
			t.Errorf("nobody is called %q", name)
		}
	}
}

func TestRunServesUntilItIsTold(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	status := 0
	err := Run(ctx, "127.0.0.1:0", http.NotFoundHandler(), func(address string) {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		status = res.StatusCode
		_ = res.Body.Close()
		stop()
	})
	if err != nil || status != 404 {
		t.Errorf("%d %v", status, err)
	}
	for _, address := range []string{"0.0.0.0:0", "example.org:1", "nothing"} {
		if err := Run(t.Context(), address, nil, nil); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
