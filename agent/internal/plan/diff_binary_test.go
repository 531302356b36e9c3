package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

func TestDiffOfBytes(t *testing.T) {
	const a, b, c = "\xff\xd8\xff", "\xfe\xd8\xff", "\xff\xd8\xfe"
	for name, tc := range map[string]struct {
		add       bool
		want      []string
		have, New []string
	}{
		"alike":                          {false, []string{a}, []string{a}, nil},
		"they differ in what is no text": {false, []string{a}, []string{b}, []string{a}},
		"no case":                        {false, []string{"A"}, []string{"a"}, []string{"A"}},
		"one more, alike but for what is no text": {true, []string{c}, []string{a}, []string{c}},
		"one more, alike but for the case":        {true, []string{"A"}, []string{"a"}, []string{"A"}},
		"both are there":                          {true, []string{a, b}, []string{b, a}, nil},
		"two that differ in what is no text":      {false, []string{a, b, a}, nil, []string{a, b}},
	} {
		ch, verdict := attributeDiff(ident.DesiredAttribute{
			Name: "jpegPhoto", Values: tc.want, Add: tc.add, Binary: true,
			Apply: ident.ApplyAlways,
		}, tc.have, ident.Link{})
		if fmt.Sprint(ch.New) != fmt.Sprint(tc.New) || (verdict == different) != (tc.New != nil) || !ch.Binary {
			t.Errorf("%s: %q, %v", name, ch.New, verdict)
		}
	}
}

// binaryMapper makes field photo a binary attribute.
type binaryMapper struct {
	fakeMapper
	apply ident.Apply
}

func mapsPhotos(s *scene, apply ident.Apply) Mapper {
	return &binaryMapper{fakeMapper: *s.mapper, apply: apply}
}

func (m *binaryMapper) Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error) {
	d, err := m.fakeMapper.Map(rec, current, link, names)
	for i := range d.Attributes {
		if d.Attributes[i].Name == "jpegPhoto" {
			d.Attributes[i].Binary, d.Attributes[i].Apply = true, m.apply
		}
	}
	return d, err
}

// What is held in memory is bounded: the photos that are over it wait for a
// later run, and nothing else does.
func TestPhotosOfManyWaitForALaterRun(t *testing.T) {
	const each, people = 20 << 20, 7
	for name, c := range map[string]struct {
		apply ident.Apply
		known bool
		want  []int // photos in each run
	}{
		"of accounts that exist":        {ident.ApplyAlways, true, []int{3, 3, 1, 0}},
		"of new accounts":               {ident.ApplyAlways, false, []int{3, 3, 1, 0}},
		"with the creation only: never": {ident.ApplyCreate, false, []int{people, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
			for i := range people {
				key := ident.Key(fmt.Sprint(i))
				fields := map[string]any{"jpegPhoto": strings.Repeat(fmt.Sprint(i), each)}
				if c.known {
					s.known(key, fields)
				} else {
					s.record(key, fields)
				}
			}
			for run, want := range c.want {
				b := NewBuilder(s.set, s.world, mapsPhotos(s, c.apply), s.hist)
				for _, rec := range s.records {
					if err := b.Add(rec); err != nil {
						t.Fatal(err)
					}
				}
				p, err := b.Finish(s.delivery)
				if err != nil {
					t.Fatal(err)
				}
				photos := 0
				eachOperation(p, func(_ ident.Change, op ident.Operation) {
					for _, ch := range op.Attributes {
						if ch.Name == "jpegPhoto" {
							photos++
						}
					}
				})
				if photos != want {
					t.Errorf("run %d: %d photos, want %d", run, photos, want)
				}
				waits := len(b.draft.waiting)
				if told := len(p.Notes) > 0 && strings.Contains(p.Notes[0].Text, "with a binary value"); told != (waits > 0) {
					t.Errorf("run %d: %d wait, notes %v", run, waits, p.Notes)
				}
				s.apply(t, p, nil)
			}
		})
	}
}
