package rights

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// silent is a directory that computes nothing, or only what is given.
type silent struct{ entry ident.Entry }

func (s silent) Get(context.Context, conn.Target, []string) (ident.Entry, error) { return s.entry, nil }

func (s silent) Search(_ context.Context, _ conn.Query, each func(ident.Entry) error) error {
	if s.entry.DN == "" {
		return nil
	}
	return each(s.entry)
}

func entry(attributes map[string][]string) ident.Entry {
	return ident.Entry{DN: "CN=Ada,OU=Staff,DC=x", Attributes: attributes}
}

func TestNothingToldIsUnknown(t *testing.T) {
	e, err := Of(t.Context(), silent{entry(nil)}, "OU=Staff,DC=x")
	if err != nil {
		t.Fatal(err)
	}
	if _, known := e.MayCreate("user"); known {
		t.Error("a right to create is claimed to be known")
	}
	if lacking, _, known := e.Unwritable([]string{"mail"}); known || lacking != nil {
		t.Errorf("a right to write is claimed to be known: %q", lacking)
	}
}

func TestWhatIsAllowedToNobodyElse(t *testing.T) {
	e, ok, err := Sample(t.Context(), silent{entry(map[string][]string{
		"allowedattributes": {"mail", "title", "cn"}, "allowedattributeseffective": {"Mail"}, "allowedchildclasses": {"user", "group"},
	})}, "OU=Staff,DC=x")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	lacking, unheardOf, known := e.Unwritable([]string{"mail", "title", "titel"})
	if !known || !slices.Equal(lacking, []string{"title"}) || !slices.Equal(unheardOf, []string{"titel"}) {
		t.Errorf("lacking %q, unheard of %q, known %v", lacking, unheardOf, known)
	}
	if may, known := e.MayCreate("user"); may || !known {
		t.Errorf("may create: %v, known: %v", may, known)
	}
}

// failing refuses every request.
type failing struct{ silent }

var errRefused = errors.New("refused")

func (failing) Search(context.Context, conn.Query, func(ident.Entry) error) error { return errRefused }

func TestNoSampleAndNoAnswerAreNotTheSame(t *testing.T) {
	if _, ok, err := Sample(t.Context(), silent{}, "OU=Staff,DC=x"); ok || err != nil {
		t.Errorf("nobody there: %v, %v", ok, err)
	}
	if _, _, err := Sample(t.Context(), failing{}, "OU=Staff,DC=x"); !errors.Is(err, errRefused) {
		t.Errorf("got %v", err)
	}
}
