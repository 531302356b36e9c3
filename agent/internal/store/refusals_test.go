package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestRefusals(t *testing.T) {
	s := openAt(t, t.TempDir())
	at := time.Unix(0, 1767323045000000006).UTC()
	title := ident.Refusal{Key: "1", Part: "title", Digest: "a", Cause: "too long", Next: "shorten it", Tries: 1, Again: at}
	create := ident.Refusal{Key: "2", Part: ident.RefusedOperation(ident.ClassCreate), Digest: "b", Cause: "no", Next: "see", Tries: 3, Again: at}
	want := func(automation string, list ...ident.Refusal) {
		t.Helper()
		got, err := s.Refusals(t.Context(), automation)
		if d := cmp.Diff(list, got); d != "" || err != nil {
			t.Errorf("%s (-want +got)\n%s%v", automation, d, err)
		}
	}
	must(t, s.Refuse(t.Context(), "staff", []ident.Refusal{create, title}))
	must(t, s.Refuse(t.Context(), "other", []ident.Refusal{title}))
	want("staff", title, create)
	for _, c := range []struct {
		automation string
		of, want   ident.Refusal
	}{{"staff", title, title}, {"staff", create, create}, {"other", create, ident.Refusal{}}, {"staff", ident.Refusal{Key: "1"}, ident.Refusal{}}} {
		got, found, err := s.Refusal(t.Context(), c.automation, c.of.Key, c.of.Part)
		if d := cmp.Diff(c.want, got); d != "" || found != (c.want.Key != "") || err != nil {
			t.Errorf("%s: %+v, %t, %v", c.automation, got, found, err)
		}
	}
	title.Tries, title.Digest = 2, "c" // in the place of the first
	must(t, s.Refuse(t.Context(), "staff", []ident.Refusal{title}))
	want("staff", title, create)
	must(t, s.ForgetRefusals(t.Context(), "staff", []ident.Refusal{{Key: "1", Part: "title"}, {Key: "2", Part: "title"}}))
	want("staff", create)
	must(t, s.ForgetRefusals(t.Context(), "staff", nil))
	want("staff", create)
	title.Tries, title.Digest = 1, "a"
	want("other", title)
}
